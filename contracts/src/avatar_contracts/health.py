"""Health and the engine catalogue as clients see them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from avatar_contracts.model import Reply


class EngineInfo(Reply):
    name: str
    capability: Literal["speech", "motion", "render"]
    available: bool
    reason: str | None = Field(default=None, description="why not available, and what to do")
    loaded: bool = False
    licence: str
    description: str
    languages: tuple[str, ...] = Field(default=(), description="speech engines only; empty: any")
    voices: tuple[str, ...] = Field(default=(), description="built-in voices of a speech engine")


class EngineList(Reply):
    engines: tuple[EngineInfo, ...]
    defaults: dict[str, str] = Field(description="capability → engine name")


class GpuHealth(Reply):
    """Answer of the GPU service's ``GET /health``."""

    status: Literal["ok", "starting", "stopping"]
    version: str
    device: str
    running: int
    waiting: int
    capacity: int


class RuntimeHealth(Reply):
    """Answer of the runtime's ``GET /health``."""

    status: Literal["ok", "degraded"]
    version: str
    mode: str
    gpu_service: GpuHealth | None
    detail: str | None = None
    jobs_queued: int = 0
    jobs_running: int = 0
