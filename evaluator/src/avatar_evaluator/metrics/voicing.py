"""How much of what is heard is voiced."""

from __future__ import annotations

from avatar_evaluator.pitch import pitch_of
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def voicing(recording: Recording) -> Score:
    """Share of audible frames with a fundamental frequency; speech has 0.5 to 0.9, noise nearly none."""
    audio = recording.media.audio
    if audio is None:
        return Score.missing("the file has no sound")
    found = pitch_of(audio)
    if found is None:
        return Score.missing("less than half a second of voice")
    return Score(value=found.voiced, details={"median_hz": found.median_hz})
