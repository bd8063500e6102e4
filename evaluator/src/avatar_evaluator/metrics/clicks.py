"""Clicks, as two sounds make where they are joined badly."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score

NEIGHBOURHOOD_MS = 8.0
CLICK_MS = 0.4
OUTSTANDING = 30.0
FAINTEST = 0.02
ORDER = 2


def clicks(recording: Recording) -> Score:
    """Number of moments at which the sound's second difference is thirty times that of its surroundings.

    The surroundings are 8 ms on each side without the click itself, the louder of the two sides: speech may
    burst out of silence, but then goes on.
    """
    audio = recording.media.audio
    if audio is None or not len(audio.samples):
        return Score.missing("the file has no sound", "clicks")
    rate = audio.sample_rate_hz
    jump = np.abs(np.diff(audio.samples.mean(axis=1, dtype=np.float64), ORDER))
    reach, gap = round(rate * NEIGHBOURHOOD_MS / 1000), max(round(rate * CLICK_MS / 1000), 2)
    if len(jump) <= 4 * (reach + gap):
        return Score.missing("the sound is too short", "clicks")
    level = np.sqrt(uniform_filter1d(np.square(jump), reach) + 1e-12)
    step = gap + reach // 2
    before, after = np.roll(level, step), np.roll(level, -step)
    around = np.maximum(before, after)
    found = (jump > OUTSTANDING * around) & (jump > FAINTEST) & (jump == maximum_filter1d(jump, 2 * reach))
    found[: step + reach] = found[-step - reach :] = False
    times = np.flatnonzero(found) / rate
    details: dict[str, float | str] = {"at_s": ", ".join(f"{t:.2f}" for t in times[:5])} if len(times) else {}
    return Score(value=int(found.sum()), unit="clicks", details=details)
