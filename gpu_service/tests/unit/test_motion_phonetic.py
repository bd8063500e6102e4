"""The phonetic engine keeps its promises for any sequence of phones."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from avatar_contracts.motion import COEFFICIENT_INDEX, COEFFICIENTS, EXTRA_INDEX, MotionTrack
from avatar_contracts.performance import MotionOptions
from avatar_contracts.speech import Emotion
from avatar_contracts.timeline import TimedPhone, TimedWord
from avatar_gpu.motion.phonetic import PhoneticEngine
from avatar_gpu.motion.phonetic.phones import INVENTORY
from avatar_gpu.protocols import EngineContext, SpeechClip

RATE = 24_000
LIPS = [i for i, name in enumerate(COEFFICIENTS) if name.startswith(("jaw", "mouth", "tongue", "cheekPuff"))]
JAW, CLOSE = COEFFICIENT_INDEX["jawOpen"], COEFFICIENT_INDEX["mouthClose"]
GAP = [COEFFICIENT_INDEX[n] for n in ("jawOpen", "mouthUpperUpLeft", "mouthLowerDownLeft")]
PHONES = sorted(INVENTORY)


@pytest.fixture(scope="module")
def engine() -> PhoneticEngine:
    return PhoneticEngine(EngineContext("cpu", Path("models"), 1))


def make_clip(phones: Sequence[tuple[str, float]], *, rate: int = RATE, loudness: float = 0.1) -> SpeechClip:
    """Phones and their lengths in milliseconds → a clip of noise; an empty phone is silence."""
    timed, pieces, position = [], [], 0
    noise = np.random.default_rng(1)
    for ipa, length_ms in phones:
        samples = max(round(length_ms * rate / 1000), 1)
        timed.append(
            TimedPhone(start=position, end=position + samples, ipa=ipa, stress=2 if "a" in ipa else 0)
        )
        pieces.append(noise.standard_normal(samples) * (loudness if ipa else 0.0))
        position += samples
    audio = np.concatenate(pieces).astype(np.float32) if pieces else np.zeros(0, np.float32)
    return SpeechClip(audio, tuple(timed), (), 0, 1)


def silence(length_ms: float, rate: int = RATE) -> SpeechClip:
    return make_clip([("", length_ms)], rate=rate)


def perform(
    engine: PhoneticEngine,
    clips: Sequence[SpeechClip],
    options: MotionOptions | None = None,
    rate: int = RATE,
) -> list[MotionTrack]:
    session = engine.start(options or MotionOptions(), rate)
    return [session.feed(clip, last=index == len(clips) - 1) for index, clip in enumerate(clips)]


def at(tracks: Sequence[MotionTrack], times_s: NDArray[np.float64]) -> MotionTrack:
    """The poses of a whole performance at ``times_s``."""
    starts = np.array([t.start_s for t in tracks])
    owner = np.clip(np.searchsorted(starts, times_s, side="right") - 1, 0, None)
    parts = [tracks[i].at(times_s[owner == i]) for i in np.unique(owner)]
    return MotionTrack(
        float(times_s[0]),
        np.concatenate([p.coeffs for p in parts]),
        np.concatenate([p.rotation for p in parts]),
        np.concatenate([p.translation for p in parts]),
        np.concatenate([p.gaze for p in parts]),
        np.concatenate([p.extras for p in parts]),
    )


def lip_gap(poses: MotionTrack) -> NDArray[np.float32]:
    """How far the lips are apart, 0 where ``mouthClose`` is 1."""
    return np.asarray(poses.coeffs[:, GAP].sum(axis=1) * (1 - poses.coeffs[:, CLOSE]))


phone_sequences = st.lists(
    st.tuples(
        st.sampled_from([*PHONES, "p", "b", "m", "f", "v", "a", "i", "u", "", ""]), st.integers(35, 240)
    ),
    min_size=1,
    max_size=25,
)


bilabial_sequences = st.lists(
    st.tuples(st.sampled_from(["p", "b", "m", "ph", "a", "iː", "æ", "s", "u"]), st.integers(35, 120)),
    min_size=3,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(
    phones=bilabial_sequences, phase_ms=st.integers(0, 39), expressiveness=st.sampled_from([0.0, 0.5, 1.0])
)
def test_every_bilabial_closes_the_lips_for_two_frames(
    engine: PhoneticEngine, phones: list[tuple[str, int]], phase_ms: int, expressiveness: float
) -> None:
    clip = make_clip([("a", 200), *phones, ("a", 200), ("", 600)])
    options = MotionOptions(expressiveness=expressiveness)
    tracks = perform(engine, [silence(400), clip, silence(800)], options)
    for phone in tracks[1].phones:
        if phone.ipa in {"p", "b", "m", "ph", "pʰ"}:
            frames = (np.arange(-4, 100) * 40 + phase_ms) / 1000
            near = frames[(frames > phone.start / RATE - 0.12) & (frames < phone.end / RATE + 0.06)]
            closed = lip_gap(at(tracks, near)) < 0.02
            assert (closed[1:] & closed[:-1]).any(), f"{phone.ipa} stays open"


@settings(max_examples=30, deadline=None)
@given(
    phones=phone_sequences,
    seed=st.integers(0, 2**31 - 1),
    emotion=st.sampled_from(["neutral", "happy", "serious", "sad", "surprised", "angry"]),
    rate=st.sampled_from([16_000, 22_050, 24_000, 44_100]),
)
def test_every_value_stays_within_its_limits(
    engine: PhoneticEngine, phones: list[tuple[str, int]], seed: int, emotion: Emotion, rate: int
) -> None:
    options = MotionOptions(seed=seed, emotion=emotion, expressiveness=1.0, head_motion=1.0)
    clips = [make_clip(phones, rate=rate), silence(300, rate)]
    for track, clip in zip(perform(engine, clips, options, rate), clips, strict=True):
        assert track.size >= len(clip.samples) / rate * 100 + 1 - 1e-9
        assert track.coeffs.min() >= 0.0
        assert track.coeffs.max() <= 1.0
        assert track.extras.min() >= 0.0
        assert track.extras.max() <= 1.0
        assert np.abs(track.rotation).max() < np.radians(25)
        assert np.abs(track.gaze).max() < np.radians(40)
        assert np.abs(track.translation).max() < 0.1


@settings(max_examples=25, deadline=None)
@given(clips=st.lists(phone_sequences, min_size=2, max_size=4))
def test_consecutive_clips_join_in_position_and_velocity(
    engine: PhoneticEngine, clips: list[list[tuple[str, int]]]
) -> None:
    tracks = perform(engine, [*map(make_clip, clips), silence(300)])
    for before, after in pairwise(tracks):
        joint = np.array([after.start_s])
        for name, tolerance in (
            ("coeffs", 0.05),
            ("rotation", 0.002),
            ("translation", 0.001),
            ("extras", 0.02),
        ):
            here, there = getattr(before.at(joint), name), getattr(after.at(joint), name)
            assert np.abs(here - there).max() < tolerance, name
        if before.size > 3 and after.size > 3:
            arriving = (before.coeffs[-1] - before.coeffs[-2])[JAW]
            leaving = (after.coeffs[1] - after.coeffs[0])[JAW]
            assert abs(arriving - leaving) < 0.06


def test_a_performance_begins_and_ends_in_the_rest_pose(engine: PhoneticEngine) -> None:
    speech = make_clip([("m", 80), ("a", 150), ("m", 80), ("a", 200), ("", 300)])
    tracks = perform(engine, [speech, silence(450)], MotionOptions(emotion="happy", seed=5))
    for pose in (tracks[0].at(np.array([0.0])), tracks[-1].at(np.array([tracks[-1].start_s + 0.45]))):
        for name in ("coeffs", "rotation", "translation", "gaze", "extras"):
            assert np.abs(getattr(pose, name)).max() < 1e-5, name


def test_a_clip_that_ends_in_the_middle_of_speech_still_ends_at_rest(engine: PhoneticEngine) -> None:
    tracks = perform(engine, [make_clip([("a", 300), ("o", 300)])])
    assert np.abs(tracks[0].coeffs[-1]).max() < 1e-5


def test_silence_keeps_the_mouth_closed_and_still_while_the_face_lives(engine: PhoneticEngine) -> None:
    speech = make_clip([("b", 70), ("a", 200), ("", 300)])
    tracks = perform(engine, [silence(2000), speech, silence(20_000), silence(500)])
    assert np.abs(tracks[0].coeffs[:, LIPS]).max() == 0.0
    settled = tracks[2]
    assert np.abs(settled.coeffs[:, LIPS]).max() == 0.0
    assert settled.rotation.std(axis=0).min() > np.radians(0.1)
    assert settled.coeffs[:, COEFFICIENT_INDEX["eyeBlinkLeft"]].max() > 0.95
    assert np.ptp(settled.gaze[:, 0, 0]) > 0.01
    assert np.ptp(settled.extras[:, EXTRA_INDEX["breath"]]) > 0.8


def test_the_mouth_rests_within_a_quarter_second_of_the_last_phone(engine: PhoneticEngine) -> None:
    tracks = perform(engine, [make_clip([("a", 300), ("", 800)]), silence(1000)])
    assert np.abs(tracks[0].coeffs[55:, LIPS]).max() == 0.0
    assert tracks[0].coeffs[15, JAW] > 0.35


@pytest.mark.parametrize("seed", range(12))
def test_people_blink_eight_to_thirty_times_a_minute(engine: PhoneticEngine, seed: int) -> None:
    words = [("n", 60), ("o", 150), ("s", 90), ("e", 120), ("", 400)] * 6
    minute = [make_clip(words), silence(10_080)] * 4
    tracks = perform(engine, minute, MotionOptions(seed=seed))
    lids = at(tracks, np.arange(6000) / 100).coeffs[:, COEFFICIENT_INDEX["eyeBlinkLeft"]]
    blinks = int(np.sum((lids[1:] > 0.8) & (lids[:-1] <= 0.8)))
    assert 8 <= blinks <= 30


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_motion(engine: PhoneticEngine) -> None:
    clips = [make_clip([("h", 60), ("ə", 80), ("l", 60), ("oʊ", 200), ("", 400)]), silence(3000)]
    first = perform(engine, clips, MotionOptions(seed=7))
    again = perform(PhoneticEngine(EngineContext("cpu", Path("models"), 1)), clips, MotionOptions(seed=7))
    other = perform(engine, clips, MotionOptions(seed=8))
    assert [t.to_npz() for t in first] == [t.to_npz() for t in again]
    assert not np.allclose(first[1].rotation, other[1].rotation)


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(1, 2999), max_size=4, unique=True))
def test_motion_does_not_depend_on_how_silence_is_split(engine: PhoneticEngine, cuts: list[int]) -> None:
    speech = make_clip([("p", 80), ("a", 180), ("s", 90), ("i", 200), ("", 100)])
    edges = [0, *sorted(cuts), 3000]
    pieces = [silence(b - a) for a, b in pairwise(edges)]
    whole = perform(engine, [silence(200), speech, silence(3000), silence(800)])
    split = perform(engine, [silence(200), speech, *pieces, silence(800)])
    times = np.arange(0, 4300) / 1000
    a, b = at(whole, times), at(split, times)
    assert np.abs(a.rotation - b.rotation).max() < 1e-3
    assert np.abs(a.coeffs - b.coeffs).max() < 0.03  # each track is linear between its own control points
    assert np.abs(a.extras - b.extras).max() < 0.01


def test_times_are_counted_in_samples_from_the_start_of_the_performance(engine: PhoneticEngine) -> None:
    rate = 22_050
    word = TimedWord(start=10, end=500, text="a", text_start=0, text_end=1)
    odd = SpeechClip(np.zeros(7777, np.float32), (TimedPhone(start=0, end=7777, ipa="a"),), (word,), 0, 1)
    tracks = perform(engine, [odd] * 5, rate=rate)
    assert [t.start_s for t in tracks] == [k * 7777 / rate for k in range(5)]
    assert tracks[4].phones[0].start == 4 * 7777
    assert tracks[4].words[0].end == 4 * 7777 + 500


def test_an_empty_clip_gives_one_control_point(engine: PhoneticEngine) -> None:
    empty = SpeechClip(np.zeros(0, np.float32), (), (), 0, 1)
    tracks = perform(engine, [empty, silence(100), empty])
    assert [t.size for t in tracks] == [1, 11, 1]


def test_a_phone_outside_the_inventories_moves_by_its_class_and_is_logged_once(
    engine: PhoneticEngine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    strange = PhoneticEngine(EngineContext("cpu", Path("models"), 1))
    clip = make_clip([("a", 150), ("ɓ", 120), ("a", 150), ("ɓ", 120), ("ꙮ", 100), ("%", 60), ("", 400)])
    track = perform(strange, [silence(300), clip])[1]
    assert lip_gap(track)[18] < 0.02
    named = [r.__dict__["phone"] for r in caplog.records]
    assert sorted(named) == ["%", "ɓ", "ꙮ"]


@pytest.mark.parametrize(
    ("phone", "shape", "above"),
    [
        ("ɑː", "jawOpen", 0.4),
        ("uː", "mouthPucker", 0.6),
        ("ɔː", "mouthFunnel", 0.5),
        ("iː", "mouthStretchLeft", 0.25),
        ("iː", "mouthSmileLeft", 0.15),
        ("f", "mouthRollLower", 0.7),
        ("f", "mouthUpperUpLeft", 0.4),
        ("m", "mouthPressLeft", 0.5),
    ],
)
def test_a_held_phone_reaches_its_shape(engine: PhoneticEngine, phone: str, shape: str, above: float) -> None:
    tracks = perform(engine, [silence(300), make_clip([(phone, 250), ("", 500)])])
    assert tracks[1].coeffs[:, COEFFICIENT_INDEX[shape]].max() >= above


def test_loud_and_stressed_syllables_open_the_mouth_wider(engine: PhoneticEngine) -> None:
    def peak(loudness: float, ipa: str) -> float:
        quiet = [("d", 80), ("a", 160)] * 4
        loud = make_clip([("d", 80), (ipa, 160), ("d", 80), ("", 400)], loudness=loudness)
        rest = make_clip(quiet, loudness=0.1)
        samples = np.concatenate([rest.samples, loud.samples])
        moved = [
            p.model_copy(update={"start": p.start + len(rest.samples), "end": p.end + len(rest.samples)})
            for p in loud.phones
        ]
        track = perform(engine, [SpeechClip(samples, (*rest.phones, *moved), (), 0, 1)])[0]
        return float(track.coeffs[105:125, JAW].max())

    assert peak(0.25, "ɑ") > peak(0.1, "ɑ") > peak(0.04, "ɑ")
    assert peak(0.1, "ˈɑ") > peak(0.1, "ɑ")


def test_head_motion_zero_holds_the_head_still(engine: PhoneticEngine) -> None:
    speech = make_clip([("m", 80), ("a", 200), ("n", 80), ("", 300)])
    tracks = perform(engine, [speech, silence(2000)], MotionOptions(head_motion=0.0))
    assert all(np.abs(t.rotation).max() == 0 and np.abs(t.translation).max() == 0 for t in tracks)


def test_the_eyes_take_back_the_turn_of_the_head(engine: PhoneticEngine) -> None:
    tracks = perform(engine, [silence(30_000), silence(500)], MotionOptions(seed=2, head_motion=1.0))
    yaw, gaze = tracks[0].rotation[200:, 0], tracks[0].gaze[200:, 0, 0]
    assert np.corrcoef(yaw, gaze)[0, 1] < -0.5


def test_eye_look_coefficients_follow_from_gaze(engine: PhoneticEngine) -> None:
    track = perform(engine, [silence(30_000)], MotionOptions(seed=4))[0]
    to_image_right = track.gaze[:, 0, 0] > 0.02
    left_out, right_in = (COEFFICIENT_INDEX[n] for n in ("eyeLookOutLeft", "eyeLookInRight"))
    assert to_image_right.any()
    assert (track.coeffs[to_image_right][:, [left_out, right_in]] > 0).all()
    assert (track.coeffs[track.gaze[:, 0, 0] < 0][:, left_out] == 0).all()


@pytest.mark.parametrize("emotion", ["happy", "serious", "sad", "surprised", "angry"])
def test_an_emotion_changes_the_face_but_never_opens_a_silent_mouth(
    engine: PhoneticEngine, emotion: Emotion
) -> None:
    neutral = perform(engine, [silence(4000), silence(500)])[0]
    felt = perform(engine, [silence(4000), silence(500)], MotionOptions(emotion=emotion))[0]
    assert np.abs(felt.coeffs - neutral.coeffs)[150:].max() > 0.1
    opened = [JAW, *(COEFFICIENT_INDEX[n] for n in ("mouthFunnel", "mouthUpperUpLeft", "mouthLowerDownLeft"))]
    assert felt.coeffs[:, opened].max() == 0.0
    assert np.ptp(felt.coeffs[150:, LIPS], axis=0).max() < 1e-6


def test_the_lips_stay_together_through_every_pause_until_the_end(engine: PhoneticEngine) -> None:
    speech = make_clip([("a", 200), ("", 550), ("a", 200), ("", 100)])
    tracks = perform(engine, [silence(500), speech, silence(2500)])
    speaking = at(tracks, np.arange(500, 4000) / 1000).extras[:, EXTRA_INDEX["speaking"]]
    assert speaking[250:2800].min() > 0.99
    assert speaking[-1] < 0.1
