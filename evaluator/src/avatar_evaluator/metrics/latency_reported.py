"""Where the time went, as the API itself reports it."""

from __future__ import annotations

from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def latency_reported(recording: Recording) -> Score:
    """Milliseconds of the job; ``details`` has every stage. Stages overlap, so their sum may be larger."""
    if recording.delivery is None:
        return Score.missing("the file was not asked for here", "ms")
    timings = recording.delivery.job.get("timings_ms") or {}
    stages = {str(name): float(value) for name, value in timings.items() if isinstance(value, int | float)}
    if not stages:
        return Score.missing("the API reported no timings", "ms")
    return Score(value=stages.get("total", max(stages.values())), unit="ms", details=dict(stages))
