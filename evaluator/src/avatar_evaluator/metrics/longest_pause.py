"""The longest silence inside what is said."""

from __future__ import annotations

import numpy as np

from avatar_evaluator.metrics.audible import WINDOW_MS, audible
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def longest_pause(recording: Recording) -> Score:
    """Milliseconds between two audible windows; 0 where the sound never stops."""
    audio = recording.media.audio
    heard = audible(audio) if audio is not None else None
    if heard is None:
        return Score.missing("the file has no audible sound", "ms")
    steps = np.diff(np.flatnonzero(heard))
    return Score(value=float((steps.max(initial=1) - 1) * WINDOW_MS), unit="ms")
