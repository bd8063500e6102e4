"""Loudness against an independent implementation, and the limiter's promise."""

from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest
from numpy.typing import NDArray

from avatar_gpu.voice.loudness import CEILING_DBTP, integrated_loudness, limit, true_peak

RATE = 24_000


def noise(seconds: float, level: float, seed: int = 0) -> NDArray[np.float32]:
    times = np.arange(round(seconds * RATE)) / RATE
    carrier = np.random.default_rng(seed).standard_normal(len(times))
    return (level * carrier * np.abs(np.sin(2 * np.pi * 2.5 * times))).astype(np.float32)


def test_silence_has_no_loudness() -> None:
    assert integrated_loudness(np.zeros(RATE, np.float32), RATE) is None
    assert integrated_loudness(np.zeros(0, np.float32), RATE) is None


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
def test_loudness_agrees_with_pyloudnorm(rate: int) -> None:
    samples = noise(4.0, 0.2)
    samples[RATE : 2 * RATE] = 0

    expected = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(samples.astype(np.float64))

    assert integrated_loudness(samples, rate) == pytest.approx(expected, abs=0.01)


def test_a_clip_shorter_than_a_block_still_has_a_loudness() -> None:
    assert integrated_loudness(noise(0.2, 0.1), RATE) is not None


def test_quiet_audio_passes_the_limiter_unchanged() -> None:
    samples = noise(1.0, 0.05)

    assert np.array_equal(limit(samples, RATE), samples)


@pytest.mark.parametrize("level", [0.5, 2.0, 8.0])
def test_no_true_peak_is_above_the_ceiling(level: float) -> None:
    limited = limit(noise(1.0, level), RATE)

    assert 20 * np.log10(true_peak(limited, RATE)) <= CEILING_DBTP + 1e-3


def test_the_limiter_keeps_the_length_and_what_is_far_from_a_peak() -> None:
    samples = noise(1.0, 0.05)
    samples[12_000] = 1.0

    limited = limit(samples, RATE)

    assert len(limited) == len(samples)
    assert np.array_equal(limited[:11_000], samples[:11_000])
    assert np.array_equal(limited[13_000:], samples[13_000:])


def test_a_tone_between_samples_shows_its_true_peak() -> None:
    times = np.arange(RATE) / RATE
    tone = np.sin(2 * np.pi * (RATE / 4) * times + np.pi / 4).astype(np.float32)

    assert np.abs(tone).max() < 0.71
    assert true_peak(tone[2_000:-2_000], RATE) == pytest.approx(1.0, abs=0.03)
