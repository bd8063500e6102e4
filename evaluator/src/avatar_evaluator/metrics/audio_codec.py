"""The sound's codec."""

from __future__ import annotations

from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def audio_codec(recording: Recording) -> Score:
    """FFmpeg's name of the codec; ``details`` has sample rate and channels."""
    audio = recording.media.audio
    if audio is None:
        return Score.missing("the file has no sound")
    details: dict[str, float | str] = {
        "sample_rate_hz": audio.sample_rate_hz,
        "channels": audio.samples.shape[1],
    }
    return Score(value=audio.codec, details=details)
