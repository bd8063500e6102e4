"""How well sound and mouth agree at the timing that the file declares."""

from __future__ import annotations

from avatar_evaluator.observation import Unseen
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def sync_score0(recording: Recording) -> Score:
    """Weighted canonical correlation at lag 0. Real people: 0.2 to 0.7; wrong sound: below 0.15 from 5 s on.

    It measures timing and coarse agreement, not articulation: a mouth that opens with the energy scores too.
    """
    found = recording.sync
    if isinstance(found, Unseen):
        return Score.missing(found.reason)
    return Score(value=found.estimate.score0, details={"seconds": found.seconds})
