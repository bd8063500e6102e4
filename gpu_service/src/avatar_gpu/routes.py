"""The HTTP surface: thin routes over the worker and the enrolment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal
from urllib.parse import unquote

from anyio import to_thread
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from avatar_contracts.enrolment import (
    MAX_TRANSCRIPT_CHARS,
    TRANSCRIPT_HEADER,
    PortraitSummary,
    VoiceSummary,
)
from avatar_contracts.health import EngineList, GpuHealth
from avatar_contracts.languages import LanguageTag
from avatar_contracts.performance import PerformanceRequest, TaskId
from avatar_contracts.problems import AvatarError, InvalidRequest, PayloadTooLarge
from avatar_contracts.speech import SpeechRequest
from avatar_contracts.stream import CONTENT_TYPE
from avatar_gpu import __version__
from avatar_gpu.catalogue import Catalogue
from avatar_gpu.device import Device
from avatar_gpu.enrolment import Enrolment
from avatar_gpu.metrics import Metrics
from avatar_gpu.settings import Settings
from avatar_gpu.worker import Worker

router = APIRouter()


@dataclass(frozen=True)
class Services:
    """What the routes work with; made by the app's lifespan."""

    settings: Settings
    device: Device
    catalogue: Catalogue
    enrolment: Enrolment
    worker: Worker
    metrics: Metrics


def services_of(request: Request) -> Services:
    """The services of the app that handles ``request``."""
    services: Services = request.app.state.services
    return services


Wired = Annotated[Services, Depends(services_of)]
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the body, hexadecimal")]


@router.get("/health")
async def health(services: Wired) -> GpuHealth:
    """Whether the service takes work, and how much it has."""
    worker = services.worker
    return GpuHealth(
        status="ok",
        version=__version__,
        device=services.device,
        running=worker.running,
        waiting=worker.waiting,
        capacity=services.settings.max_concurrent_tasks,
    )


@router.get("/metrics")
async def metrics(services: Wired) -> Response:
    """Prometheus text format."""
    return Response(services.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/v1/engines")
async def engines(services: Wired) -> EngineList:
    """The engine catalogue, with the languages and built-in voices of speech engines."""
    return await to_thread.run_sync(services.catalogue.info)


@router.put("/v1/voices/{digest}")
async def enrol_voice(
    request: Request,
    digest: Digest,
    services: Wired,
    engine: Annotated[str | None, Query(description="speech engine that learns the voice")] = None,
    language: Annotated[
        LanguageTag | None, Header(alias="Content-Language", description="of the recording")
    ] = None,
    transcript: Annotated[
        str | None,
        Header(alias=TRANSCRIPT_HEADER, description="what the recording says, percent-encoded UTF-8"),
    ] = None,
) -> VoiceSummary:
    """Learns a voice from a recording (the raw body: WAV, MP3, M4A, OGG, FLAC, or a video with sound).

    A transcript makes the voice clearer and more alike; it is used where it fits what is heard.
    """
    words = unquote(transcript or "").strip() or None
    if words is not None and len(words) > MAX_TRANSCRIPT_CHARS:
        raise InvalidRequest(f"{TRANSCRIPT_HEADER}: at most {MAX_TRANSCRIPT_CHARS} characters")
    data = await read_body(request, services.settings.max_upload_bytes)
    learn = partial(services.enrolment.enrol_voice, language=language, transcript=words)
    with counted(services.metrics, "voice"):
        return await to_thread.run_sync(learn, digest, data, engine)


@router.put("/v1/portraits/{digest}")
async def enrol_portrait(
    request: Request,
    digest: Digest,
    services: Wired,
    pick: Annotated[
        Literal["only", "largest"], Query(description="only: a photo of several people is refused")
    ] = "only",
) -> PortraitSummary:
    """Analyses a photo (the raw body: JPEG, PNG, WebP and what else Pillow reads)."""
    data = await read_body(request, services.settings.max_upload_bytes)
    with counted(services.metrics, "portrait"):
        enrol = partial(services.enrolment.enrol_portrait, digest, data, pick_largest=pick == "largest")
        return await to_thread.run_sync(enrol)


@router.post("/v1/speech", response_class=StreamingResponse)
async def speech(
    body: SpeechRequest,
    services: Wired,
    task_id: Annotated[TaskId | None, Query(description="for DELETE /v1/tasks/{id}")] = None,
) -> StreamingResponse:
    """Speaks a text: a stream of ``SpeechEvent`` as msgpack maps."""
    return StreamingResponse(await services.worker.speech(body, task_id), media_type=CONTENT_TYPE)


@router.post("/v1/performances", response_class=StreamingResponse)
async def perform(body: PerformanceRequest, services: Wired) -> StreamingResponse:
    """A portrait says a text: a stream of ``PerformanceEvent`` as msgpack maps."""
    return StreamingResponse(await services.worker.performance(body), media_type=CONTENT_TYPE)


@router.delete("/v1/tasks/{task_id}", status_code=204)
async def cancel(task_id: TaskId, services: Wired) -> None:
    """Stops a running or waiting task."""
    services.worker.cancel(task_id)


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The whole body.

    Raises:
        PayloadTooLarge: it is, or says it is, larger than the limit.
    """
    declared = request.headers.get("content-length", "")
    too_large = PayloadTooLarge(f"The upload is larger than {limit_bytes} bytes.", limit_bytes=limit_bytes)
    if declared.isdigit() and int(declared) > limit_bytes:
        raise too_large
    pieces = bytearray()
    async for piece in request.stream():
        pieces += piece
        if len(pieces) > limit_bytes:
            raise too_large
    return bytes(pieces)


class counted:  # noqa: N801 — reads as a statement
    """Counts one enrolment by its outcome."""

    def __init__(self, metrics: Metrics, kind: str) -> None:
        self._metrics = metrics
        self._kind = kind

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        outcome = "done" if error is None else error.slug if isinstance(error, AvatarError) else "error"
        self._metrics.enrolments.labels(self._kind, outcome).inc()
