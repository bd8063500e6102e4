"""Frames in which nothing moved."""

from __future__ import annotations

import numpy as np

from avatar_evaluator.observation import Unseen
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score

STILL = 0.02
"""Mean absolute change of grey level; a person who holds still before a camera is far above it."""


def frozen_frames(recording: Recording) -> Score:
    """Share of frames whose face is that of the frame before, to a fiftieth of a grey level."""
    face = recording.face
    if isinstance(face, Unseen):
        return Score.missing(face.reason, "%")
    change = face.difference[np.isfinite(face.difference)]
    if not len(change):
        return Score.missing("fewer than two frames show a face", "%")
    return Score(value=float((change < STILL).mean()) * 100, unit="%")
