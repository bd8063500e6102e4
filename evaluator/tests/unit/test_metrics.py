"""Each metric tells good from bad on videos of known properties, and says so where it cannot measure."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from synthetic_video import Recipe, make_video

from avatar_evaluator.media import AudioStream, Media, MediaUnreadable, VideoStream, read_media
from avatar_evaluator.metrics import METRICS, score_all
from avatar_evaluator.metrics.not_built import NOT_BUILT
from avatar_evaluator.recording import Delivery, Recording

RATE = 24_000


def made(folder: Path, recipe: Recipe, delivery: Delivery | None = None) -> Recording:
    path = folder / "video.mp4"
    path.write_bytes(make_video(recipe))
    return Recording(path, read_media(path), delivery=delivery)


def heard(samples: NDArray[np.float32], **changes: Any) -> Recording:
    """A recording of nothing but these samples (T,) or (T, C)."""
    wide = samples if samples.ndim == 2 else samples[:, None]
    audio = AudioStream("aac", RATE, wide, 0.0, len(wide) / RATE)
    return Recording(Path("x.mp4"), Media("mp4", 1, None, dataclasses.replace(audio, **changes)))


def sine(hz: float, seconds: float, level: float, phase: float = 0.0) -> NDArray[np.float32]:
    t = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * hz * t + phase)).astype(np.float32)


@pytest.mark.parametrize("content", [b"", b"not a video", b"\x00\x00\x00\x18ftypmp42" + b"\0" * 64])
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaUnreadable, match=r"x\.mp4"):
        read_media(path)
    with pytest.raises(MediaUnreadable):
        read_media(tmp_path / "absent.mp4")


def test_a_truncated_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(make_video(Recipe())[:-2000])
    with pytest.raises(MediaUnreadable):
        read_media(path)


def test_a_good_video_scores_as_it_was_made(tmp_path: Path) -> None:
    scores = score_all(made(tmp_path, Recipe(seconds=2.0, lead_ms=200, tail_ms=300)))
    assert scores["container.video_codec"].value == "h264"
    assert scores["container.video_codec"].details["pixel_format"] == "yuv420p"
    assert scores["container.audio_codec"].value == "aac"
    assert scores["container.picture_size"].value == "128×128"
    assert scores["container.frame_rate"].value == pytest.approx(25.0, abs=1e-6)
    assert scores["container.frame_rate"].details == {"frames": 50, "declared": "25"}
    assert scores["container.frame_timing"].value == 0
    assert isinstance(difference := scores["container.av_difference"].value, float)
    assert abs(difference) < 1.0
    assert scores["audio.leading_silence"].value == pytest.approx(200, abs=20)
    assert scores["audio.trailing_silence"].value == pytest.approx(300, abs=50)
    assert scores["audio.true_peak"].value == pytest.approx(20 * math.log10(0.15), abs=0.5)


def test_a_video_without_sound_or_without_picture_gives_statuses_not_a_crash(tmp_path: Path) -> None:
    mute = score_all(made(tmp_path, Recipe(audio=False)))
    blind = score_all(made(tmp_path, Recipe(video=False)))
    for name in ("container.audio_codec", "container.av_difference", "audio.loudness", "audio.true_peak"):
        assert (mute[name].status, mute[name].value) == ("not_scored", None)
        assert mute[name].reason
    for name in ("container.video_codec", "container.frame_rate", "container.frame_timing", "latency.rtf"):
        assert (blind[name].status, blind[name].value) == ("not_scored", None)
    assert mute["container.frame_rate"].status == blind["audio.loudness"].status == "ok"


def test_silence_has_no_loudness_and_no_beginning() -> None:
    scores = score_all(heard(np.zeros(RATE, np.float32)))
    for name in ("audio.loudness", "audio.true_peak", "audio.leading_silence", "audio.trailing_silence"):
        assert scores[name].status == "not_scored", name
        assert "sound" in str(scores[name].reason)


def test_an_empty_sound_track_gives_statuses() -> None:
    assert {s.status for s in score_all(heard(np.zeros((0, 1), np.float32))).values()} >= {"not_scored"}


def test_sound_that_outlasts_the_picture_shows_in_frames(tmp_path: Path) -> None:
    score = score_all(made(tmp_path, Recipe(audio_longer_s=0.4)))["container.av_difference"]
    assert score.value == pytest.approx(10.0, abs=1.2)


def test_a_dropped_frame_is_a_fault_in_timing(tmp_path: Path) -> None:
    score = score_all(made(tmp_path, Recipe(drop_frame=20)))["container.frame_timing"]
    assert score.value == 1
    assert score.details["longest_step_ms"] == pytest.approx(80, abs=1)


@pytest.mark.parametrize("rate", [Fraction(30_000, 1001), Fraction(60), Fraction(24_000, 1001)])
def test_the_frame_rate_comes_from_the_frames_times(tmp_path: Path, rate: Fraction) -> None:
    score = score_all(made(tmp_path, Recipe(rate=rate)))["container.frame_rate"]
    assert score.value == pytest.approx(float(rate), rel=0.01)


def test_loudness_is_that_of_bs_1770() -> None:
    """A 997 Hz sine at -20 dBFS has -23.01 LUFS in one channel (ITU-R BS.1770-4, -3.01 LKFS at 0 dBFS)."""
    score = score_all(heard(sine(997, 3.0, 0.1)))["audio.loudness"]
    assert score.value == pytest.approx(-23.01, abs=0.1)
    assert score_all(heard(sine(997, 0.3, 0.1)))["audio.loudness"].status == "not_scored"


def test_the_true_peak_lies_between_the_samples() -> None:
    """A sine at a quarter of the rate with 45° phase peaks 3.01 dB above its samples."""
    score = score_all(heard(sine(RATE / 4, 1.0, 0.5, math.pi / 4)))["audio.true_peak"]
    assert score.value == pytest.approx(20 * math.log10(0.5), abs=0.15)


def test_the_true_peak_of_a_long_sound_is_found_in_any_block() -> None:
    samples = sine(440, 25.0, 0.1)
    samples[-1000:-900] = sine(1000, 100 / RATE, 0.9)
    score = score_all(heard(samples))["audio.true_peak"]
    assert score.value == pytest.approx(20 * math.log10(0.9), abs=0.6)


def test_faint_noise_before_speech_counts_as_silence() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32) * 1e-4
    score = score_all(heard(np.concatenate([noise, sine(300, 1.0, 0.3), noise[: RATE // 2]])))
    assert score["audio.leading_silence"].value == pytest.approx(1000, abs=10)
    assert score["audio.trailing_silence"].value == pytest.approx(500, abs=10)


def test_latency_comes_from_the_client_and_stages_from_the_api(tmp_path: Path) -> None:
    job = {"timings_ms": {"speech": 100.0, "render": 900, "total": 950.0, "note": "x"}}
    scores = score_all(made(tmp_path, Recipe(seconds=2.0), Delivery(job, 0.1, 1.0, 1.25)))
    assert scores["latency.time_to_result"].value == 1.0
    assert scores["latency.time_to_result"].details == {"first_answer_s": 0.1}
    assert scores["latency.total"].value == 1.25
    assert scores["latency.rtf"].value == pytest.approx(0.5, rel=0.02)
    assert scores["latency.reported"].value == 950.0
    assert scores["latency.reported"].details == {"speech": 100.0, "render": 900.0, "total": 950.0}


def test_without_a_delivery_or_timings_latency_is_not_scored(tmp_path: Path) -> None:
    scores = score_all(made(tmp_path, Recipe()))
    assert {scores[f"latency.{n}"].status for n in ("time_to_result", "total", "reported", "rtf")} == {
        "not_scored"
    }
    silent = score_all(made(tmp_path, Recipe(), Delivery({}, 0.1, 1.0, 1.2)))
    assert silent["latency.reported"].reason == "the API reported no timings"


def test_a_size_other_than_promised_is_an_error(tmp_path: Path) -> None:
    job = {"width_px": 512, "height_px": 512}
    score = score_all(made(tmp_path, Recipe(), Delivery(job, 0.1, 1.0, 1.2)))["container.picture_size"]
    assert score.status == "error"
    assert "512×512" in str(score.reason)


def test_one_frame_is_too_few_for_a_rate() -> None:
    video = VideoStream("h264", "yuv420p", 64, 64, None, np.array([0.0]), 0.04)
    scores = score_all(Recording(Path("x.mp4"), Media("mp4", 1, video, None)))
    assert scores["container.frame_rate"].status == "not_scored"
    assert scores["container.frame_timing"].status == "not_scored"


def test_what_is_not_built_says_so_in_every_report(tmp_path: Path) -> None:
    scores = score_all(made(tmp_path, Recipe()))
    assert list(scores) == list(METRICS)
    for name in NOT_BUILT:
        assert scores[name].status == "not_scored"
        assert "not measured by this version" in str(scores[name].reason)
