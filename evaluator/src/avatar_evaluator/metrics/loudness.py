"""Integrated loudness (ITU-R BS.1770-4)."""

from __future__ import annotations

import math

import numpy as np
import pyloudnorm

from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score

SHORTEST_S = 0.4


def loudness(recording: Recording) -> Score:
    """LUFS over the whole file, by pyloudnorm."""
    audio = recording.media.audio
    if audio is None:
        return Score.missing("the file has no sound", "LUFS")
    if len(audio.samples) <= SHORTEST_S * audio.sample_rate_hz:
        return Score.missing(f"the sound is shorter than {SHORTEST_S} s", "LUFS")
    meter = pyloudnorm.Meter(audio.sample_rate_hz)
    value = float(meter.integrated_loudness(audio.samples.astype(np.float64)))
    if not math.isfinite(value):
        return Score.missing("the sound is silent", "LUFS")
    return Score(value=value, unit="LUFS")
