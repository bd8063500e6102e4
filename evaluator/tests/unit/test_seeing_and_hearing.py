"""Metrics of face, picture and voice: each value moves with what it is named after."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from synthetic_face import moving_face, speech_like

from avatar_evaluator.media import AudioStream, Media
from avatar_evaluator.metrics import METRICS
from avatar_evaluator.observation import Observation, Unseen, observe_frames
from avatar_evaluator.recording import NO_REFERENCES, Recording, References
from avatar_evaluator.sharpness import cpbd, laplacian_variance

RATE = 24_000
MOUTH, _ = speech_like(4, 4.0)


def of(
    face: Observation | Unseen,
    sound: NDArray[np.float32] | None = None,
    references: References = NO_REFERENCES,
) -> Recording:
    audio = None if sound is None else AudioStream("pcm", RATE, sound[:, None], 0.0, len(sound) / RATE)
    return Recording(Path("x.mp4"), Media("mp4", 1, None, audio), face=face, references=references)


def value(name: str, recording: Recording) -> float:
    found = METRICS[name](recording).value
    assert isinstance(found, int | float), METRICS[name](recording).reason
    return float(found)


def voice(hz: float, seconds: float = 2.0, vibrato_st: float = 2.0) -> NDArray[np.float32]:
    """A buzz of many harmonics whose pitch swings by ``vibrato_st`` semitones."""
    t = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(hz * 2 ** (vibrato_st * np.sin(2 * np.pi * 2 * t) / 12)) / RATE
    return np.asarray(0.05 * sum(np.cos(k * phase) / k for k in range(1, 12)), np.float32)


FACE_METRICS = [
    name for name in METRICS if name.startswith(("face.", "picture.", "sync.")) and name != "sync.closures"
]


@pytest.mark.parametrize("name", FACE_METRICS)
def test_without_a_face_nothing_is_scored_and_the_reason_is_told(name: str) -> None:
    score = METRICS[name](of(Unseen("no face in sight"), voice(120)))
    assert (score.value, score.status, score.reason) == (None, "not_scored", "no face in sight")


@pytest.mark.parametrize("name", ["voice.pitch_gap", "voice.pitch_spread", "voice.voicing"])
def test_noise_and_silence_have_no_pitch(name: str) -> None:
    reference = References(AudioStream("pcm", RATE, voice(120)[:, None], 0.0, 2.0))
    for sound in (np.zeros(2 * RATE, np.float32), np.zeros(10, np.float32)):
        assert METRICS[name](of(Unseen(""), sound, references=reference)).status == "not_scored"
    assert METRICS[name](of(Unseen(""))).status == "not_scored"


def test_an_octave_is_twelve_semitones() -> None:
    reference = References(AudioStream("pcm", RATE, voice(110)[:, None], 0.0, 2.0))
    assert value("voice.pitch_gap", of(Unseen(""), voice(220), references=reference)) == pytest.approx(
        12, abs=0.2
    )
    assert value("voice.pitch_gap", of(Unseen(""), voice(110), references=reference)) == pytest.approx(
        0, abs=0.1
    )


def test_a_monotone_voice_has_less_spread_than_its_reference() -> None:
    reference = References(AudioStream("pcm", RATE, voice(150)[:, None], 0.0, 2.0))
    dull = value("voice.pitch_spread", of(Unseen(""), voice(150, vibrato_st=0.5), references=reference))
    assert dull == pytest.approx(0.25, abs=0.1)


def test_a_buzz_is_voiced_and_hiss_is_not() -> None:
    hiss = 0.1 * np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    assert value("voice.voicing", of(Unseen(""), voice(120))) > 0.9
    half = np.concatenate([voice(120), hiss])
    assert value("voice.voicing", of(Unseen(""), half)) == pytest.approx(0.5, abs=0.15)


def test_a_jump_between_two_sounds_is_a_click_and_speech_is_none() -> None:
    whole = voice(120)
    assert value("audio.clicks", of(Unseen(""), whole)) == 0
    broken = whole.copy()
    broken[RATE] += 0.4
    assert value("audio.clicks", of(Unseen(""), broken)) == 1
    assert METRICS["audio.clicks"](of(Unseen(""), broken)).details["at_s"] == "1.00"


def test_cut_waveforms_are_clipped_and_whole_ones_are_not() -> None:
    whole = voice(120) * 2
    assert value("audio.clipping", of(Unseen(""), whole)) < 100
    assert value("audio.clipping", of(Unseen(""), np.clip(whole * 6, -1, 1))) > 10_000


def test_the_longest_pause_lies_between_words_not_around_them() -> None:
    silence = np.zeros(RATE // 2, np.float32)
    sound = np.concatenate([silence, silence, voice(120, 0.5), silence, voice(120, 0.5), silence, silence])
    assert value("audio.longest_pause", of(Unseen(""), sound)) == pytest.approx(500, abs=20)


def test_a_trembling_head_raises_jitter_and_shake() -> None:
    chance = np.random.default_rng(0)
    still = moving_face(MOUTH)
    sway = 10 * np.sin(np.arange(len(MOUTH)) / 15)[:, None, None] * np.array([1.0, 0.3, 0.0])
    calm = dataclasses.replace(still, landmarks=still.landmarks + sway)
    noise = chance.normal(0, 1.0, (len(MOUTH), 1, 3))
    shaken = dataclasses.replace(calm, landmarks=calm.landmarks + noise)
    assert value("picture.jitter", of(shaken)) > 5 * value("picture.jitter", of(calm))
    assert value("picture.shake", of(shaken)) > 9 * value("picture.shake", of(calm))


def test_frozen_doubled_and_flickering_frames_are_seen() -> None:
    good = moving_face(MOUTH)
    halves = good.difference.copy()
    halves[::2] = 0.0
    doubled = dataclasses.replace(good, difference=halves)
    flickering = dataclasses.replace(good, luminance=good.luminance + np.resize([2.0, -2.0], len(MOUTH)))
    assert value("picture.frozen_frames", of(good)) == 0
    assert value("picture.frozen_frames", of(doubled)) == pytest.approx(50, abs=1)
    assert value("picture.change_variance", of(doubled)) > 4 * value("picture.change_variance", of(good))
    assert value("picture.flicker", of(flickering)) == pytest.approx(8, abs=0.3)


def test_the_mouth_is_judged_where_there_is_speech_and_where_there_is_none() -> None:
    sound = np.concatenate([voice(120, 2.0), np.zeros(2 * RATE, np.float32)])
    talks = MOUTH.copy()
    talks[50:, 0] = 0.05
    face = moving_face(talks)
    assert value("face.mouth_in_speech", of(face, sound)) > 0.05
    assert value("face.mouth_in_silence", of(face, sound)) < 0.01
    assert METRICS["face.mouth_in_silence"](of(face, voice(120, 4.0))).status == "not_scored"


def test_blinks_are_counted_from_ten_seconds_on() -> None:
    mouth, _ = speech_like(1, 12.0)
    face = moving_face(mouth)
    points = face.landmarks.copy()
    for eye in ((160, 158, 153, 144), (385, 387, 373, 380)):
        for index, down in zip(eye, (-8.0, -8.0, 8.0, 8.0), strict=True):
            points[:, index] = points[:, eye[0] - 1] * 0 + 200 + np.array([index / 10, down, 0.0])
        for start in (60, 150, 240):
            points[start : start + 4, list(eye), 1] = 200 + np.array([-1.0, -1.0, 1.0, 1.0])
    blinking = dataclasses.replace(face, landmarks=points)
    assert METRICS["face.blink_rate"](of(blinking)).details == {"blinks": 3}
    assert METRICS["face.blink_rate"](of(moving_face(MOUTH))).status == "not_scored"


def test_sharpness_is_a_ratio_to_the_portrait() -> None:
    good = moving_face(MOUTH)
    soft = dataclasses.replace(good, sharpness=good.sharpness / 4, cpbd=good.cpbd / 2)
    against = References(portrait=good)
    assert value("picture.sharpness", of(soft, references=against)) == pytest.approx(0.25)
    assert value("picture.edge_sharpness", of(soft, references=against)) == pytest.approx(0.5)
    assert "--portrait" in str(METRICS["picture.sharpness"](of(good)).reason)


def test_blur_lowers_both_measures_of_sharpness() -> None:
    edges = (
        np.kron(np.random.default_rng(2).integers(0, 2, (16, 16)), np.ones((16, 16))).astype(np.uint8) * 200
    )
    blurred = np.asarray(edges, np.float64)
    for _ in range(12):
        blurred = (np.roll(blurred, 1, 1) + 2 * blurred + np.roll(blurred, -1, 1)) / 4
    soft = blurred.astype(np.uint8)
    assert laplacian_variance(soft) < 0.5 * laplacian_variance(edges)
    sharp_share, soft_share = cpbd(edges), cpbd(soft)
    assert sharp_share is not None
    assert soft_share is not None
    assert soft_share < sharp_share - 0.3
    assert cpbd(np.full((128, 128), 90, np.uint8)) is None


def test_a_video_that_mostly_shows_no_face_is_not_observed() -> None:
    class Nobody:
        name = "nobody"

        def begin(self) -> None:
            self.looks = 0

        def look(self, rgb: NDArray[np.uint8]) -> None:
            self.looks += 1

    pictures = ((i / 25, np.zeros((32, 32, 3), np.uint8)) for i in range(10))
    assert observe_frames(pictures, Nobody()) == Unseen("a face is seen in 0% of 10 frames")
