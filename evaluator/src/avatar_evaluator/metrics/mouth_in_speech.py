"""How far the mouth moves while something is heard."""

from __future__ import annotations

import numpy as np

from avatar_evaluator.metrics.audible import audible_frames
from avatar_evaluator.observation import Unseen
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score

FEWEST = 10


def mouth_in_speech(recording: Recording) -> Score:
    """From the 5th to the 95th percentile of the lips' gap in audible frames. Real people: 0.05 to 0.27."""
    face = recording.face
    if isinstance(face, Unseen):
        return Score.missing(face.reason, "eye distances")
    during = audible_frames(face.times_s, recording.media.audio)
    gap = face.aperture()
    gap = gap[during & np.isfinite(gap)]
    if len(gap) < FEWEST:
        return Score.missing(f"fewer than {FEWEST} frames show a face and are heard", "eye distances")
    low, high = np.percentile(gap, [5, 95])
    return Score(value=float(high - low), unit="eye distances")
