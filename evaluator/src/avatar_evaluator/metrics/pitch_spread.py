"""Whether the voice is as lively as the reference recording's."""

from __future__ import annotations

from avatar_evaluator.pitch import pitch_of
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def pitch_spread(recording: Recording) -> Score:
    """Standard deviation of the pitch in semitones, divided by the reference's: 1 is alike, 0 monotone."""
    if recording.references.voice is None:
        return Score.missing("no reference recording was given (--reference)", "×")
    if recording.media.audio is None:
        return Score.missing("the file has no sound", "×")
    heard, wanted = pitch_of(recording.media.audio), pitch_of(recording.references.voice)
    if heard is None or wanted is None or wanted.spread_semitones <= 0:
        return Score.missing("less than half a second of voice", "×")
    own = heard.spread_semitones
    details: dict[str, float | str] = {"own_st": own, "reference_st": wanted.spread_semitones}
    return Score(value=own / wanted.spread_semitones, unit="×", details=details)
