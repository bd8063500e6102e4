"""Smooth steps and pulses in closed form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]


def smooth_step(x: Curve) -> Curve:
    """0 below 0, 1 above 1, a half cosine between."""
    step: Curve = 0.5 - 0.5 * np.cos(np.pi * np.clip(x, 0.0, 1.0))
    return step


def gentle_step(x: Curve) -> Curve:
    """0 below 0, 1 above 1, with no jump in acceleration (Perlin's quintic)."""
    u = np.clip(x, 0.0, 1.0)
    step: Curve = u * u * u * (u * (6 * u - 15) + 10)
    return step


def plateaus(times: Curve, start: Curve, end: Curve, rise_s: Curve | float, fall_s: Curve | float) -> Curve:
    """(M, n): 1 from ``start`` (n,) to ``end`` (n,), with smooth flanks of these lengths outside."""
    t = times[:, None]
    rising = smooth_step((t - (start - rise_s)) / rise_s)
    falling = smooth_step(((end + fall_s) - t) / fall_s)
    return np.asarray(rising * falling)
