"""The product as a user has it: real processes, real engines, HTTP only.

Needs what `make install` puts in place: the landmark models, the demo portrait and the demo voices.
"""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pyloudnorm
import pytest
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
NEEDED = [
    ROOT / "models/mediapipe/face_landmark.tflite",
    ROOT / "assets/images/astronaut.png",
    ROOT / "assets/voice/demo-en.wav",
]
pytestmark = pytest.mark.skipif(
    not all(file.exists() for file in NEEDED), reason="run `make install` first: models or assets are missing"
)

SCRIPTS = {
    "en": "Hello from GPU acceleration! Maybe Bob can hear me.",
    "zh": "你好，欢迎使用这个平台。妈妈在办公室。",
    "es": "Hola, bienvenidos a la plataforma. Mi mamá habla poco.",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(module: str, port: int, folder: Path, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """One of our services on loopback; its log is in ``folder``."""
    with (folder / f"{module}.log").open("ab") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", module, "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, "DATA_DIR": str(folder / module), **env},
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(lambda: answers(port), lambda: running.poll() is None)
            yield running
        finally:
            if running.poll() is None:
                running.send_signal(signal.SIGINT)
            running.wait(30)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def wait_for(ready: Any, alive: Any = lambda: True, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert alive(), "the service ended while it started"
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The runtime in embedded mode."""
    folder = tmp_path_factory.mktemp("product")
    port = free_port()
    with (
        process("avatar_runtime", port, folder, USE_EXTERNAL_GPU_SERVICE="false"),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client,
    ):
        yield client


class Film:
    """A downloaded video, decoded."""

    def __init__(self, data: bytes) -> None:
        with av.open(io.BytesIO(data)) as container:
            video, audio = container.streams.video[0], container.streams.audio[0]
            self.codecs = (video.codec_context.name, audio.codec_context.name)
            self.rate = video.average_rate
            self.sample_rate_hz = audio.codec_context.sample_rate
            frames: list[NDArray[np.uint8]] = []
            self.frame_times: list[float] = []
            for frame in container.decode(video):
                assert frame.time is not None
                self.frame_times.append(frame.time)
                frames.append(frame.to_ndarray(format="rgb24"))
        with av.open(io.BytesIO(data)) as container:
            sound = [frame.to_ndarray()[0] for frame in container.decode(container.streams.audio[0])]
        self.frames = np.stack(frames)
        self.sound = np.concatenate(sound)

    @property
    def skew_s(self) -> float:
        assert self.rate is not None
        skew: float = abs(float(len(self.frames) / self.rate) - len(self.sound) / self.sample_rate_hz)
        return skew


def generate(client: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/generate", json=body)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    assert document["status"] == "completed"
    return document


@pytest.mark.parametrize("language", SCRIPTS)
def test_a_sentence_becomes_a_video_in_sync_and_at_the_right_loudness(
    client: httpx.Client, language: str
) -> None:
    job = generate(
        client,
        text=SCRIPTS[language],
        language=language,
        voice=f"demo-{language}.wav",
        reference_image="astronaut.png",
        size_px=256,
    )
    film = Film(client.get(job["video_url"]).content)
    assert film.codecs == ("h264", "aac")
    assert film.frames.shape[1:] == (256, 256, 3)
    assert film.skew_s <= 1 / 25 + 1e-6
    assert np.allclose(np.diff(film.frame_times), 1 / 25, atol=1e-4)
    loudness = pyloudnorm.Meter(film.sample_rate_hz).integrated_loudness(film.sound.astype(np.float64))
    assert loudness == pytest.approx(-16, abs=1.5)
    assert np.abs(film.sound).max() < 1
    mouth = film.frames[:, 120:170, 100:160].astype(np.int16)
    assert np.abs(np.diff(mouth, axis=0)).mean() > 0.3, "the mouth does not move"
    background = film.frames[:, :20, :20].astype(np.int16)
    assert np.abs(background - background[0]).mean() < 2, "the background moves"


def test_the_request_of_the_documentation_works_as_it_stands(client: httpx.Client) -> None:
    job = generate(client, text="Hello from GPU acceleration!", language="en")
    video = client.get(job["video_url"], headers={"Range": "bytes=0-99"})
    assert video.status_code == 206
    assert video.content[4:8] == b"ftyp"


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def wav(seconds: float) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(2 * int(16_000 * seconds)))
    return buffer.getvalue()


def uploads() -> dict[str, tuple[dict[str, bytes], int, str]]:
    whole = (ROOT / "assets/images/astronaut.png").read_bytes() if all(f.exists() for f in NEEDED) else b""
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    return {
        "a text file as image": ({"reference_image": b"I am no picture"}, 422, "image-unreadable"),
        "a truncated image": ({"reference_image": whole[:5000]}, 422, "image-unreadable"),
        "an image without a face": ({"reference_image": png(Image.fromarray(noise))}, 422, "no-face"),
        "0.2 s of voice": ({"voice": wav(0.2)}, 422, "speech-too-short"),
        "10 s of silence as voice": ({"voice": wav(10)}, 422, "speech-too-short"),
        "a text file as voice": ({"voice": b"I am no sound"}, 422, "audio-unreadable"),
    }


@pytest.mark.parametrize("what", uploads())
def test_a_bad_upload_is_refused_with_a_reason(client: httpx.Client, what: str) -> None:
    files, status, slug = uploads()[what]
    answer = client.post(
        "/api/v1/generate",
        data={"text": "Hello", "language": "en"},
        files={field: ("upload.bin", data) for field, data in files.items()},
    )
    problem = answer.json()
    assert (answer.status_code, problem["type"].rpartition(":")[2]) == (status, slug)
    assert len(problem["detail"]) > 20


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        ({"text": "", "language": "en"}, 422, "text-empty"),
        ({"text": "word " * 20_000, "language": "en"}, 422, "text-too-long"),
        ({"text": "Hi", "language": "xx"}, 422, "unsupported-language"),
        ({"text": "Hi", "language": "en", "reference_image": "nobody.png"}, 404, "asset-not-found"),
        ({"text": "Hi", "language": "en", "reference_image": "../../etc/passwd"}, 422, "name-unsafe"),
    ],
)
def test_a_bad_request_is_refused_with_a_reason_and_the_next_one_works(
    client: httpx.Client, body: dict[str, Any], status: int, slug: str
) -> None:
    answer = client.post("/api/v1/generate", json=body)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (status, slug)
    assert generate(client, text="Fine.", language="en", size_px=128)["frames"] > 0


def test_a_job_survives_the_death_of_the_gpu_service(tmp_path: Path) -> None:
    gpu_port, port = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    external = {
        "USE_EXTERNAL_GPU_SERVICE": "true",
        "GPU_SERVICE_URL": f"http://127.0.0.1:{gpu_port}",
    }
    script = "This script is long enough to be interrupted while it is spoken. " * 40
    with process("avatar_runtime", port, tmp_path, **external):
        with process("avatar_gpu", gpu_port, tmp_path) as gpu:
            answer = httpx.post(
                f"{url}/api/v1/generate",
                json={"text": script, "language": "en", "size_px": 128},
                headers={"Prefer": "respond-async"},
                timeout=60,
            )
            assert answer.status_code == 202, answer.text
            job = f"{url}/api/v1/jobs/{answer.json()['id']}"
            wait_for(lambda: httpx.get(job).json()["progress"] > 5)
            gpu.kill()
            gpu.wait(10)
            health = httpx.get(f"{url}/health").json()
            assert health["status"] == "degraded"
            assert httpx.get(job).json()["status"] in ("queued", "processing")
            wait_for(lambda: httpx.get(job).json()["stage"] == "waiting")
        with process("avatar_gpu", gpu_port, tmp_path):
            wait_for(lambda: httpx.get(job).json()["status"] in ("completed", "failed"))
            ended = httpx.get(job).json()
    assert ended["status"] == "completed", json.dumps(ended)
    assert ended["duration_s"] > 60
