"""Nothing accepted is lost, whichever process is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_gpu import FakeGpu, listening
from live_runtime import GENERATE, HELLO, eventually, job_when, make_assets, problem_of, running, settings_in

from avatar_contracts.problems import EngineFailed
from avatar_runtime.app import create_app

SUPPORT = Path(__file__).parent.parent / "support"
THREE_SEGMENTS = {**HELLO, "text": "The quick brown fox jumps over the lazy dog. " * 80, "async": True}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def process(*command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": str(SUPPORT), **environment},
        cwd=SUPPORT,
    )
    try:
        yield started
    finally:
        started.kill()
        started.wait()


@contextmanager
def runtime_process(
    folder: Path, port: int, gpu_url: str, **changes: str
) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        "DATA_DIR": str(folder / "data"),
        "ASSETS_DIR": str(make_assets(folder)),
        "USE_EXTERNAL_GPU_SERVICE": "true",
        "GPU_SERVICE_URL": gpu_url,
        "LOG_LEVEL": "ERROR",
        **changes,
    }
    with process("-m", "avatar_runtime", "--port", str(port), **environment) as started:
        wait_for(port)
        yield started


def gpu_process(port: int, hold_after: int | None) -> Any:
    return process("-c", f"from fake_gpu import serve; serve({port}, {hold_after})")


def wait_for(port: int) -> None:
    until(lambda: answers(port))


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").is_success
    except httpx.TransportError:
        return False


def until(condition: Callable[[], bool]) -> None:
    for _ in range(1500):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("what was waited for did not happen")


def test_a_killed_runtime_goes_on_at_the_segment_where_it_stood(tmp_path: Path) -> None:
    gpu = FakeGpu(hold_after=20, hold_from=1)
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with listening(gpu.app()) as gpu_url:
        with runtime_process(tmp_path, port, gpu_url) as runtime:
            job_id = httpx.post(base + GENERATE, json=THREE_SEGMENTS).json()["id"]
            until(lambda: len(gpu.performed) == 2)
            os.kill(runtime.pid, signal.SIGKILL)
            runtime.wait()
        gpu.hold_after = None
        with runtime_process(tmp_path, port, gpu_url):
            until(lambda: httpx.get(f"{base}/api/v1/jobs/{job_id}").json()["status"] == "completed")
            job = httpx.get(f"{base}/api/v1/jobs/{job_id}").json()
            assert job["segments"] == 3
            assert httpx.get(base + job["video_url"]).content[4:8] == b"ftyp"
    performed = [request.speech.text[-60:] + str(request.motion.seed) for request in gpu.performed]
    assert len(performed) == 4
    assert performed[1] == performed[2]
    assert len(set(performed)) == 3
    left = [path.name for path in (tmp_path / "data").rglob("*.part")]
    assert left == []


def test_a_caller_who_waits_while_the_runtime_is_stopped_gets_the_job(tmp_path: Path) -> None:
    gpu = FakeGpu(hold_after=5)
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with listening(gpu.app()) as gpu_url:
        with runtime_process(tmp_path, port, gpu_url) as runtime, ThreadPoolExecutor() as pool:
            waiting = pool.submit(httpx.post, base + GENERATE, json=HELLO, timeout=60)
            until(lambda: bool(gpu.performed))
            runtime.send_signal(signal.SIGTERM)
            answer = waiting.result(timeout=30)
            assert answer.status_code == 202
            assert runtime.wait(timeout=30) in {0, -signal.SIGTERM}
        gpu.hold_after = None
        with runtime_process(tmp_path, port, gpu_url):
            url = base + answer.headers["location"]
            until(lambda: httpx.get(url).json()["status"] == "completed")


def test_a_port_that_is_taken_ends_the_process_with_a_status(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = ["-m", "avatar_runtime", "--port", str(taken.getsockname()[1])]
        with process(*command, DATA_DIR=str(tmp_path), USE_EXTERNAL_GPU_SERVICE="true") as runtime:
            assert runtime.wait(timeout=30) != 0


def test_a_killed_gpu_service_that_comes_back_is_not_noticed_by_the_caller(tmp_path: Path) -> None:
    port, gpu_port = free_port(), free_port()
    base = f"http://127.0.0.1:{port}"
    with runtime_process(tmp_path, port, f"http://127.0.0.1:{gpu_port}", RETRY_FOR_S="30"):
        with gpu_process(gpu_port, 8) as gpu:
            wait_for(gpu_port)
            job_id = httpx.post(base + GENERATE, json={**HELLO, "async": True}).json()["id"]
            until(lambda: httpx.get(f"{base}/api/v1/jobs/{job_id}").json()["stage"] == "performing")
            time.sleep(0.2)
            os.kill(gpu.pid, signal.SIGKILL)
            gpu.wait()
        with gpu_process(gpu_port, None):
            until(lambda: httpx.get(f"{base}/api/v1/jobs/{job_id}").json()["status"] == "completed")


def test_a_killed_gpu_service_that_stays_away_ends_the_job_retryable_and_the_runtime_stays_up(
    tmp_path: Path,
) -> None:
    port, gpu_port = free_port(), free_port()
    base = f"http://127.0.0.1:{port}"
    with runtime_process(tmp_path, port, f"http://127.0.0.1:{gpu_port}", RETRY_FOR_S="1"):
        with gpu_process(gpu_port, 8) as gpu:
            wait_for(gpu_port)
            job_id = httpx.post(base + GENERATE, json={**HELLO, "async": True}).json()["id"]
            until(lambda: httpx.get(f"{base}/api/v1/jobs/{job_id}").json()["stage"] == "performing")
            os.kill(gpu.pid, signal.SIGKILL)
        until(lambda: httpx.get(f"{base}/api/v1/jobs/{job_id}").json()["status"] == "failed")
        error = httpx.get(f"{base}/api/v1/jobs/{job_id}").json()["error"]
        assert error["retryable"] is True
        assert error["status"] in {502, 503}
        assert httpx.get(base + "/health").json()["status"] == "degraded"


async def test_two_runtimes_do_not_share_a_data_folder(tmp_path: Path) -> None:
    async with running(tmp_path, FakeGpu()):
        with pytest.raises(RuntimeError, match="DATA_DIR"):
            async with create_app(settings_in(tmp_path)).router.lifespan_context(create_app()):
                pass


async def test_a_shutdown_hands_running_jobs_to_the_next_start(tmp_path: Path) -> None:
    gpu = FakeGpu(hold_after=5)
    async with running(tmp_path, gpu) as client:
        job_id = (await client.post(GENERATE, json={**HELLO, "async": True})).json()["id"]
        await eventually(lambda: bool(gpu.performed))
    gpu.hold_after = None
    async with running(tmp_path, gpu) as client:
        job = await job_when(client, job_id, "completed")
        assert job["warnings"]
    assert len(gpu.performed) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
async def test_a_full_disk_fails_the_job_and_the_next_one_works(tmp_path: Path) -> None:
    gpu = FakeGpu(hold_after=3)
    async with running(tmp_path, gpu) as client:
        job_id = (await client.post(GENERATE, json={**HELLO, "async": True})).json()["id"]
        await eventually(lambda: bool(gpu.performed))
        (tmp_path / "data" / "videos" / f"{job_id}.mp4.part").symlink_to("/dev/full")
        gpu.released.set()
        job = await job_when(client, job_id, "failed")
        assert job["error"]["type"].endswith("insufficient-storage")
        assert job["error"]["status"] == 507
        assert job["error"]["retryable"] is True
        assert (await client.post(GENERATE, json=HELLO)).status_code == 200


async def test_a_damaged_segment_on_the_disk_is_performed_again(tmp_path: Path) -> None:
    gpu = FakeGpu(hold_after=20, hold_from=1)
    async with running(tmp_path, gpu) as client:
        job_id = (await client.post(GENERATE, json=THREE_SEGMENTS)).json()["id"]
        await eventually(lambda: len(gpu.performed) == 2)
    segment = tmp_path / "data" / "jobs" / job_id / "segments" / "0000.events"
    segment.write_bytes(segment.read_bytes()[:-10])
    gpu.hold_after = None
    async with running(tmp_path, gpu) as client:
        await job_when(client, job_id, "completed")
    assert len(gpu.performed) == 5


async def test_an_engine_that_keeps_failing_ends_the_job(tmp_path: Path) -> None:
    gpu = FakeGpu(fail_with=[EngineFailed("A worker died.")] * 10)
    async with running(tmp_path, gpu) as client:
        problem = problem_of(await client.post(GENERATE, json=HELLO))
        assert problem.slug == "engine-failed"
        assert problem.retryable
    assert not list((tmp_path / "data" / "jobs").iterdir())
