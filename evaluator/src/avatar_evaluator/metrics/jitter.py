"""How much the head trembles from frame to frame."""

from __future__ import annotations

import numpy as np

from avatar_evaluator.faces.shape import RIGID
from avatar_evaluator.observation import Unseen
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def jitter(recording: Recording) -> Score:
    """Mean second difference of the points that no expression moves, in % of the eyes' distance.

    Scaled to 25 fps by the square of the rate. A frozen picture scores best: see the frozen frames too.
    """
    face = recording.face
    if isinstance(face, Unseen):
        return Score.missing(face.reason, "%")
    moved = np.linalg.norm(np.diff(face.landmarks[:, list(RIGID), :2], 2, axis=0), axis=2)
    if not np.isfinite(moved).any():
        return Score.missing("fewer than three frames in a row show a face", "%")
    share = float(np.nanmean(moved)) / face.interocular_px() * 100
    return Score(value=share * (face.rate_hz / 25) ** 2, unit="%")
