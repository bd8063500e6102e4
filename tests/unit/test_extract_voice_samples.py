"""Reference voices out of videos."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import wave
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest
from numpy.typing import NDArray

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "extract_voice_samples.py"
RATE_HZ = 24_000


@pytest.fixture(scope="module")
def extract() -> ModuleType:
    spec = importlib.util.spec_from_file_location("extract_voice_samples_under_test", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def voiced(seconds: float) -> NDArray[np.float32]:
    """A buzz with syllables at 4 Hz, loud enough to count as speech."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return np.asarray(0.3 * np.sin(2 * np.pi * 140 * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t)), np.float32)


def quiet(seconds: float) -> NDArray[np.float32]:
    noise = np.random.default_rng(1).standard_normal(round(seconds * RATE_HZ))
    return np.asarray(1e-4 * noise, np.float32)


def write_mp4(path: Path, samples: NDArray[np.float32]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=RATE_HZ, layout="mono")
        for start in range(0, len(samples), 1024):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], "fltp", "mono")
            frame.sample_rate = RATE_HZ
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_a_file_that_is_no_video_is_named_and_the_others_are_made(tmp_path: Path) -> None:
    (tmp_path / "en_broken.mp4").write_text("this is not a video")
    write_mp4(tmp_path / "es_talk.mp4", np.concatenate([quiet(1), voiced(5), quiet(1)]))
    videos = [str(path) for path in sorted(tmp_path.glob("*.mp4"))]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *videos, "--out-dir", str(tmp_path / "voice")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "en_broken.mp4: it cannot be read" in done.stderr
    with wave.open(str(tmp_path / "voice" / "es_talk.wav")) as made:
        assert (made.getnchannels(), made.getframerate(), made.getsampwidth()) == (1, RATE_HZ, 2)
        assert made.getnframes() / RATE_HZ == pytest.approx(5.2, abs=0.3)
    assert not (tmp_path / "voice" / "en_broken.wav").exists()


def test_too_little_speech_is_refused(extract: ModuleType) -> None:
    with pytest.raises(extract.SampleError, match="at least 3 s"):
        extract.first_speech(np.concatenate([quiet(4), voiced(1), quiet(4)]), 30.0)


def test_silence_is_refused(extract: ModuleType) -> None:
    with pytest.raises(extract.SampleError, match=r"0\.0 s of speech"):
        extract.first_speech(np.zeros(10 * RATE_HZ, np.float32), 30.0)


def test_long_silences_are_left_out_and_the_length_is_bounded(extract: ModuleType) -> None:
    samples = np.concatenate([quiet(2), voiced(4), quiet(3), voiced(4), quiet(2)])
    assert len(extract.first_speech(samples, 30.0)) / RATE_HZ == pytest.approx(8.4, abs=0.4)
    assert len(extract.first_speech(samples, 5.0)) == 5 * RATE_HZ


def test_a_voice_that_is_there_is_left_alone(tmp_path: Path) -> None:
    write_mp4(tmp_path / "en_talk.mp4", voiced(4))
    (tmp_path / "en_talk.wav").write_bytes(b"mine")
    command = [sys.executable, str(SCRIPT), str(tmp_path / "en_talk.mp4"), "--out-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "is there already" in done.stdout
    assert (tmp_path / "en_talk.wav").read_bytes() == b"mine"
