"""Milliseconds after the last thing that is to be heard."""

from __future__ import annotations

import numpy as np

from avatar_evaluator.metrics.audible import WINDOW_MS, audible
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def trailing_silence(recording: Recording) -> Score:
    """From the last audible window to the sound's last sample."""
    audio = recording.media.audio
    heard = audible(audio) if audio is not None else None
    if heard is None:
        return Score.missing("the file has no audible sound", "ms")
    return Score(value=float(np.argmax(heard[::-1])) * WINDOW_MS, unit="ms")
