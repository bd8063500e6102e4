"""Speech as WORLD frames: F0 and spectral envelope every 5 ms at 24 kHz, and back.

Source: M. Morise, F. Yokomori, K. Ozawa, "WORLD: a vocoder-based high-quality speech synthesis system for
real-time applications" (2016). pyworld holds the GIL while it works, so this runs in processes of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyworld
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 24_000
FRAME_MS = 5.0
FRAME_SAMPLES = 120
FRAMES_PER_S = 200
FFT_SIZE = 1024
BINS = FFT_SIZE // 2 + 1
F0_FLOOR_HZ = 60.0
F0_CEILING_HZ = 500.0
ACTIVE_RANGE_DB = 38.0
"""A frame this far under the loud frames (95th percentile) is not speech."""
NOISE_FLOOR = 1e-5
"""Added noise, so that WORLD never sees digital silence."""
SEED = 0


@dataclass(frozen=True)
class Frames:
    """N frames of speech.

    f0: (N,) float64 Hz, 0 where unvoiced.
    envelope: (N, 513) float32 natural logarithm of the power spectrum.
    active: (N,) bool, speech rather than silence.
    """

    f0: NDArray[np.float64]
    envelope: NDArray[np.float32]
    active: NDArray[np.bool_]

    @property
    def voiced(self) -> NDArray[np.bool_]:
        return (self.f0 > 0) & self.active


def analyse(samples: NDArray[np.float32], *, careful: bool) -> Frames:
    """WORLD frames of ``samples`` (T,) at 24 kHz.

    careful: Harvest, for a person's recording (RTF 0.11); else DIO, for clean synthetic speech (RTF 0.02).
    """
    noise = np.random.default_rng(SEED).standard_normal(len(samples))
    x = np.ascontiguousarray(samples.astype(np.float64) + NOISE_FLOOR * noise)
    if careful:
        f0, times = pyworld.harvest(
            x, SAMPLE_RATE_HZ, f0_floor=F0_FLOOR_HZ, f0_ceil=F0_CEILING_HZ, frame_period=FRAME_MS
        )
    else:
        f0, times = pyworld.dio(
            x, SAMPLE_RATE_HZ, f0_floor=F0_FLOOR_HZ, f0_ceil=F0_CEILING_HZ, frame_period=FRAME_MS, speed=2
        )
    f0 = pyworld.stonemask(x, f0, times, SAMPLE_RATE_HZ)
    power = pyworld.cheaptrick(x, f0, times, SAMPLE_RATE_HZ, fft_size=FFT_SIZE)
    envelope = np.log(np.maximum(power, 1e-16)).astype(np.float32)
    return Frames(f0, envelope, _active(power))


def synthesise(
    f0: NDArray[np.float64],
    envelope: NDArray[np.float32],
    aperiodicity: NDArray[np.float32],
    samples: int,
) -> NDArray[np.float32]:
    """Speech of exactly ``samples`` samples from frames on the 5 ms grid."""
    y = pyworld.synthesize(
        np.ascontiguousarray(f0, np.float64),
        np.exp(np.ascontiguousarray(envelope, np.float64)),
        np.ascontiguousarray(np.clip(aperiodicity, 0.001, 1 - 1e-9), np.float64),
        SAMPLE_RATE_HZ,
        FRAME_MS,
    )
    fitted = np.zeros(samples, np.float32)
    count = min(samples, len(y))
    fitted[:count] = y[:count]
    return fitted


def level(envelope: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean log power of each frame over the speech band; (N,)."""
    return np.asarray(envelope[:, 3 : BINS * 2 // 3].mean(axis=1))


def _active(power: NDArray[np.float64]) -> NDArray[np.bool_]:
    level = 10 * np.log10(power[:, 2 : BINS * 2 // 3].mean(axis=1) + 1e-16)
    return np.asarray(level > np.percentile(level, 95) - ACTIVE_RANGE_DB)
