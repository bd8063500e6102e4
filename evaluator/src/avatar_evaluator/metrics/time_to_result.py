"""Seconds from the request until the runtime said that the video is complete."""

from __future__ import annotations

from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def time_to_result(recording: Recording) -> Score:
    """Measured at the client; ``details`` has the time until the first answer (202 or the result)."""
    if recording.delivery is None:
        return Score.missing("the file was not asked for here", "s")
    delivery = recording.delivery
    return Score(value=delivery.result_s, unit="s", details={"first_answer_s": delivery.answer_s})
