"""Samples that were cut off at the loudest level."""

from __future__ import annotations

import numpy as np

from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score

NEAR = 0.995
"""Of the loudest sample: a cut waveform stays there for several samples, a whole one only touches it."""
LOUD = 0.5
FEWEST = 3


def clipping(recording: Recording) -> Score:
    """Share of samples in runs of at least three that stay within 0.5 % of the loudest level."""
    audio = recording.media.audio
    if audio is None or not len(audio.samples):
        return Score.missing("the file has no sound", "ppm")
    level = np.abs(audio.samples.mean(axis=1))
    highest = float(level.max())
    if highest < LOUD:
        return Score(value=0.0, unit="ppm", details={"highest": highest})
    at_top = np.concatenate([[False], level >= NEAR * highest, [False]])
    edges = np.flatnonzero(np.diff(at_top.astype(np.int8)))
    runs = edges[1::2] - edges[::2]
    share = float(runs[runs >= FEWEST].sum() / len(level))
    return Score(value=share * 1e6, unit="ppm", details={"longest_run": int(runs.max(initial=0))})
