"""The client repeats what may be repeated, and rebuilds the errors of the service."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from avatar_contracts.performance import PerformanceRequest
from avatar_contracts.problems import (
    AtCapacity,
    AvatarError,
    EngineFailed,
    GpuServiceUnreachable,
    NoFace,
    RemoteError,
    StreamBroken,
)
from avatar_contracts.speech import SpeechRequest
from avatar_runtime.gpu_client import TRIES, GpuClient

ENGINES: dict[str, object] = {"engines": [], "defaults": {}}
REQUEST = PerformanceRequest(
    task_id="task", speech=SpeechRequest(text="Hello.", language="en"), portrait="0" * 64
)
Answer = Callable[[httpx.Request], httpx.Response]


def problem(error: AvatarError) -> httpx.Response:
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s else {}
    return httpx.Response(error.status, json=error.problem().model_dump(), headers=headers)


class Script:
    """Answers in turn, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.pauses_s: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])(request)

    async def sleep(self, seconds: float) -> None:
        self.pauses_s.append(seconds)

    def client(self) -> GpuClient:
        return GpuClient("http://gpu", transport=httpx.MockTransport(self), sleep=self.sleep)


def refuse_connection(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def engines(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=ENGINES)


async def test_a_refused_connection_is_tried_again_with_growing_pauses() -> None:
    script = Script(refuse_connection, refuse_connection, engines)
    async with script.client() as gpu:
        assert (await gpu.engines()).engines == ()
    assert script.pauses_s == [0.2, 0.4]


async def test_a_service_that_stays_away_is_unreachable_and_retryable() -> None:
    script = Script(refuse_connection)
    async with script.client() as gpu:
        with pytest.raises(GpuServiceUnreachable, match="GPU_SERVICE_URL") as caught:
            await gpu.engines()
    assert caught.value.retryable
    assert len(script.requests) == TRIES


async def test_the_pause_honours_retry_after() -> None:
    script = Script(lambda _: problem(AtCapacity("full", retry_after_s=3)), engines)
    async with script.client() as gpu:
        await gpu.engines()
    assert script.pauses_s == [3]


@pytest.mark.parametrize("error", [NoFace("nobody there"), EngineFailed("died")])
async def test_an_answer_that_is_no_503_is_not_repeated(error: AvatarError, tmp_path: Path) -> None:
    script = Script(lambda _: problem(error))
    photo = tmp_path / "photo"
    photo.write_bytes(b"photo")
    async with script.client() as gpu:
        with pytest.raises(type(error), match=error.detail):
            await gpu.enrol_portrait("0" * 64, photo)
    assert len(script.requests) == 1


async def test_an_upload_carries_its_length_and_can_be_repeated(tmp_path: Path) -> None:
    photo = tmp_path / "photo"
    photo.write_bytes(b"x" * 600_000)
    bodies: list[bytes] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(await request.aread())
        if len(bodies) == 1:
            return problem(AtCapacity("full"))
        return problem(NoFace("nobody there"))

    async def sleep(_: float) -> None:
        return

    gpu = GpuClient("http://gpu", transport=httpx.MockTransport(answer), sleep=sleep)
    async with gpu:
        with pytest.raises(NoFace):
            await gpu.enrol_portrait("0" * 64, photo)
    assert bodies == [b"x" * 600_000] * 2


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_gateway_page_means_unreachable(status: int) -> None:
    async with Script(lambda _: httpx.Response(status, html="<h1>Bad gateway</h1>")).client() as gpu:
        with pytest.raises(GpuServiceUnreachable, match=str(status)):
            await gpu.engines()


async def test_an_unknown_problem_keeps_its_type_and_status() -> None:
    strange = {"type": "urn:realtime-avatar:problem:new", "title": "New", "status": 418, "detail": "tea"}
    async with Script(lambda _: httpx.Response(418, json=strange)).client() as gpu:
        with pytest.raises(RemoteError) as caught:
            await gpu.engines()
    assert caught.value.extensions == {"remote_type": strange["type"], "remote_status": 418}


async def test_an_answer_of_another_shape_is_a_remote_error() -> None:
    async with Script(lambda _: httpx.Response(200, text="hello")).client() as gpu:
        with pytest.raises(RemoteError, match="unexpected"):
            await gpu.engines()


@pytest.mark.parametrize("body", [b"", b"\x00\x01", b"\x82\xa4type"])
async def test_a_stream_without_its_end_is_broken_and_its_task_cancelled(body: bytes) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield body

    script = Script(lambda _: httpx.Response(200, content=stream()))
    async with script.client() as gpu:
        with pytest.raises(StreamBroken):
            async for _ in gpu.perform(REQUEST):
                pass
    assert [r.method for r in script.requests] == ["POST", "DELETE"]
    assert script.requests[1].url.path == "/v1/tasks/task"


async def test_a_refused_performance_is_not_cancelled() -> None:
    script = Script(lambda _: problem(AtCapacity("full", retry_after_s=2)))
    async with script.client() as gpu:
        with pytest.raises(AtCapacity) as caught:
            async for _ in gpu.perform(REQUEST):
                pass
    assert caught.value.retry_after_s == 2
    assert [r.method for r in script.requests] == ["POST"]
    assert json.loads(script.requests[0].content)["task_id"] == "task"
