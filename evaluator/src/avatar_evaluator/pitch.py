"""The voice's fundamental frequency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyworld
from numpy.typing import NDArray

from avatar_evaluator.avsync.features import SOUND_HZ, resampled
from avatar_evaluator.media import AudioStream

FRAME_MS = 10.0
LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0
AUDIBLE_DB = 40.0
"""Frames further than this below the loudest are no speech."""
FEWEST_FRAMES = 50


@dataclass(frozen=True)
class Pitch:
    """hz: (V,) of the voiced frames. voiced: their share of the audible frames, 0…1."""

    hz: NDArray[np.float64]
    voiced: float

    @property
    def median_hz(self) -> float:
        """The middle of the voice."""
        return float(np.median(self.hz))

    @property
    def spread_semitones(self) -> float:
        """Standard deviation; the two most extreme hundredths, where octave errors lie, are left out."""
        tones = 12 * np.log2(self.hz)
        low, high = np.percentile(tones, [2, 98])
        return float(np.std(tones[(tones >= low) & (tones <= high)]))


def pitch_of(audio: AudioStream) -> Pitch | None:
    """By WORLD's DIO and StoneMask (M. Morise, 2009 and 2016); None under half a second of voice."""
    samples = resampled(audio)
    if len(samples) < SOUND_HZ // 4:
        return None
    coarse, times = pyworld.dio(
        samples, SOUND_HZ, f0_floor=LOWEST_HZ, f0_ceil=HIGHEST_HZ, frame_period=FRAME_MS
    )
    hz = np.asarray(pyworld.stonemask(samples, coarse, times, SOUND_HZ), np.float64)
    hop = round(SOUND_HZ * FRAME_MS / 1000)
    padded = np.pad(samples, (hop, 2 * hop))
    power = np.array([np.square(padded[i * hop : (i + 2) * hop]).mean() for i in range(len(hz))])
    audible = power > max(float(power.max()) * 10 ** (-AUDIBLE_DB / 10), 1e-10)
    voiced = audible & (hz > 0)
    if voiced.sum() < FEWEST_FRAMES:
        return None
    return Pitch(hz[voiced], float(voiced.sum() / audible.sum()))
