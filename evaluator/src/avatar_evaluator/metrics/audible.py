"""Which parts of a sound are to be heard; shared by the two silences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_evaluator.media import AudioStream

WINDOW_MS = 10
BELOW_LOUDEST_DB = 45.0
NEVER_AUDIBLE_DBFS = -70.0


def audible(audio: AudioStream) -> NDArray[np.bool_] | None:
    """For each window of 10 ms whether it is within 45 dB of the loudest; None where all is silent."""
    window = audio.sample_rate_hz * WINDOW_MS // 1000
    mono = audio.samples.mean(axis=1, dtype=np.float64)
    count = len(mono) // window
    if count == 0:
        return None
    power = np.square(mono[: count * window]).reshape(count, window).mean(axis=1)
    level_db = 10 * np.log10(power + 1e-12)
    loudest = float(level_db.max())
    if loudest < NEVER_AUDIBLE_DBFS:
        return None
    return np.asarray(level_db > loudest - BELOW_LOUDEST_DB)
