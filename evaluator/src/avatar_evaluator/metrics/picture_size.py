"""The picture's dimensions against those that were promised."""

from __future__ import annotations

from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def picture_size(recording: Recording) -> Score:
    """``512×512``; an error where the job promised another size than the file has."""
    video = recording.media.video
    if video is None:
        return Score.missing("the file has no picture", "px")
    size = f"{video.width_px}×{video.height_px}"
    job = recording.delivery.job if recording.delivery else {}
    promised = (job.get("width_px") or video.width_px, job.get("height_px") or video.height_px)
    if promised != (video.width_px, video.height_px):
        reason = f"the job promised {promised[0]}×{promised[1]}"
        return Score(value=size, unit="px", status="error", reason=reason)
    return Score(value=size, unit="px")
