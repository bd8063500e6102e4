"""How much of the head's motion is faster than a head moves."""

from __future__ import annotations

import numpy as np

from avatar_evaluator.faces.shape import RIGID
from avatar_evaluator.observation import Unseen
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score

FAST_HZ, SLOWEST_HZ = 5.0, 0.2
SHORTEST_S = 1.0


def shake(recording: Recording) -> Score:
    """Share of the motion's power above 5 Hz; the best detector of a shaking picture."""
    face = recording.face
    if isinstance(face, Unseen):
        return Score.missing(face.reason)
    middle = face.landmarks[:, list(RIGID), :2].mean(axis=1)
    seen = np.isfinite(middle[:, 0])
    if seen.sum() < SHORTEST_S * face.rate_hz:
        return Score.missing(f"less than {SHORTEST_S} s show a face")
    place = np.column_stack([np.interp(face.times_s, face.times_s[seen], axis[seen]) for axis in middle.T])
    place = (place - place.mean(axis=0)) * np.hanning(len(place))[:, None]
    power = np.square(np.abs(np.fft.rfft(place, axis=0))).sum(axis=1)
    hz = np.fft.rfftfreq(len(place), 1 / face.rate_hz)
    moving = float(power[hz > SLOWEST_HZ].sum())
    if moving <= 0:
        return Score.missing("the head does not move")
    return Score(value=float(power[hz > FAST_HZ].sum()) / moving)
