"""A clip's observation and sound → its curve, offset and drift."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from avatar_evaluator.avsync.estimate import SyncEstimate, drift_ms_per_s, estimate
from avatar_evaluator.avsync.features import features
from avatar_evaluator.avsync.model import SyncModel, load
from avatar_evaluator.media import AudioStream
from avatar_evaluator.observation import Observation, Unseen

SHORTEST_S = 2.0
STILL_MOUTH = 0.004
"""A standard deviation of the lip gap below this, in inter-ocular distances, is the landmarks' own noise."""


@dataclass(frozen=True)
class ClipSync:
    """The estimate of a clip and what it rests on."""

    estimate: SyncEstimate
    drift_ms_per_s: float | None
    seconds: float


def sync_of(face: Observation | Unseen, audio: AudioStream | None) -> ClipSync | Unseen:
    """The synchrony of a clip by the model that comes with the package."""
    if isinstance(face, Unseen):
        return face
    if audio is None or not len(audio.samples):
        return Unseen("the file has no sound")
    if not np.abs(audio.samples).max() > 0:
        return Unseen("the sound is silent")
    mouth = face.mouth()
    if float(np.nanstd(mouth[:, 0])) < STILL_MOUTH:
        return Unseen("the mouth does not move")
    pair = features(face.times_s, mouth, audio)
    if pair is None or len(pair) < SHORTEST_S * 100:
        return Unseen(f"less than {SHORTEST_S:g} s show a face and are heard")
    model = shipped_model()
    return ClipSync(estimate(model, pair), drift_ms_per_s(model, pair), len(pair) / 100)


@cache
def shipped_model() -> SyncModel:
    """The model of the package, read once."""
    return load()
