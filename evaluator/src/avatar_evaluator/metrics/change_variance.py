"""Whether the picture moves evenly."""

from __future__ import annotations

import numpy as np

from avatar_evaluator.observation import Unseen
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def change_variance(recording: Recording) -> Score:
    """Variance of the mean change from frame to frame; frames that are doubled or jump raise it."""
    face = recording.face
    if isinstance(face, Unseen):
        return Score.missing(face.reason, "grey levels²")
    change = face.difference[np.isfinite(face.difference)]
    if len(change) < 2:
        return Score.missing("fewer than three frames show a face", "grey levels²")
    return Score(value=float(change.var()), unit="grey levels²", details={"mean": float(change.mean())})
