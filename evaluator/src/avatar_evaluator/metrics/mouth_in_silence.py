"""How far the mouth moves while nothing is heard."""

from __future__ import annotations

import numpy as np

from avatar_evaluator.metrics.audible import audible_frames
from avatar_evaluator.observation import Unseen
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score

FEWEST = 10


def mouth_in_silence(recording: Recording) -> Score:
    """From the 5th to the 95th percentile of the lips' gap in silent frames, away from speech by 200 ms."""
    face = recording.face
    if isinstance(face, Unseen):
        return Score.missing(face.reason, "eye distances")
    silent = ~audible_frames(face.times_s, recording.media.audio, margin_ms=200.0)
    gap = face.aperture()
    gap = gap[silent & np.isfinite(gap)]
    if len(gap) < FEWEST:
        return Score.missing(f"fewer than {FEWEST} frames show a face in silence", "eye distances")
    low, high = np.percentile(gap, [5, 95])
    return Score(value=float(high - low), unit="eye distances", details={"frames": len(gap)})
