"""A runtime in the test's event loop, with a small library and a GPU service that the test controls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from fake_gpu import FakeGpu
from fastapi import FastAPI

from avatar_contracts.problems import Problem
from avatar_runtime.app import create_app
from avatar_runtime.asgi_transport import StreamingASGITransport
from avatar_runtime.settings import Settings

PNG = b"\x89PNG\r\n\x1a\n"
WAV = b"RIFF\x00\x00\x00\x00WAVEfmt "
HELLO = {"text": "Hello from GPU acceleration!", "language": "en", "size_px": 128}
GENERATE = "/api/v1/generate"


def make_assets(folder: Path) -> Path:
    """A library: four photos, two of which are refused by the GPU service, and two recordings."""
    files = {
        "images/astronaut.png": PNG + b"a face",
        "images/landscape.png": PNG + b"NOFACE",
        "images/broken.png": PNG + b"CORRUPT",
        "images/readme.txt": b"not an image",
        "voice/maria.wav": WAV + b"a voice",
        "voice/es.wav": WAV + b"una voz",
    }
    for name, data in files.items():
        path = folder / "assets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder / "assets"


def settings_in(folder: Path, **changes: Any) -> Settings:
    """Settings that touch nothing outside ``folder``."""
    fields: dict[str, Any] = {
        "data_dir": folder / "data",
        "assets_dir": folder / "assets",
        "models_dir": folder / "models",
        "retry_for_s": 5.0,
        **changes,
    }
    return Settings(_env_file=None, **fields)  # type: ignore[call-arg]


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a running ``app``."""
    transport = StreamingASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://runtime", timeout=60) as client:
        yield client


@asynccontextmanager
async def running(folder: Path, gpu: FakeGpu, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a runtime whose GPU service is ``gpu``, called in process."""
    make_assets(folder)
    transport = StreamingASGITransport(gpu.app(), grace_s=0.2)
    async with serving(create_app(settings_in(folder, **changes), gpu_transport=transport)) as client:
        yield client


def problem_of(response: httpx.Response) -> Problem:
    """The problem document in an answer, checked for what every problem must have."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem = Problem.model_validate_json(response.content)
    assert problem.status == response.status_code
    assert problem.detail
    assert problem.request_id == response.headers["x-request-id"]
    return problem


async def eventually(condition: Callable[[], bool]) -> None:
    """Returns when ``condition`` holds; fails where it does not within seconds."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("what was waited for did not happen")


async def job_when(client: httpx.AsyncClient, job_id: str, *statuses: str) -> dict[str, Any]:
    """The job's document once its status is one of ``statuses``."""
    for _ in range(1000):
        job: dict[str, Any] = (await client.get(f"/api/v1/jobs/{job_id}")).json()
        if job["status"] in statuses:
            return job
        await asyncio.sleep(0.02)
    raise AssertionError(f"the job is still {job['status']}: {job}")
