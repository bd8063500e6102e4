"""How often the eyes close."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_evaluator.faces.shape import Landmarks
from avatar_evaluator.observation import Unseen
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score

EYES = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380))
CLOSED = 0.78
SHORTEST_S = 10.0


def blink_rate(recording: Recording) -> Score:
    """Dips of the lids' gap below 78 % of its median, for 10 s and more; rough.

    The mesh sees closed lids only half closed. People blink 5 to 30 times a minute.
    """
    face = recording.face
    if isinstance(face, Unseen):
        return Score.missing(face.reason, "per minute")
    seconds = float(face.times_s[-1] - face.times_s[0])
    if seconds < SHORTEST_S:
        return Score.missing(f"the video is shorter than {SHORTEST_S:g} s", "per minute")
    gap = np.mean([_openness(face.landmarks, *eye) for eye in EYES], axis=0)
    gap = gap[np.isfinite(gap)]
    closed = np.concatenate([[False], gap < CLOSED * np.median(gap)])
    count = int((closed[1:] & ~closed[:-1]).sum())
    return Score(value=count / seconds * 60, unit="per minute", details={"blinks": count})


def _openness(points: Landmarks, *eye: int) -> NDArray[np.float64]:
    """Eye aspect ratio (T. Soukupová and J. Čech, 2016)."""
    outer, upper_a, upper_b, inner, lower_b, lower_a = (points[:, i, :2] for i in eye)
    tall = np.linalg.norm(upper_a - lower_a, axis=1) + np.linalg.norm(upper_b - lower_b, axis=1)
    return np.asarray(tall / (2 * np.linalg.norm(outer - inner, axis=1) + 1e-9))
