"""One suite over both ways to a GPU service: a call inside the process, and a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from hashlib import sha256
from pathlib import Path

import pytest
from fake_gpu import FakeGpu, listening
from live_runtime import eventually

from avatar_contracts.performance import PerformanceDone, PerformanceRequest, PerformanceStarted, Video
from avatar_contracts.problems import (
    AtCapacity,
    EngineFailed,
    NoFace,
    PortraitNotEnrolled,
    StreamBroken,
)
from avatar_contracts.speech import Audio
from avatar_runtime.asgi_transport import StreamingASGITransport
from avatar_runtime.gpu_client import GpuClient

PORTRAIT = "a" * 64


@pytest.fixture
def gpu() -> FakeGpu:
    return FakeGpu(portraits={PORTRAIT: b""})


@pytest.fixture(params=["in process", "socket"])
async def client(request: pytest.FixtureRequest, gpu: FakeGpu) -> AsyncIterator[GpuClient]:
    if request.param == "socket":
        with listening(gpu.app()) as url:
            async with GpuClient(url) as found:
                yield found
    else:
        transport = StreamingASGITransport(gpu.app(), grace_s=0.2)
        async with GpuClient("http://gpu.internal", transport=transport) as found:
            yield found


def request_for(text: str = "Hello there.", portrait: str = PORTRAIT) -> PerformanceRequest:
    return PerformanceRequest.model_validate(
        {"speech": {"text": text, "language": "en"}, "portrait": portrait, "render": {"size_px": 128}}
    )


async def test_a_performance_arrives_whole(client: GpuClient) -> None:
    events = [event async for event in client.perform(request_for())]
    assert isinstance(events[0], PerformanceStarted)
    done = events[-1]
    assert isinstance(done, PerformanceDone)
    assert sum(len(event.pcm) // 2 for event in events if isinstance(event, Audio)) == done.samples
    assert sum(isinstance(event, Video) for event in events) == done.frames


async def test_health_and_engines_are_read(client: GpuClient) -> None:
    assert (await client.health()).version == "fake"
    assert (await client.engines()).defaults["speech"] == "fake"


async def test_a_problem_before_the_first_byte_is_the_same_class(client: GpuClient) -> None:
    with pytest.raises(PortraitNotEnrolled):
        async for _ in client.perform(request_for(portrait="b" * 64)):
            pass


async def test_a_full_service_says_when_to_come_back(client: GpuClient, gpu: FakeGpu) -> None:
    gpu.busy = 1
    with pytest.raises(AtCapacity) as caught:
        async for _ in client.perform(request_for()):
            pass
    assert caught.value.retry_after_s == 1


async def test_a_failure_in_the_stream_is_the_same_class(client: GpuClient, gpu: FakeGpu) -> None:
    gpu.fail_with = [EngineFailed("The engine died.")]
    events = client.perform(request_for())
    for _ in range(3):
        await anext(events)
    with pytest.raises(EngineFailed, match="died"):
        await anext(events)
    assert gpu.cancelled == []


async def test_a_stream_that_breaks_off_is_broken(client: GpuClient, gpu: FakeGpu) -> None:
    gpu.break_after = [5]
    with pytest.raises(StreamBroken):
        async for _ in client.perform(request_for()):
            pass


async def test_an_enrolment_uploads_the_file_and_tells_what_was_found(
    client: GpuClient, tmp_path: Path
) -> None:
    photo = tmp_path / "photo"
    photo.write_bytes(b"NOFACE")
    digest = sha256(photo.read_bytes()).hexdigest()
    with pytest.raises(NoFace, match="one face from the front"):
        await client.enrol_portrait(digest, photo)


async def test_stopping_to_read_ends_the_task_over_there(client: GpuClient, gpu: FakeGpu) -> None:
    gpu.hold_after = 4
    request = request_for()
    async with aclosing(client.perform(request)) as events:
        assert isinstance(await anext(events), PerformanceStarted)
    assert gpu.cancelled == [request.task_id]
    await eventually(lambda: gpu.disconnected == [request.task_id])


async def test_cancelling_the_reader_ends_the_task_over_there(client: GpuClient, gpu: FakeGpu) -> None:
    gpu.hold_after = 4
    request = request_for()

    async def read() -> None:
        async for _ in client.perform(request):
            pass

    reading = asyncio.create_task(read())
    await eventually(lambda: bool(gpu.performed))
    await asyncio.sleep(0.05)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert gpu.cancelled == [request.task_id]
