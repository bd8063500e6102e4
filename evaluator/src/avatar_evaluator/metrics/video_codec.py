"""The picture's codec."""

from __future__ import annotations

from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def video_codec(recording: Recording) -> Score:
    """FFmpeg's name of the codec; ``details`` has the pixel format and the container."""
    video = recording.media.video
    if video is None:
        return Score.missing("the file has no picture")
    details: dict[str, float | str] = {
        "pixel_format": video.pixel_format,
        "container": recording.media.container,
    }
    return Score(value=video.codec, details=details)
