"""A curve of scores by lag → offset, score at the declared timing, confidence, drift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar_evaluator.avsync.features import GRID_HZ, Features, Matrix
from avatar_evaluator.avsync.model import LAGS_MS, SyncModel

DRIFT_WINDOW_S, DRIFT_STEP_S = 4.0, 1.0
DRIFT_MIN_CONFIDENCE = 0.2
DRIFT_MIN_WINDOWS = 4
_STEP_MS = float(LAGS_MS[1] - LAGS_MS[0])


@dataclass(frozen=True)
class SyncEstimate:
    """What a clip's curve says.

    offset_ms: where the curve peaks; positive where the sound is late. score: its height there. score0: its
    height at lag 0, the agreement at the declared timing. confidence: peak minus median. out_of_range: the
    peak lies at an end of the curve, so that the offset is no estimate.
    """

    offset_ms: float
    score: float
    score0: float
    confidence: float
    out_of_range: bool
    curve: Matrix


def estimate(model: SyncModel, pair: Features) -> SyncEstimate:
    """The offset with a parabola through the three highest values."""
    curve = model.curve(pair)
    best = int(np.argmax(curve))
    inside = 0 < best < len(curve) - 1
    fraction = 0.0
    if inside:
        before, peak, after = curve[best - 1 : best + 2]
        fraction = 0.5 * float((before - after) / (before - 2 * peak + after - 1e-12))
    return SyncEstimate(
        offset_ms=float(LAGS_MS[best]) + fraction * _STEP_MS,
        score=float(curve[best]),
        score0=float(curve[len(curve) // 2]),
        confidence=float(curve[best] - np.median(curve)),
        out_of_range=not inside,
        curve=curve,
    )


def drift_ms_per_s(model: SyncModel, pair: Features) -> float | None:
    """The slope of the offset over time (Theil–Sen over windows of 4 s), or None: too short, or unsure."""
    length, step = round(DRIFT_WINDOW_S * GRID_HZ), round(DRIFT_STEP_S * GRID_HZ)
    found: list[tuple[float, float]] = []
    for start in range(0, len(pair) - length + 1, step):
        guess = estimate(model, pair.window(start, length))
        if guess.confidence >= DRIFT_MIN_CONFIDENCE and not guess.out_of_range:
            found.append((start / GRID_HZ, guess.offset_ms))
    if len(found) < DRIFT_MIN_WINDOWS:
        return None
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for i, a in enumerate(found) for b in found[i + 1 :]]
    return float(np.median(slopes))
