"""Frames that are missing or doubled in time."""

from __future__ import annotations

import numpy as np

from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def frame_timing(recording: Recording) -> Score:
    """Number of gaps and overlaps: distances of two frames off the median by more than a quarter."""
    video = recording.media.video
    if video is None or len(video.times_s) < 3:
        return Score.missing("the file has fewer than three frames", "faults")
    steps = np.diff(video.times_s)
    usual = float(np.median(steps))
    faults = int(np.sum(np.abs(steps - usual) > 0.25 * usual))
    return Score(value=faults, unit="faults", details={"longest_step_ms": float(steps.max()) * 1000})
