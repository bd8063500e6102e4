"""Whether sound and lips run apart."""

from __future__ import annotations

from avatar_evaluator.observation import Unseen
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def sync_drift(recording: Recording) -> Score:
    """Milliseconds per second by which the sound falls behind: Theil–Sen slope of windows of 4 s."""
    found = recording.sync
    if isinstance(found, Unseen):
        return Score.missing(found.reason, "ms/s")
    if found.drift_ms_per_s is None:
        return Score.missing("fewer than four windows of 4 s have an offset that stands out", "ms/s")
    return Score(value=found.drift_ms_per_s, unit="ms/s")
