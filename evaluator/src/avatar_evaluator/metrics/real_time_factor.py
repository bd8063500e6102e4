"""Real-time factor: seconds of work for each second of video."""

from __future__ import annotations

from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def real_time_factor(recording: Recording) -> Score:
    """Time to the result divided by the video's length; below 1 is faster than real time."""
    if recording.delivery is None:
        return Score.missing("the file was not asked for here", "×")
    video = recording.media.video
    if video is None or video.duration_s <= 0:
        return Score.missing("the file has no picture", "×")
    return Score(value=recording.delivery.result_s / video.duration_s, unit="×")
