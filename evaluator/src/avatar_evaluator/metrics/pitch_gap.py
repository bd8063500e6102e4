"""How far the voice lies from the reference recording's."""

from __future__ import annotations

import numpy as np

from avatar_evaluator.pitch import pitch_of
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score


def pitch_gap(recording: Recording) -> Score:
    """Median fundamental frequency against the reference's, in semitones; positive where it is higher.

    Recordings of one speaker are 1.5 apart in the mean and 3.5 at the 95th percentile.
    """
    if recording.references.voice is None:
        return Score.missing("no reference recording was given (--reference)", "st")
    if recording.media.audio is None:
        return Score.missing("the file has no sound", "st")
    heard, wanted = pitch_of(recording.media.audio), pitch_of(recording.references.voice)
    if heard is None or wanted is None:
        return Score.missing("less than half a second of voice", "st")
    gap = 12 * float(np.log2(heard.median_hz / wanted.median_hz))
    return Score(
        value=gap, unit="st", details={"median_hz": heard.median_hz, "reference_hz": wanted.median_hz}
    )
