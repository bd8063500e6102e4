"""Frames, paths, grains and shapes: the parts of a voice conversion, on signals whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from avatar_gpu.voice import exemplars, grains, selection, shaping, world
from avatar_gpu.voice.features import distances, in_context, mel_cepstra
from avatar_gpu.voice.pitch import PitchStats, measure_pitch
from avatar_gpu.voice.smoothing import gaussian

RATE = world.SAMPLE_RATE_HZ


def vowel(
    seconds: float, f0_hz: float, formants: tuple[float, ...], depth: float = 0.08
) -> NDArray[np.float32]:
    """A buzz with formants whose pitch moves, between two silences of 0.1 s."""
    times = np.arange(round(seconds * RATE)) / RATE
    f0 = f0_hz * np.exp(depth * np.sin(2 * np.pi * 1.5 * times))
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    sound = np.zeros(len(times))
    for k in range(1, int(9_000 / f0_hz)):
        gain = sum(np.exp(-(((k * f0_hz - centre) / 180) ** 2)) for centre in formants) + 0.01
        sound += gain * np.sin(k * phase) / np.sqrt(k)
    silence = np.zeros(RATE // 10)
    return np.concatenate([silence, 0.1 * sound / np.abs(sound).max(), silence]).astype(np.float32)


def sentence(f0_hz: float, shift: float = 1.0, seed: int = 0) -> tuple[NDArray[np.float32], list[str]]:
    """Three vowels and a hiss in a random order, four times, and the phone of each frame."""
    rng = np.random.default_rng(seed)
    phones = {"a": (700, 1200, 2500), "i": (300, 2300, 3000), "u": (320, 800, 2300)}
    pieces: list[NDArray[np.float32]] = []
    labels: list[str] = []
    for _ in range(4):
        for phone in rng.permutation(["a", "i", "u", "s"]):
            if phone == "s":
                noise = np.diff(rng.standard_normal(3_601)) * 0.02
                pieces.append(noise.astype(np.float32))
            else:
                body = vowel(0.3, f0_hz, tuple(shift * f for f in phones[phone]))
                pieces.append(body[RATE // 10 : RATE // 10 + 7_200])
            labels += [str(phone)] * (len(pieces[-1]) // world.FRAME_SAMPLES)
        pieces.append(np.zeros(4_800, np.float32))
        labels += [""] * 40
    return np.concatenate(pieces), labels


def bank(f0_hz: float) -> world.Frames:
    samples, _ = sentence(f0_hz)
    return world.analyse(samples, careful=False)


@pytest.fixture(scope="module")
def voice() -> exemplars.ExemplarVoice:
    recording, _ = sentence(200.0, shift=1.12, seed=1)
    return exemplars.learn(recording, 50, "en", bank(100.0))


def test_words_that_are_said_are_aligned_to_and_other_words_are_not() -> None:
    recording, _ = sentence(200.0, shift=1.12, seed=1)
    said, _ = sentence(100.0, seed=1)
    other, _ = sentence(100.0, seed=0)

    aligned = exemplars.learn(recording, 50, "en", bank(100.0), world.analyse(said, careful=False))
    refused = exemplars.learn(recording, 50, "en", bank(100.0), world.analyse(other, careful=False))

    assert aligned.aligned_to_text
    assert aligned.rate == pytest.approx(1.0, abs=0.05)
    assert not refused.aligned_to_text
    assert refused.rate == exemplars.USUAL_RATE
    assert exemplars.exemplars_from_bytes(aligned.to_bytes()).aligned_to_text


def test_a_text_far_too_long_for_the_recording_is_not_aligned_to() -> None:
    recording, _ = sentence(200.0, seed=1)
    said, _ = sentence(100.0, seed=1)
    long = world.analyse(np.tile(said, 3), careful=False)

    assert not exemplars.learn(recording, 50, "en", bank(100.0), long).aligned_to_text


def test_a_monotone_path_goes_from_end_to_end_and_never_back() -> None:
    costs = np.random.default_rng(0).random((40, 50)).astype(np.float32)

    path = selection.monotone_path(costs)

    assert path[0] <= 1
    assert path[-1] >= 48
    assert set(np.diff(path).tolist()) <= {0, 1, 2}


def test_speech_without_a_voiced_sound_has_no_pitch() -> None:
    hiss = 0.05 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)

    with pytest.raises(ValueError, match="voiced"):
        measure_pitch(world.analyse(hiss, careful=False))


@pytest.mark.parametrize("data", [b"", b"no voice", b"PK\x03\x04", b"\x93NUMPY"], ids=str)
def test_bytes_that_are_no_voice_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="voice"):
        exemplars.exemplars_from_bytes(data)


@pytest.mark.parametrize("f0_hz", [90.0, 140.0, 220.0, 320.0])
def test_pitch_is_measured_within_a_quarter_of_a_semitone(f0_hz: float) -> None:
    frames = world.analyse(vowel(2.0, f0_hz, (700, 1200), depth=0.02), careful=False)

    assert 12 * abs(np.log2(measure_pitch(frames).median_hz / f0_hz)) < 0.25


def test_a_path_prefers_what_was_recorded_in_sequence() -> None:
    costs = np.full((6, 20), 5.0, np.float32)
    costs[np.arange(6), np.arange(4, 10)] = 1.0
    costs[3, 17] = 0.5

    path = selection.best_path(costs, np.ones(20, bool), jump_cost=6.0)

    assert path.tolist() == [4, 5, 6, 7, 8, 9]


def test_a_path_jumps_where_it_pays_and_never_runs_over_a_cut() -> None:
    costs = np.full((6, 20), 50.0, np.float32)
    costs[np.arange(3), np.arange(3)] = 0.0
    costs[np.arange(3, 6), np.arange(12, 15)] = 0.0
    assert selection.best_path(costs, np.ones(20, bool), 6.0).tolist() == [0, 1, 2, 12, 13, 14]

    flat = np.zeros((3, 4), np.float32)
    flat[np.arange(3), np.arange(3)] = -1.0
    cut = np.array([False, True, False, True])
    assert selection.best_path(flat, cut, 6.0).tolist() != [0, 1, 2]


def test_a_path_is_the_cheapest_of_all_paths() -> None:
    rng = np.random.default_rng(3)
    costs = rng.random((5, 4)).astype(np.float32) * 3
    follows = np.ones(4, bool)

    def price(path: tuple[int, ...]) -> float:
        total = float(costs[0, path[0]])
        for step in range(1, 5):
            move = path[step] - path[step - 1]
            total += {1: 0.0, 0: selection.STAY_COST, 2: selection.SKIP_COST}.get(move, 1.0)
            total += float(costs[step, path[step]])
        return total

    found = selection.best_path(costs, follows, 1.0)

    cheapest = min(price(tuple(map(int, index))) for index in np.ndindex(4, 4, 4, 4, 4))
    assert price(tuple(found.tolist())) == pytest.approx(cheapest, abs=1e-5)


def test_the_ridge_finds_an_affine_map() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4_000, 5)).astype(np.float32) * 4
    wanted = (np.eye(5) + 0.1 * rng.standard_normal((5, 5))).astype(np.float32)

    affine = selection.ridge_towards_identity(x, x @ wanted + 1.0)

    assert np.abs(selection.apply_map(affine, x) - (x @ wanted + 1.0)).mean() < 0.1


def test_distances_are_euclidean() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((7, 3)).astype(np.float32), rng.standard_normal((5, 3)).astype(np.float32)

    expected = np.linalg.norm(a[:, None] - b[None], axis=2)

    assert np.allclose(distances(a, b), expected, atol=1e-4)


def test_context_holds_the_ends() -> None:
    cepstra = np.arange(20, dtype=np.float32)[:, None].repeat(20, axis=1)

    stacked = in_context(cepstra)

    assert stacked.shape == (20, 100)
    assert stacked[0, 0] == 0
    assert stacked[10, 0] == 4
    assert stacked[19, -1] == 19


def test_cepstra_move_with_level_only_in_the_first() -> None:
    envelope = world.analyse(vowel(0.5, 120.0, (700, 1200)), careful=False).envelope[40:60]

    change = mel_cepstra(envelope + 1.0) - mel_cepstra(envelope)

    assert np.allclose(change[:, 0], np.sqrt(40), atol=0.05)
    assert np.abs(change[:, 1:]).max() < 0.05


def test_smoothing_keeps_a_constant_and_the_sum_of_an_impulse() -> None:
    assert np.allclose(gaussian(np.full((30, 4), 3.0), 2.0), 3.0)
    impulse = np.zeros(101)
    impulse[50] = 1.0
    assert gaussian(impulse, 3.0).sum() == pytest.approx(1.0)
    assert gaussian(impulse, 3.0)[50] == pytest.approx(1 / (3 * np.sqrt(2 * np.pi)), rel=0.01)


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.15])
def test_a_warp_moves_a_formant_by_its_factor(factor: float) -> None:
    bins = np.arange(world.BINS)
    envelope = -(((bins - 100) / 10.0) ** 2).astype(np.float32)

    assert int(shaping.warp(envelope, factor).argmax()) == pytest.approx(100 * factor, abs=1)


def test_a_shape_keeps_the_length_and_sets_the_pitch() -> None:
    samples = vowel(1.5, 100.0, (700, 1200, 2500))
    base = measure_pitch(world.analyse(samples, careful=False))

    shaped = shaping.reshape(samples, base, shaping.Shape(190.0, 1.5, 1.1, 3.0, 0.2), [])

    assert len(shaped) == len(samples)
    found = measure_pitch(world.analyse(shaped, careful=False))
    assert 12 * abs(np.log2(found.median_hz / 190.0)) < 0.3
    assert found.deviation == pytest.approx(1.5 * base.deviation, rel=0.15)


def test_silence_stays_silence_in_every_shape() -> None:
    base = PitchStats(float(np.log(100)), 0.1)

    shaped = shaping.reshape(np.zeros(9_600, np.float32), base, shaping.Shape(190.0, 1.5, 1.1, 3.0, 0.5), [])

    assert np.abs(shaped).max() < 1e-3


@pytest.mark.parametrize("f0_hz", [90.0, 150.0, 260.0])
def test_there_is_one_pitch_mark_a_period(f0_hz: float) -> None:
    samples = vowel(1.0, f0_hz, (700, 1200, 2500), depth=0.02)
    frames = world.analyse(samples, careful=True)

    marks = grains.pitch_marks(samples, np.where(frames.voiced, frames.f0, 0.0))

    assert len(marks.samples) == pytest.approx(f0_hz, rel=0.06)
    assert np.diff(marks.samples).std() < 0.06 * RATE / f0_hz


def test_a_recording_assembled_from_its_own_grains_is_itself() -> None:
    samples = vowel(1.0, 130.0, (700, 1200, 2500))
    frames = world.analyse(samples, careful=True)
    f0 = np.where(frames.voiced, frames.f0, 0.0)
    recording = grains.Recording(samples, frames.envelope, frames.voiced, grains.pitch_marks(samples, f0))
    path = np.where(frames.active, np.arange(len(f0)), -1)

    again = grains.assemble(recording, path, frames.envelope, f0, len(samples))

    middle = slice(RATE // 4, RATE)
    before, after = (np.log(np.abs(np.fft.rfft(x[middle])) + 1e-3) for x in (samples, again))
    assert len(again) == len(samples)
    assert np.corrcoef(before, after)[0, 1] > 0.9
    assert np.sqrt(np.mean(again[middle] ** 2)) == pytest.approx(
        np.sqrt(np.mean(samples[middle] ** 2)), rel=0.2
    )


def test_a_voice_survives_being_saved(voice: exemplars.ExemplarVoice) -> None:
    loaded = exemplars.exemplars_from_bytes(voice.to_bytes())
    samples, _ = sentence(100.0, seed=5)
    base = measure_pitch(world.analyse(samples, careful=False))

    spoken, again = (exemplars.speak(samples, v, base, 0.5) for v in (voice, loaded))

    assert loaded.voice_pitch == voice.voice_pitch
    assert np.abs(spoken - again).max() < 0.05 * np.abs(spoken).max() + 0.01


@pytest.mark.parametrize("likeness", [0.0, 0.5, 1.0])
def test_speech_keeps_its_time_axis_and_takes_the_speakers_pitch(
    voice: exemplars.ExemplarVoice, likeness: float
) -> None:
    samples, labels = sentence(100.0, seed=5)
    base = measure_pitch(world.analyse(samples, careful=False))

    spoken = exemplars.speak(samples, voice, base, likeness)

    frames = world.analyse(spoken, careful=False)
    assert len(spoken) == len(samples)
    assert 12 * abs(np.log2(measure_pitch(frames).median_hz / voice.median_hz)) < 1.0
    before = np.repeat(np.array([bool(label) for label in labels]), world.FRAME_SAMPLES)
    silent = ~exemplars.near(before, 2_400)
    assert np.abs(spoken[: len(silent)][silent[: len(spoken)]]).max(initial=0.0) < 1e-3


def test_speech_takes_the_speakers_spectrum(voice: exemplars.ExemplarVoice) -> None:
    samples, _ = sentence(100.0, seed=5)
    base = measure_pitch(world.analyse(samples, careful=False))
    spoken = exemplars.speak(samples, voice, base, 1.0)

    def colour(sound: NDArray[np.float32]) -> NDArray[np.float32]:
        frames = world.analyse(sound, careful=False)
        mean = frames.envelope[frames.voiced].mean(axis=0)[10:250]
        return np.asarray(mean - mean.mean())

    target = colour(voice.samples)
    assert np.abs(colour(spoken) - target).mean() < 0.6 * np.abs(colour(samples) - target).mean()
