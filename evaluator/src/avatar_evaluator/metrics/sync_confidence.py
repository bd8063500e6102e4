"""How far the best lag stands out from all others."""

from __future__ import annotations

from avatar_evaluator.observation import Unseen
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def sync_confidence(recording: Recording) -> Score:
    """Height of the curve's peak above its median; from 5 s on, 0.3 makes the offset trustworthy."""
    found = recording.sync
    if isinstance(found, Unseen):
        return Score.missing(found.reason)
    return Score(value=found.estimate.confidence, details={"seconds": found.seconds})
