"""Randomness that depends on nothing but a seed, a stream and an index.

A value can be asked for in any order and in pieces of any size, so that motion does not depend on how the
audio was cut. The hash is Steele, Lea and Flood's SplitMix64 (OOPSLA 2014).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_SPLINE_RMS = 0.6924
"""Root mean square of a cubic B-spline curve with unit normal coefficients: sqrt(151/315)."""


class Stream(IntEnum):
    """What a random value is for; equal indices of two streams are unrelated."""

    YAW_SLOW = 1
    YAW_FAST = 2
    PITCH_SLOW = 3
    PITCH_FAST = 4
    ROLL = 5
    SHIFT_X = 6
    SHIFT_Y = 7
    SHIFT_Z = 8
    BREATH = 9
    NOD = 10
    NOD_SIZE = 11
    BROW = 12
    BROW_SIZE = 13
    BLINK_GAP = 14
    BLINK_DOUBLE = 15
    BLINK_AT_END = 16
    GAZE_TIME = 17
    GAZE_KIND = 18
    GAZE_YAW = 19
    GAZE_PITCH = 20
    TILT = 21


def uniform(seed: int, stream: Stream, index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Values in (0, 1), one for each index, of ``index``'s shape."""
    with np.errstate(over="ignore"):
        state = np.asarray(index).astype(np.uint64) * _GOLDEN
        state = _mix(state + np.uint64((seed * 1_000_003 + int(stream) * 7_919 + 1) & (2**64 - 1)))
        state = _mix(state + _GOLDEN * np.uint64(stream))
    fraction: NDArray[np.float64] = ((state >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return fraction


def normal(seed: int, stream: Stream, index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Standard normal values, one for each index."""
    values: NDArray[np.float64] = ndtri(uniform(seed, stream, index))
    return np.clip(values, -3.0, 3.0)


def one(seed: int, stream: Stream, index: int) -> float:
    """A single uniform value."""
    return float(uniform(seed, stream, np.array([index], np.int64))[0])


def drift(
    times_s: NDArray[np.float64], seed: int, stream: Stream, correlation_s: float
) -> NDArray[np.float64]:
    """A smooth random curve of about unit variance at ``times_s``, twice differentiable.

    A cubic B-spline over hashed coefficients. Its kernel has the standard deviation ``correlation_s``.
    """
    spacing_s = correlation_s * np.sqrt(3.0)
    position = times_s / spacing_s
    knot = np.floor(position).astype(np.int64)
    x = position - knot
    weights = (
        (1 - x) ** 3 / 6,
        (3 * x**3 - 6 * x**2 + 4) / 6,
        (-3 * x**3 + 3 * x**2 + 3 * x + 1) / 6,
        x**3 / 6,
    )
    first = int(knot.min()) - 1 if knot.size else 0
    last = int(knot.max()) + 2 if knot.size else 0
    values = normal(seed, stream, np.arange(first, last + 1))
    curve = np.zeros_like(times_s)
    for offset, weight in enumerate(weights):
        curve += weight * values[knot - 1 + offset - first]
    return curve / _SPLINE_RMS


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = state ^ (state >> np.uint64(31))
    return mixed
