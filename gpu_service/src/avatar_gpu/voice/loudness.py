"""Loudness by ITU-R BS.1770-4 and a true-peak limiter, for mono speech."""

from __future__ import annotations

from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import sosfilt

TARGET_LUFS = -16.0
CEILING_DBTP = -1.0
BLOCK_S = 0.4
HOP_S = 0.1
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
OVERSAMPLING = 4
LOOKAHEAD = 128
"""Samples at 24 kHz over which the limiter closes and opens again (5 ms each)."""


@cache
def _k_weighting(sample_rate_hz: int) -> NDArray[np.float64]:
    """The two filters of BS.1770 as (2, 6) second-order sections for any rate.

    Formula: Brecht De Man, "Evaluation of implementations of the EBU R128 loudness measurement" (2018).
    """

    def shelf(gain_db: float, q: float, centre_hz: float) -> list[float]:
        k = np.tan(np.pi * centre_hz / sample_rate_hz)
        vh = 10 ** (gain_db / 20)
        vb = vh**0.499666774155
        a0 = 1 + k / q + k * k
        b = [(vh + vb * k / q + k * k) / a0, 2 * (k * k - vh) / a0, (vh - vb * k / q + k * k) / a0]
        return [*b, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]

    def high_pass(q: float, centre_hz: float) -> list[float]:
        k = np.tan(np.pi * centre_hz / sample_rate_hz)
        a0 = 1 + k / q + k * k
        return [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]

    return np.array(
        [
            shelf(3.99984385397, 0.7071752369554193, 1681.9744509555319),
            high_pass(0.5003270373253953, 38.13547087613982),
        ]
    )


def block_powers(samples: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float64]:
    """K-weighted mean squares of the 400 ms blocks, 75 % overlapping; shorter audio is one block."""
    if not len(samples):
        return np.zeros(0)
    weighted = sosfilt(_k_weighting(sample_rate_hz), samples.astype(np.float64))
    cumulative = np.concatenate([[0.0], np.cumsum(np.square(weighted))])
    block = min(round(BLOCK_S * sample_rate_hz), len(samples))
    starts = np.arange(0, len(samples) - block + 1, round(HOP_S * sample_rate_hz))
    return np.asarray((cumulative[starts + block] - cumulative[starts]) / block)


def gated_loudness(powers: NDArray[np.float64]) -> float | None:
    """Integrated loudness in LUFS of the blocks; None where every block is silent."""

    def lufs(power: float) -> float:
        return float(-0.691 + 10 * np.log10(power))

    audible = powers[powers > 10 ** ((ABSOLUTE_GATE_LUFS + 0.691) / 10)]
    if not len(audible):
        return None
    gate = 10 ** ((lufs(float(audible.mean())) + RELATIVE_GATE_LU + 0.691) / 10)
    return lufs(float(audible[audible > gate].mean()))


def integrated_loudness(samples: NDArray[np.float32], sample_rate_hz: int) -> float | None:
    """LUFS of ``samples``; None for silence."""
    return gated_loudness(block_powers(samples, sample_rate_hz))


def true_peak(samples: NDArray[np.float32], sample_rate_hz: int) -> float:
    """The highest absolute value of the four times oversampled signal."""
    return float(_oversampled_peaks(samples, sample_rate_hz).max(initial=0.0))


def limit(samples: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float32]:
    """``samples`` with every true peak at or under -1 dBTP, by a gain that moves over 5 ms.

    A moving minimum of the needed gain, then a moving average of the same width: the average at a peak
    holds only values at or under what that peak needs.
    """
    ceiling = 10 ** (CEILING_DBTP / 20) * 0.995
    peaks = _oversampled_peaks(samples, sample_rate_hz)
    if peaks.max(initial=0.0) <= ceiling:
        return samples
    needed = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9))
    width = 2 * LOOKAHEAD
    lowest = np.pad(needed, width, constant_values=1.0)
    span = 1
    while span < width:
        lowest = np.minimum(lowest[:-span], lowest[span:])
        span *= 2
    total = np.concatenate([[0.0], np.cumsum(lowest)])
    average = (total[width:] - total[:-width]) / width
    gain = average[1 : 1 + len(samples)]
    return np.asarray(samples * gain, dtype=np.float32)


def _oversampled_peaks(samples: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float64]:
    """For each sample the highest absolute value from it to the next, oversampled. (T,)"""
    if not len(samples):
        return np.zeros(0)
    dense = np.abs(soxr.resample(samples, sample_rate_hz, OVERSAMPLING * sample_rate_hz, quality="HQ"))
    fitted = np.zeros(OVERSAMPLING * len(samples))
    count = min(len(fitted), len(dense))
    fitted[:count] = dense[:count]
    peaks = fitted.reshape(-1, OVERSAMPLING).max(axis=1)
    return np.asarray(np.maximum(peaks, np.abs(samples)))
