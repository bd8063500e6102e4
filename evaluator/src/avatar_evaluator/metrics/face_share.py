"""In how many frames a face is seen."""

from __future__ import annotations

import numpy as np

from avatar_evaluator.observation import Unseen
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def face_share(recording: Recording) -> Score:
    """Share of all frames."""
    face = recording.face
    if isinstance(face, Unseen):
        return Score.missing(face.reason, "%")
    details: dict[str, float | str] = {"eyes_px": face.interocular_px()}
    return Score(value=float(np.mean(face.seen)) * 100, unit="%", details=details)
