"""Loudness by ITU-R BS.1770-4 and a true-peak limiter, for mono speech."""

from __future__ import annotations

from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray

TARGET_LUFS = -16.0
CEILING_DBTP = -1.0
BLOCK_S = 0.4
HOP_S = 0.1
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
TAIL_S = 0.25
"""The filters have died out by then, so that the FFT's wrap-around adds nothing."""
OVERSAMPLING = 4
LOOKAHEAD = 128
"""Samples at 24 kHz over which the limiter closes and opens again (5 ms each)."""


@cache
def _k_weighting(sample_rate_hz: int, size: int) -> NDArray[np.complex128]:
    """The frequency response of BS.1770's two filters at the bins of a real FFT of ``size``.

    Formula: Brecht De Man, "Evaluation of implementations of the EBU R128 loudness measurement" (2018).
    """
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(size))

    def response(b: tuple[float, float, float], k: float, q: float) -> NDArray[np.complex128]:
        a0 = 1 + k / q + k * k
        a1, a2 = 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0
        return np.asarray((b[0] + b[1] * z + b[2] * z * z) / (1 + a1 * z + a2 * z * z))

    k, q = np.tan(np.pi * 1681.9744509555319 / sample_rate_hz), 0.7071752369554193
    high = 10 ** (3.99984385397 / 20)
    middle = high**0.499666774155
    a0 = 1 + k / q + k * k
    shelf = response(
        (
            (high + middle * k / q + k * k) / a0,
            2 * (k * k - high) / a0,
            (high - middle * k / q + k * k) / a0,
        ),
        k,
        q,
    )
    k, q = np.tan(np.pi * 38.13547087613982 / sample_rate_hz), 0.5003270373253953
    return np.asarray(shelf * response((1.0, -2.0, 1.0), k, q))


def block_powers(samples: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float64]:
    """K-weighted mean squares of the 400 ms blocks, 75 % overlapping; shorter audio is one block."""
    if not len(samples):
        return np.zeros(0)
    size = 1 << (len(samples) + round(TAIL_S * sample_rate_hz)).bit_length()
    spectrum = np.fft.rfft(samples, size) * _k_weighting(sample_rate_hz, size)
    weighted = np.fft.irfft(spectrum, size)[: len(samples)]
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
