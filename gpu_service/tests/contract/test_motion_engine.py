"""What every motion engine promises (``protocols.MotionEngine``), asked of each in the catalogue."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from avatar_contracts.motion import COEFFICIENT_INDEX, MotionTrack
from avatar_contracts.performance import MotionOptions
from avatar_contracts.timeline import TimedPhone
from avatar_gpu.catalogue import BUILT_IN, Catalogue
from avatar_gpu.protocols import EngineContext, MotionEngine, SpeechClip

NAMES = [spec.name for spec in BUILT_IN if spec.capability == "motion"]
PHRASE = (
    ("m", 80), ("aɪ", 160), ("b", 70), ("eɪ", 140), ("b", 60), ("i", 120), ("s", 110), ("l", 60), ("iː", 150),
    ("p", 90), ("s", 120), ("", 300),
)  # fmt: skip
FIELDS = ("coeffs", "rotation", "translation", "gaze", "extras")


@pytest.fixture(params=NAMES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MotionEngine]:
    catalogue = Catalogue(EngineContext("cpu", tmp_path, 1), {"motion": request.param})
    with catalogue.motion(request.param) as engine:
        engine.warm()
        yield engine


def phrase(rate: int) -> SpeechClip:
    noise = np.random.default_rng(3)
    phones, pieces, position = [], [], 0
    for ipa, length_ms in PHRASE:
        samples = length_ms * rate // 1000
        phones.append(
            TimedPhone(start=position, end=position + samples, ipa=ipa, stress=2 if ipa == "eɪ" else 0)
        )
        pieces.append(noise.standard_normal(samples) * (0.1 if ipa else 0.0))
        position += samples
    return SpeechClip(np.concatenate(pieces).astype(np.float32), tuple(phones), (), 0, 1)


def pause(rate: int, length_ms: int) -> SpeechClip:
    samples = length_ms * rate // 1000
    phone = TimedPhone(start=0, end=samples, ipa="")
    return SpeechClip(np.zeros(samples, np.float32), (phone,), (), 0, 1)


def perform(engine: MotionEngine, rate: int, options: MotionOptions | None = None) -> list[MotionTrack]:
    session = engine.start(options or MotionOptions(), rate)
    clips = [pause(rate, 250), phrase(rate), phrase(rate), pause(rate, 450)]
    return [session.feed(clip, last=index == 3) for index, clip in enumerate(clips)]


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 48_000])
def test_tracks_cover_their_clips_and_follow_one_another(engine: MotionEngine, rate: int) -> None:
    samples = 0
    clips = [pause(rate, 250), phrase(rate), phrase(rate), pause(rate, 450)]
    for track, clip in zip(perform(engine, rate), clips, strict=True):
        assert track.start_s == pytest.approx(samples / rate, abs=1e-9)
        assert track.size >= len(clip.samples) / rate * 100 + 1 - 1e-6
        assert track.sample_rate_hz == rate
        assert [p.start for p in track.phones] == [p.start + samples for p in clip.phones]
        samples += len(clip.samples)


def test_values_are_finite_and_coefficients_between_nought_and_one(engine: MotionEngine) -> None:
    for track in perform(engine, 24_000, MotionOptions(expressiveness=1.0, head_motion=1.0, emotion="happy")):
        assert all(np.isfinite(getattr(track, name)).all() for name in FIELDS)
        assert track.coeffs.min() >= 0.0
        assert track.coeffs.max() <= 1.0


def test_a_performance_begins_and_ends_in_the_rest_pose(engine: MotionEngine) -> None:
    tracks = perform(engine, 24_000)
    for pose in (tracks[0].at(np.array([0.0])), tracks[-1].at(np.array([tracks[-1].start_s + 0.45]))):
        assert max(float(np.abs(getattr(pose, name)).max()) for name in FIELDS) < 1e-4


def test_consecutive_tracks_meet(engine: MotionEngine) -> None:
    for before, after in pairwise(perform(engine, 22_050)):
        joint = np.array([after.start_s])
        for name in FIELDS:
            assert np.abs(getattr(before.at(joint), name) - getattr(after.at(joint), name)).max() < 0.05, name


def test_speech_opens_the_mouth_and_bilabials_close_it(engine: MotionEngine) -> None:
    track = perform(engine, 24_000)[1]
    jaw, close = (track.coeffs[:, COEFFICIENT_INDEX[n]] for n in ("jawOpen", "mouthClose"))
    assert (jaw * (1 - close)).max() > 0.15
    closed = close > 0.9
    assert np.sum(closed[1:] & ~closed[:-1]) >= 3


def test_equal_seeds_move_alike_and_sessions_do_not_disturb_each_other(engine: MotionEngine) -> None:
    alone = perform(engine, 24_000, MotionOptions(seed=11))
    results: dict[int, list[MotionTrack]] = {}

    def work(seed: int) -> None:
        results[seed] = perform(engine, 24_000, MotionOptions(seed=seed))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (11, 12, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for expected, found in zip(alone, results[11], strict=True):
        assert all(np.array_equal(getattr(expected, n), getattr(found, n)) for n in FIELDS)
    assert not np.array_equal(results[12][1].rotation, results[13][1].rotation)
