"""Frames per second by the frames' own times."""

from __future__ import annotations

import numpy as np

from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def frame_rate(recording: Recording) -> Score:
    """The inverse of the median distance of two frames; ``details`` has what the container declares."""
    video = recording.media.video
    if video is None or len(video.times_s) < 2:
        return Score.missing("the file has fewer than two frames", "fps")
    details: dict[str, float | str] = {"frames": len(video.times_s)}
    if video.rate is not None:
        details["declared"] = str(video.rate)
    return Score(value=float(1.0 / np.median(np.diff(video.times_s))), unit="fps", details=details)
