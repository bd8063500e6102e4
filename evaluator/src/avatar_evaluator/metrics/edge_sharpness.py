"""How many edges look sharp, against the portrait."""

from __future__ import annotations

import numpy as np

from avatar_evaluator.observation import Unseen
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def edge_sharpness(recording: Recording) -> Score:
    """Cumulative probability of blur detection (CPBD) of the face, divided by the portrait's."""
    face = recording.face
    if isinstance(face, Unseen):
        return Score.missing(face.reason, "×")
    portrait = recording.references.portrait
    if portrait is None:
        return Score.missing("no portrait with a face was given (--portrait)", "×")
    if not (np.isfinite(face.cpbd).any() and np.isfinite(portrait.cpbd).any()):
        return Score.missing("there are no edges", "×")
    own, wanted = float(np.nanmean(face.cpbd)), float(np.nanmean(portrait.cpbd))
    if not wanted > 0:
        return Score.missing("the portrait has no sharp edge", "×")
    return Score(value=own / wanted, unit="×", details={"own": own, "portrait": wanted})
