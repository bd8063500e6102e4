"""Client of the GPU service: typed answers, streams of events, and the same error classes as over there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import anyio
import httpx
from pydantic import BaseModel, ValidationError

from avatar_contracts.enrolment import TRANSCRIPT_HEADER, PortraitSummary, VoiceSummary
from avatar_contracts.health import EngineList, GpuHealth
from avatar_contracts.performance import PerformanceDone, PerformanceEvent, PerformanceRequest
from avatar_contracts.problems import (
    AvatarError,
    GpuServiceUnreachable,
    Problem,
    RemoteError,
    StreamBroken,
)
from avatar_contracts.speech import Failed
from avatar_contracts.stream import CONTENT_TYPE, EventDecoder, performance_events

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

TRIES = 4
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
CONNECT_S = 5.0
ANSWER_S = 60.0
HEALTH_S = 2.0
CANCEL_S = 5.0
UPLOAD_CHUNK_BYTES = 256 * 1024
_GATEWAY_STATUSES = frozenset({502, 503, 504})
_log = logging.getLogger(__name__)


class GpuClient:
    """One connection pool to one GPU service. An asynchronous context manager.

    A request that never arrived, or was answered 503, is repeated up to ``TRIES`` times with growing pauses;
    everything else is the caller's decision, told by ``AvatarError.retryable``.
    """

    def __init__(
        self,
        url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        stream_idle_s: float = 300.0,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            transport=transport,
            trust_env=False,
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
        )
        self._stream_timeout = httpx.Timeout(stream_idle_s, connect=CONNECT_S)
        self._sleep = sleep

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._http.__aexit__(exc_type, exc_value, traceback)

    async def health(self) -> GpuHealth:
        """What the service says of itself, asked once with a short time-out."""
        return await self._ask("GET", "/health", GpuHealth, timeout=httpx.Timeout(HEALTH_S))

    async def engines(self) -> EngineList:
        """The engines of the service."""
        return await self._patiently(lambda: self._ask("GET", "/v1/engines", EngineList))

    async def enrol_voice(
        self, sha256: str, file: Path, *, language: str | None = None, transcript: str | None = None
    ) -> VoiceSummary:
        """Uploads a recording, with its language and words where they are known. Raises what the service
        found wrong with it."""
        told = {
            **({"Content-Language": language} if language else {}),
            **({TRANSCRIPT_HEADER: quote(transcript)} if transcript else {}),
        }
        path = f"/v1/voices/{sha256}"
        return await self._patiently(lambda: self._upload(path, file, VoiceSummary, told))

    async def enrol_portrait(self, sha256: str, file: Path, *, pick_largest: bool = False) -> PortraitSummary:
        """Uploads a photo; of several people the largest face only if that is asked for. Raises what the
        service found wrong with it."""
        path = f"/v1/portraits/{sha256}" + ("?pick=largest" if pick_largest else "")
        return await self._patiently(lambda: self._upload(path, file, PortraitSummary))

    async def perform(self, request: PerformanceRequest) -> AsyncGenerator[PerformanceEvent, None]:
        """The events of a performance up to and including ``PerformanceDone``.

        Whoever stops early (``aclose``, cancellation) also ends the task over there.

        Raises:
            StreamBroken: the stream ended without its closing event.
            AvatarError: what the service answered or sent as ``Failed``.
        """
        finished = False
        try:
            decoder = EventDecoder(performance_events)
            async with self._stream("/v1/performances", request) as response:
                async for chunk in response.aiter_raw():
                    for event in decoder.feed(chunk):
                        if isinstance(event, Failed):
                            raise AvatarError.from_problem(event.problem)
                        finished = isinstance(event, PerformanceDone)
                        yield event
                        if finished:
                            return
            decoder.close()
            raise StreamBroken("The GPU service ended the stream before the performance was done.")
        except AvatarError as error:
            finished = finished or not isinstance(error, StreamBroken)
            raise
        finally:
            if not finished:
                await self.cancel(request.task_id)

    async def cancel(self, task_id: str) -> None:
        """Ends a task over there, as far as the service can be reached."""
        try:
            with anyio.fail_after(CANCEL_S, shield=True):
                await self._http.delete(f"/v1/tasks/{task_id}")
        except (httpx.HTTPError, TimeoutError):
            _log.info("task could not be cancelled", extra={"task": task_id})

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        pause_s = FIRST_PAUSE_S
        for left in reversed(range(TRIES)):
            try:
                return await call()
            except AvatarError as error:
                if left == 0 or not (error.retryable and error.status == GpuServiceUnreachable.status):
                    raise
                await self._sleep(min(max(pause_s, error.retry_after_s or 0.0), LONGEST_PAUSE_S))
                pause_s *= 2
        raise AssertionError("unreachable: the last try returns or raises")

    async def _upload(self, path: str, file: Path, answer: type[M], told: dict[str, str] | None = None) -> M:
        size = (await anyio.Path(file).stat()).st_size
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size), **(told or {})}
        return await self._ask(
            "PUT", path, answer, content=_chunks_of(file), headers=headers, timeout=self._stream_timeout
        )

    async def _ask(
        self,
        method: str,
        path: str,
        answer: type[M],
        *,
        content: AsyncIterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
        timeout: httpx.Timeout | None = None,  # noqa: ASYNC109 — httpx enforces it
    ) -> M:
        try:
            response = await self._http.request(
                method, path, content=content, headers=headers, timeout=timeout or self._http.timeout
            )
        except httpx.HTTPError as error:
            raise _transport_failure(error) from error
        if response.is_error:
            raise _problem_of(response)
        try:
            return answer.model_validate_json(response.content)
        except ValidationError as error:
            raise RemoteError(f"The GPU service answered {path} with something unexpected.") from error

    @asynccontextmanager
    async def _stream(self, path: str, body: BaseModel) -> AsyncIterator[httpx.Response]:
        try:
            async with self._http.stream(
                "POST",
                path,
                content=body.model_dump_json().encode(),
                headers={"Content-Type": "application/json", "Accept": CONTENT_TYPE},
                timeout=self._stream_timeout,
            ) as response:
                if response.is_error:
                    await response.aread()
                    raise _problem_of(response)
                yield response
        except httpx.HTTPError as error:
            raise _transport_failure(error) from error


async def _chunks_of(file: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(file, "rb") as source:
        while chunk := await source.read(UPLOAD_CHUNK_BYTES):
            yield chunk


def _transport_failure(error: httpx.HTTPError) -> AvatarError:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return GpuServiceUnreachable(
            "The GPU service cannot be reached; start it, or correct GPU_SERVICE_URL."
        )
    if isinstance(error, httpx.TimeoutException):
        return StreamBroken("The GPU service stopped answering.")
    return StreamBroken("The connection to the GPU service broke off.")


def _problem_of(response: httpx.Response) -> AvatarError:
    try:
        return AvatarError.from_problem(Problem.model_validate_json(response.content))
    except ValidationError:
        pass
    if response.status_code in _GATEWAY_STATUSES:
        return GpuServiceUnreachable(
            f"Something in front of the GPU service answered {response.status_code}."
        )
    return RemoteError(
        f"The GPU service answered {response.status_code}.", remote_status=response.status_code
    )
