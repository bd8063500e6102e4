"""A GPU service with fake engines on a loopback socket, in a thread of the test process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import httpx
import numpy as np
import uvicorn
from fake_engines import SPECS
from fastapi import FastAPI

from avatar_contracts.enrolment import Box, HeadPose, PortraitSummary
from avatar_gpu.app import create_app
from avatar_gpu.portrait import save_portrait
from avatar_gpu.protocols import Portrait
from avatar_gpu.settings import Settings

PORTRAIT = sha256(b"a portrait that was enrolled before").hexdigest()


def fake_settings(folder: Path, **changes: object) -> Settings:
    """Settings for the fake engines, with files below ``folder``."""
    fields: dict[str, object] = {
        "data_dir": folder / "data",
        "models_dir": folder / "models",
        "device": "cpu",
        "speech_engine": "fake",
        "motion_engine": "fake",
        "render_engine": "fake",
        **changes,
    }
    return Settings(_env_file=None, **fields)  # type: ignore[call-arg, arg-type]


def put_portrait(settings: Settings) -> None:
    """Places an analysed portrait in the cache, as an earlier upload would have."""
    folder = settings.data_dir / "enrolled" / "portraits" / PORTRAIT
    folder.mkdir(parents=True)
    summary = PortraitSummary(
        sha256=PORTRAIT,
        width_px=64,
        height_px=64,
        face=Box(x=16, y=16, width=32, height=32),
        pose=HeadPose(yaw_deg=0, pitch_deg=0, roll_deg=0),
        interocular_px=16,
        score=1,
    )
    image = np.zeros((64, 64, 3), np.uint8)
    save_portrait(Portrait(image, np.zeros((478, 3), np.float32), None, summary), folder / "portrait.npz")


@contextmanager
def serving(app: FastAPI) -> Iterator[httpx.Client]:
    """A client of ``app`` on a free port."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            thread.join(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(20)


@contextmanager
def live_service(folder: Path, **changes: object) -> Iterator[httpx.Client]:
    """A client of a service with fake engines that holds ``PORTRAIT``."""
    settings = fake_settings(folder, **changes)
    put_portrait(settings)
    with serving(create_app(settings, specs=SPECS)) as client:
        yield client
