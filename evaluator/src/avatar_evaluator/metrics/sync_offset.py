"""How late the sound is against the lips."""

from __future__ import annotations

from avatar_evaluator.observation import Unseen
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score

SURE = 0.2
"""Confidence from which the offset is an estimate; below it, wrong sound peaks as high by chance."""


def sync_offset(recording: Recording) -> Score:
    """Milliseconds at which sound and mouth agree most; positive where the sound is late."""
    found = recording.sync
    if isinstance(found, Unseen):
        return Score.missing(found.reason, "ms")
    guess = found.estimate
    details: dict[str, float | str] = {
        "confidence": guess.confidence,
        "score": guess.score,
        "seconds": found.seconds,
    }
    if guess.confidence < SURE:
        return Score(unit="ms", value=None, status="not_scored", reason="no lag stands out", details=details)
    if guess.out_of_range:
        return Score(
            unit="ms",
            value=guess.offset_ms,
            status="error",
            reason="the offset lies outside ±600 ms",
            details=details,
        )
    return Score(value=guess.offset_ms, unit="ms", details=details)
