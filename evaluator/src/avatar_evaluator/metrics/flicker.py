"""How much the picture's brightness trembles."""

from __future__ import annotations

import numpy as np

from avatar_evaluator.observation import Unseen
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def flicker(recording: Recording) -> Score:
    """Mean size of the second difference of the face's mean grey level."""
    face = recording.face
    if isinstance(face, Unseen):
        return Score.missing(face.reason, "grey levels")
    bright = face.luminance[np.isfinite(face.luminance)]
    if len(bright) < 3:
        return Score.missing("fewer than three frames show a face", "grey levels")
    return Score(value=float(np.abs(np.diff(bright, 2)).mean()), unit="grey levels")
