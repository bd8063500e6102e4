"""How much longer the sound is than the picture, in frames."""

from __future__ import annotations

from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def av_difference(recording: Recording) -> Score:
    """End of the sound minus end of the picture; positive where the sound outlasts the picture."""
    video, audio = recording.media.video, recording.media.audio
    if video is None or audio is None:
        return Score.missing("the file lacks picture or sound", "frames")
    if not len(video.times_s) or video.duration_s <= 0:
        return Score.missing("the picture has no frames", "frames")
    frame_s = video.duration_s / len(video.times_s)
    start_s = audio.start_s - float(video.times_s[0])
    difference_s = start_s + audio.duration_s - video.duration_s
    details: dict[str, float | str] = {
        "sound_s": audio.duration_s,
        "picture_s": video.duration_s,
        "sound_starts_later_ms": start_s * 1000,
    }
    return Score(value=difference_s / frame_s, unit="frames", details=details)
