"""Sound and picture of finished films, decoded from the file: they stay together for any length."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from fake_gpu import FIRST_FLASH_FRAME, FLASH_EVERY_FRAMES, RATE_HZ, FakeGpu, performance
from live_runtime import GENERATE, HELLO, running
from numpy.typing import NDArray

from avatar_contracts.performance import PerformanceDone, PerformanceEvent, PerformanceRequest, Video
from avatar_contracts.problems import EngineFailed
from avatar_contracts.speech import Audio
from avatar_runtime.assembling import AUDIO_RATE_HZ, Cancelled, assemble

RATES = ["25", "30", "30000/1001", "60"]
SENTENCE = "The quick brown fox jumps over the lazy dog. "


def segment(characters: int, rate: str, **changes: Any) -> list[PerformanceEvent]:
    fraction = Fraction(rate)
    request = PerformanceRequest.model_validate(
        {
            "task_id": "t",
            "speech": {"text": "x" * characters, "language": "en"},
            "portrait": "0" * 64,
            "render": {
                "size_px": 128,
                "frame_rate": {"num": fraction.numerator, "den": fraction.denominator},
            },
            "lead_in_ms": 0,
            "tail_ms": 0,
            **changes,
        }
    )
    return list(performance(request))


class Decoded:
    """A film as a player sees it."""

    def __init__(self, path: Path) -> None:
        with av.open(str(path)) as container:
            video, audio = container.streams.video[0], container.streams.audio[0]
            self.codecs = (video.codec_context.name, audio.codec_context.name)
            self.stream_s = (_seconds(video), _seconds(audio))
            frames = list(container.decode(video))
        self.times = [Fraction(frame.pts or 0) * (frame.time_base or 1) for frame in frames]
        self.levels = [int(frame.to_ndarray(format="gray")[64, 64]) for frame in frames]
        with av.open(str(path)) as container:
            pieces: list[NDArray[np.float32]] = []
            for frame in container.decode(audio=0):
                if not pieces:
                    self.first_audio_s = Fraction(frame.pts or 0) * (frame.time_base or 1)
                    self.audio_rate_hz = frame.sample_rate
                pieces.append(frame.to_ndarray()[0])
        self.sound = np.concatenate(pieces)

    @property
    def flashes_s(self) -> list[float]:
        return [float(time) for time, level in zip(self.times, self.levels, strict=True) if level > 150]

    @property
    def clicks_s(self) -> list[float]:
        loud = np.flatnonzero(np.abs(self.sound) > 0.25)
        starts = loud[np.insert(np.diff(loud) > self.audio_rate_hz // 100, 0, True)]
        return [float(start) / self.audio_rate_hz for start in starts]


def _seconds(stream: Any) -> Fraction:
    return Fraction(stream.duration) * Fraction(stream.time_base)


def check_sync(film: Decoded, rate: Fraction) -> None:
    """At most one picture apart at the end, and every flash on its click."""
    assert film.codecs == ("h264", "aac")
    assert film.first_audio_s == 0
    assert film.times == [index / rate for index in range(len(film.times))]
    video_s = len(film.times) / rate
    assert abs(Fraction(len(film.sound), film.audio_rate_hz) - video_s) < 1 / rate
    assert abs(film.stream_s[0] - film.stream_s[1]) < 1 / rate
    assert len(film.flashes_s) == len(film.clicks_s) > 0
    apart = np.subtract(film.flashes_s, film.clicks_s)
    assert np.abs(apart).max() < 0.001


@pytest.mark.parametrize("rate", RATES)
def test_a_film_of_many_uneven_segments_does_not_drift(tmp_path: Path, rate: str) -> None:
    segments = [segment(29 + 7 * (k % 6), rate) for k in range(40)]
    path = tmp_path / "film.mp4"
    film = assemble(segments, path)
    decoded = Decoded(path)
    check_sync(decoded, Fraction(rate))
    assert film.frames == len(decoded.times) == sum(isinstance(e, Video) for s in segments for e in s)
    assert film.first_samples[0] == 0
    frames_before = np.cumsum([0] + [sum(isinstance(e, Video) for e in s) for s in segments[:-1]])
    assert list(film.first_samples) == [round(int(n) * RATE_HZ / Fraction(rate)) for n in frames_before]


@pytest.mark.parametrize("rate", ["25", "30000/1001"])
async def test_a_script_of_several_segments_is_one_film_in_sync(tmp_path: Path, rate: str) -> None:
    gpu = FakeGpu()
    text = SENTENCE * 80
    async with running(tmp_path, gpu) as client:
        job = (await client.post(GENERATE, json={**HELLO, "text": text, "fps": rate})).json()
        (tmp_path / "film.mp4").write_bytes((await client.get(job["video_url"])).content)
    assert job["segments"] == len(gpu.performed) == 3
    film = Decoded(tmp_path / "film.mp4")
    check_sync(film, Fraction(rate))
    assert job["frames"] == len(film.times)
    assert job["duration_s"] == pytest.approx(float(len(film.times) / Fraction(rate)), abs=0.001)


def test_pictures_are_copied_not_encoded_again(tmp_path: Path) -> None:
    segments = [segment(40, "25"), segment(60, "25")]
    path = tmp_path / "film.mp4"
    assemble(segments, path)
    sent = [event.data for events in segments for event in events if isinstance(event, Video)]
    with av.open(str(path)) as container:
        lengths = [packet.size for packet in container.demux(video=0) if packet.pts is not None]
    assert lengths[1:] == [len(as_lengths(data)) for data in sent[1:]]


def as_lengths(data: bytes) -> bytes:
    """Annex B start codes replaced by four-byte lengths, as MP4 keeps pictures."""
    parts = [part for part in data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if part]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def test_the_index_stands_before_the_media(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    assemble([segment(40, "25")], path)
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_flashes_of_every_segment_are_there(tmp_path: Path) -> None:
    segments = [segment(40, "25"), segment(60, "25")]
    path = tmp_path / "film.mp4"
    assemble(segments, path)
    expected = sum(
        len(range(FIRST_FLASH_FRAME, event.frames - 1, FLASH_EVERY_FRAMES))
        for events in segments
        for event in events
        if isinstance(event, PerformanceDone)
    )
    assert len(Decoded(path).flashes_s) == expected


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    calls = 0

    def stopped() -> bool:
        nonlocal calls
        calls += 1
        return calls > 20

    with pytest.raises(Cancelled):
        assemble([segment(40, "25")], path, stopped=stopped)
    assert list(tmp_path.iterdir()) == []


def damaged(kind: str) -> list[PerformanceEvent]:
    events = segment(40, "25")
    if kind == "a picture is missing":
        events.remove(next(e for e in events if isinstance(e, Video) and e.pts == 5))
    elif kind == "sound is missing":
        events.remove(next(e for e in events if isinstance(e, Audio) and e.pts > 0))
    elif kind == "the count is wrong":
        done = events[-1]
        assert isinstance(done, PerformanceDone)
        events[-1] = done.model_copy(update={"frames": done.frames + 1})
    return events


@pytest.mark.parametrize("kind", ["a picture is missing", "sound is missing", "the count is wrong"])
def test_a_segment_that_is_not_what_it_says_is_an_error(tmp_path: Path, kind: str) -> None:
    with pytest.raises(EngineFailed):
        assemble([segment(40, "25"), damaged(kind)], tmp_path / "film.mp4")
    assert list(tmp_path.iterdir()) == []


def test_segments_of_different_shape_cannot_be_joined(tmp_path: Path) -> None:
    with pytest.raises(EngineFailed, match="differ"):
        assemble([segment(40, "25"), segment(40, "30")], tmp_path / "film.mp4")


def test_nothing_performed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineFailed):
        assemble([], tmp_path / "film.mp4")


def test_the_sound_is_48_khz(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    assemble([segment(40, "25")], path)
    assert Decoded(path).audio_rate_hz == AUDIO_RATE_HZ
