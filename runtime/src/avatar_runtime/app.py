"""The app factory."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import RedirectResponse

from avatar_contracts.server import install_problem_handlers
from avatar_runtime import __version__
from avatar_runtime.database import Database
from avatar_runtime.embedded import embedded_gpu_service
from avatar_runtime.engine_list import Engines
from avatar_runtime.enrolment import Enrolment
from avatar_runtime.generation import GenerateRequest, Resolution
from avatar_runtime.gpu_client import GpuClient
from avatar_runtime.job_engine import InProcessJobEngine
from avatar_runtime.job_table import JobTable
from avatar_runtime.library import Library
from avatar_runtime.logs import RequestLog
from avatar_runtime.production import Production
from avatar_runtime.routes import generate, health, jobs, library, videos
from avatar_runtime.segment_file import PART_SUFFIX
from avatar_runtime.services import Services
from avatar_runtime.settings import Settings

EMBEDDED_URL = "http://gpu-service.internal"
DESCRIPTION = """Turns a script into a video of a person saying it, in their own cloned voice, from one photo.

Failures are problem documents (RFC 9457) with `retryable` and `request_id`."""


def create_app(
    settings: Settings | None = None, *, gpu_transport: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """The runtime. Nothing is opened before the app starts.

    ``gpu_transport`` replaces the way to the GPU service; by default it is a socket to ``gpu_service_url``,
    or a GPU service held in this process.
    """
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _services(chosen, gpu_transport) as services:
            app.state.services = services
            yield

    app = FastAPI(title="Realtime Avatar", version=__version__, description=DESCRIPTION, lifespan=lifespan)
    install_problem_handlers(app)
    app.add_middleware(RequestLog)
    for module in (health, generate, jobs, videos, library):
        app.include_router(module.router)
    app.add_api_route("/", _to_docs, include_in_schema=False)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def stop_waiting(app: FastAPI) -> None:
    """Answers everybody who waits for a film with the job as it is: the process is about to end."""
    services: Services | None = getattr(app.state, "services", None)
    if services is not None:
        services.job_engine.stop_waiting()


async def _to_docs() -> RedirectResponse:
    return RedirectResponse("/docs")


@asynccontextmanager
async def _services(
    settings: Settings, gpu_transport: httpx.AsyncBaseTransport | None
) -> AsyncIterator[Services]:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        owner = _own(settings.data_dir)
        stack.callback(owner.close)
        database = Database(settings.resolved_database_url)
        stack.push_async_callback(database.close)
        await database.create_tables()
        gpu = await stack.enter_async_context(_gpu_client(settings, gpu_transport))
        shelf = Library(
            database, settings.data_dir, settings.assets_dir, max_upload_bytes=settings.max_upload_bytes
        )
        await shelf.prepare()
        engines = Engines(gpu)
        enrolment = Enrolment(database, shelf, gpu)
        production = Production(
            gpu, enrolment, jobs_dir=settings.data_dir / "jobs", videos_dir=settings.videos_dir
        )
        await production.prepare()
        table = JobTable(database, _identity(settings.data_dir))
        engine = InProcessJobEngine(
            table,
            production,
            concurrency=settings.job_concurrency,
            attempts=settings.job_attempts,
            retry_for_s=settings.retry_for_s,
            capacity_wait_s=settings.capacity_wait_s,
        )
        await engine.start()
        stack.push_async_callback(engine.stop)
        yield Services(
            settings=settings,
            gpu=gpu,
            engines=engines,
            library=shelf,
            enrolment=enrolment,
            resolution=Resolution(settings, shelf, enrolment, engines),
            jobs=table,
            job_engine=engine,
            production=production,
        )


def _gpu_client(settings: Settings, transport: httpx.AsyncBaseTransport | None) -> GpuClient:
    embedded = not settings.use_external_gpu_service and transport is None
    return GpuClient(
        EMBEDDED_URL if embedded else settings.gpu_service_url,
        transport=embedded_gpu_service(settings) if embedded else transport,
        stream_idle_s=settings.stream_idle_s,
    )


def _own(data_dir: Path) -> sqlite3.Connection:
    """Holds ``data_dir`` for this process until the connection is closed or the process ends.

    Raises:
        RuntimeError: another process holds it. Two would take up each other's jobs.
    """
    connection = sqlite3.connect(data_dir / "owner.lock", timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        connection.close()
        raise RuntimeError(
            f"Another runtime uses the data folder {data_dir}; stop it, or set DATA_DIR to another folder."
        ) from error
    return connection


def _identity(data_dir: Path) -> str:
    """The name of the runtime that this data folder belongs to, the same after every restart."""
    path = data_dir / "runtime-id"
    if not path.exists():
        part = path.with_name(path.name + PART_SUFFIX)
        part.write_text(uuid4().hex, encoding="ascii")
        part.replace(path)
    return path.read_text(encoding="ascii").strip()


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schema = GenerateRequest.model_json_schema(ref_template="#/components/schemas/{model}")
        parts = schema.pop("$defs", {})
        document.setdefault("components", {}).setdefault("schemas", {}).update(
            {**parts, "GenerateRequest": schema}
        )
        app.openapi_schema = document
    return app.openapi_schema
