"""Everything that the routes work with, made once per app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from avatar_runtime.engine_list import Engines
from avatar_runtime.enrolment import Enrolment
from avatar_runtime.generation import Resolution
from avatar_runtime.gpu_client import GpuClient
from avatar_runtime.job_engine import JobEngine
from avatar_runtime.jobs import JobStore
from avatar_runtime.library import Library
from avatar_runtime.production import Production
from avatar_runtime.settings import Settings


@dataclass(frozen=True)
class Services:
    """The parts of a running app."""

    settings: Settings
    gpu: GpuClient
    engines: Engines
    library: Library
    enrolment: Enrolment
    resolution: Resolution
    jobs: JobStore
    job_engine: JobEngine
    production: Production


def services_of(request: Request) -> Services:
    """The services of the app that answers ``request``."""
    return cast(Services, request.app.state.services)


ServicesDependency = Annotated[Services, Depends(services_of)]
