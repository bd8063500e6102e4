"""Seconds from the request until the last byte of the video had arrived."""

from __future__ import annotations

from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def latency_total(recording: Recording) -> Score:
    """Measured at the client, with the download."""
    if recording.delivery is None:
        return Score.missing("the file was not asked for here", "s")
    return Score(value=recording.delivery.total_s, unit="s")
