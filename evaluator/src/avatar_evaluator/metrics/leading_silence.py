"""Milliseconds until something is to be heard."""

from __future__ import annotations

import numpy as np

from avatar_evaluator.metrics.audible import WINDOW_MS, audible
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def leading_silence(recording: Recording) -> Score:
    """From the sound's first sample to the first audible window."""
    audio = recording.media.audio
    heard = audible(audio) if audio is not None else None
    if heard is None:
        return Score.missing("the file has no audible sound", "ms")
    return Score(value=float(np.argmax(heard)) * WINDOW_MS, unit="ms")
