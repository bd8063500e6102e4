"""Head motion: slow drift, and beats on stressed syllables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from avatar_gpu.motion.phonetic.curves import Curve
from avatar_gpu.motion.phonetic.gestures import Beat, Island
from avatar_gpu.motion.phonetic.noise import Stream, drift, one

_DEG = np.pi / 180
_DRIFTS = (
    (Stream.YAW_SLOW, 0, 0.95, 1.9),
    (Stream.YAW_FAST, 0, 0.40, 0.55),
    (Stream.PITCH_SLOW, 1, 1.0, 1.0),
    (Stream.PITCH_FAST, 1, 0.30, 0.28),
    (Stream.ROLL, 2, 1.1, 1.0),
)
"""Stream, axis (yaw, pitch, roll), correlation in seconds, standard deviation in degrees."""
_SHIFTS = ((Stream.SHIFT_X, 0, 1.2, 0.006), (Stream.SHIFT_Y, 1, 1.3, 0.004), (Stream.SHIFT_Z, 2, 1.6, 0.008))
"""Stream, axis, correlation in seconds, standard deviation in inter-ocular units."""
_ROLL_WITH_YAW = 0.22
_NOD_DEG = 1.5
_NOD_LATE_S = 0.05
_NOD_WIDTH_S = 0.11
_DIP_DEG = 0.25
_BROW_WIDTH_S = 0.15
_RISE_DEG, _SINK_DEG, _SWAY_WIDTH_S = 0.8, 1.0, 0.32
_SHORTEST_PHRASE_S = 0.7


def drifting_head(times_s: Curve, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotation (M, 3) in radians and translation (M, 3) in inter-ocular units, without speech."""
    rotation = np.zeros((len(times_s), 3))
    translation = np.zeros((len(times_s), 3))
    for stream, axis, correlation_s, size_deg in _DRIFTS:
        rotation[:, axis] += drift(times_s, seed, stream, correlation_s) * size_deg * _DEG
    rotation[:, 2] += _ROLL_WITH_YAW * rotation[:, 0]
    for stream, axis, correlation_s, size in _SHIFTS:
        translation[:, axis] += drift(times_s, seed, stream, correlation_s) * size
    translation[:, 0] += 0.07 * rotation[:, 0]
    translation[:, 1] -= 0.07 * rotation[:, 1]
    return rotation, translation


class Emphasis:
    """Nods and brow raises on the beats of speech; a head that rises into a phrase and sinks at its end."""

    def __init__(
        self, beats: Sequence[Beat], islands: Sequence[Island], seed: int, liveliness: float
    ) -> None:
        nods: list[tuple[float, float]] = []
        raises: list[tuple[float, float]] = []
        for beat in beats:
            nod = _DIP_DEG * beat.weight
            if one(seed, Stream.NOD, beat.first_sample) < beat.accent * (0.18 + 0.30 * liveliness):
                nod += _NOD_DEG * beat.weight * (0.6 + 0.8 * one(seed, Stream.NOD_SIZE, beat.first_sample))
            nods.append((beat.time_s + _NOD_LATE_S, nod * _DEG))
            if one(seed, Stream.BROW, beat.first_sample) < beat.accent * 0.34 * liveliness:
                size = 0.25 + 0.4 * one(seed, Stream.BROW_SIZE, beat.first_sample)
                raises.append((beat.time_s, size * (0.5 + liveliness) * beat.weight))
        sways: list[tuple[float, float]] = []
        for phrase in islands:
            length_s = phrase.end_s - phrase.start_s
            if length_s > _SHORTEST_PHRASE_S:
                index = round(phrase.start_s * 1000)
                rise, sink = (0.5 + one(seed, Stream.TILT, 2 * index + k) for k in (0, 1))
                sways.append((phrase.start_s + 0.2, -_RISE_DEG * rise * _DEG))
                sways.append((phrase.end_s - 0.1, _SINK_DEG * sink * _DEG))
        self._sways = np.array(sways).reshape(-1, 2)
        self._nods = np.array(nods).reshape(-1, 2)
        self._raises = np.array(raises).reshape(-1, 2)

    def pitch(self, times_s: Curve) -> Curve:
        """Radians to add to the head's pitch (M,); nods go down."""
        return -_bumps(times_s, self._nods, _NOD_WIDTH_S) - _bumps(times_s, self._sways, _SWAY_WIDTH_S)

    def brows(self, times_s: Curve) -> Curve:
        """How far the brows are raised (M,)."""
        return _bumps(times_s, self._raises, _BROW_WIDTH_S)


def _bumps(times_s: Curve, events: NDArray[np.float64], width_s: float) -> Curve:
    """The sum of Gaussians at ``events`` (n, time and size); nothing is left six widths away."""
    total = np.zeros(len(times_s))
    reach_s = 6 * width_s
    first = np.searchsorted(times_s, events[:, 0] - reach_s)
    last = np.searchsorted(times_s, events[:, 0] + reach_s)
    for (time_s, size), low, high in zip(events, first, last, strict=True):
        near = times_s[low:high]
        total[low:high] += size * np.exp(-(((near - time_s) / width_s) ** 2))
    return total
