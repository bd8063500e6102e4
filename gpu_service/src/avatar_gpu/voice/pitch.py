"""A speaker's pitch as two numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar_gpu.voice.world import Frames

MIN_VOICED_FRAMES = 40
"""Fewer than this (0.2 s) say nothing about a voice."""
OUTLIER = 0.7
"""Natural logarithm: F0 values further from the median than this are tracking errors."""


@dataclass(frozen=True)
class PitchStats:
    """Natural logarithm of F0 in Hz: median, and half the distance of the 16th to the 84th percentile."""

    median: float
    deviation: float

    @property
    def median_hz(self) -> float:
        return float(np.exp(self.median))


def measure_pitch(frames: Frames) -> PitchStats:
    """The pitch of ``frames``.

    Raises:
        ValueError: too few voiced frames.
    """
    voiced = np.log(frames.f0[frames.voiced])
    if len(voiced) < MIN_VOICED_FRAMES:
        raise ValueError("too little voiced speech to learn a voice from")
    median = float(np.median(voiced))
    low, high = np.percentile(voiced[np.abs(voiced - median) < OUTLIER], [16, 84])
    return PitchStats(median, max(float(high - low) / 2, 0.02))
