"""How sharp the mouth is against the portrait."""

from __future__ import annotations

import numpy as np

from avatar_evaluator.observation import Unseen
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def sharpness(recording: Recording) -> Score:
    """The Laplacian's variance at the mouth, divided by the portrait's at the same scale.

    Absolute sharpness differs twentyfold between good pictures, so that only the ratio says something.
    """
    face = recording.face
    if isinstance(face, Unseen):
        return Score.missing(face.reason, "×")
    portrait = recording.references.portrait
    if portrait is None:
        return Score.missing("no portrait with a face was given (--portrait)", "×")
    own, wanted = float(np.nanmean(face.sharpness)), float(np.nanmean(portrait.sharpness))
    if not wanted > 0:
        return Score.missing("the portrait has no detail", "×")
    return Score(value=own / wanted, unit="×", details={"own": own, "portrait": wanted})
