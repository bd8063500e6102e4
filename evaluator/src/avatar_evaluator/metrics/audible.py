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


def audible_frames(
    times_s: NDArray[np.float64], audio: AudioStream | None, margin_ms: float = 0.0
) -> NDArray[np.bool_]:
    """(N,) for frames shown at ``times_s`` whether sound is heard then, or within ``margin_ms`` of then."""
    heard = audible(audio) if audio is not None else None
    if heard is None or audio is None:
        return np.zeros(len(times_s), np.bool_)
    starts = audio.start_s + np.flatnonzero(heard) * WINDOW_MS / 1000
    after = np.searchsorted(starts, times_s)
    gaps = [np.abs(starts[np.clip(after + step, 0, len(starts) - 1)] - times_s) for step in (-1, 0)]
    return np.asarray(np.minimum(*gaps) <= (WINDOW_MS + margin_ms) / 1000)
