"""The app factory of the GPU service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import cv2
from anyio import to_thread
from fastapi import FastAPI
from threadpoolctl import threadpool_limits

from avatar_contracts.problems import EngineUnavailable
from avatar_contracts.server import install_problem_handlers
from avatar_gpu import __version__
from avatar_gpu.catalogue import Catalogue, EngineSpec
from avatar_gpu.device import choose_device
from avatar_gpu.enrolment import Enrolment
from avatar_gpu.memory import share_arenas
from avatar_gpu.metrics import Metrics
from avatar_gpu.protocols import EngineContext
from avatar_gpu.routes import Services, router
from avatar_gpu.settings import Settings
from avatar_gpu.worker import Worker

_log = logging.getLogger(__name__)


def create_app(settings: Settings, *, specs: tuple[EngineSpec, ...] | None = None) -> FastAPI:
    """The service as an ASGI app. Nothing is loaded before its lifespan starts.

    specs: the engines of the catalogue; by default the built-in and the installed ones.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        share_arenas()
        device = choose_device(settings.device)
        # Stages run side by side on threads of their own: inner thread pools only take turns with them.
        cv2.setNumThreads(1)
        with threadpool_limits(limits=1):
            catalogue = Catalogue(
                EngineContext(device, settings.models_dir, settings.speech_workers),
                {
                    "speech": settings.speech_engine,
                    "motion": settings.motion_engine,
                    "render": settings.render_engine,
                },
                licence_profile=settings.licence_profile,
                specs=specs,
            )
            enrolment = Enrolment(
                settings.data_dir / "enrolled",
                settings.models_dir,
                catalogue,
                max_bytes=settings.enrolment_cache_bytes,
            )
            metrics = Metrics()
            worker = Worker(settings, catalogue, enrolment, metrics)
            app.state.services = Services(settings, device, catalogue, enrolment, worker, metrics)
            if settings.warm_on_start:
                await _warm(catalogue)
            unloading = asyncio.create_task(_unload_idle(catalogue, settings.engine_idle_s))
            try:
                yield
            finally:
                unloading.cancel()
                await worker.stop()
                await to_thread.run_sync(catalogue.close)

    app = FastAPI(title="Realtime Avatar GPU service", version=__version__, lifespan=lifespan)
    install_problem_handlers(app)
    app.include_router(router)
    return app


async def _warm(catalogue: Catalogue) -> None:
    try:
        await to_thread.run_sync(catalogue.warm_defaults)
    except EngineUnavailable as error:
        _log.warning("a default engine cannot run yet", extra={"reason": error.detail})


async def _unload_idle(catalogue: Catalogue, idle_s: float) -> None:
    while idle_s > 0:
        await asyncio.sleep(idle_s / 4)
        for name in await to_thread.run_sync(catalogue.unload_idle, idle_s):
            _log.info("engine unloaded", extra={"engine": name})
