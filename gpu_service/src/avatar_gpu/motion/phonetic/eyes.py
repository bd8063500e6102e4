"""Blinks and gaze: renewal processes that are drawn ahead of the audio, one event after another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_gpu.motion.phonetic.curves import Curve, smooth_step
from avatar_gpu.motion.phonetic.noise import Stream, normal, one

CLOSE_S, HOLD_S, OPEN_S = 0.075, 0.035, 0.160
_SHORTEST_GAP_S, _LONGEST_GAP_S = 1.2, 6.5
_USUAL_GAP_S, _GAP_SPREAD = 3.4, 0.42
_DOUBLE_GAP_S = 0.34
_DOUBLE_CHANCE = 0.10

_DEG = np.pi / 180
VESTIBULO_OCULAR_GAIN = 0.85
"""Part of the head's rotation that the eyes take back, so that they stay on the viewer."""
_FIXATION_S = (0.35, 1.6)
_GLANCE_CHANCE = 0.16
_GLANCE_DEG = (6.0, 3.2)
_MICRO_DEG = (0.75, 0.5)
_LOOK_FULL_YAW, _LOOK_FULL_PITCH = 30 * _DEG, 25 * _DEG
"""Eye rotation at which an ``eyeLook`` coefficient is 1."""
_LID_FOLLOWS_DOWN, _LID_FOLLOWS_UP = 0.55, 0.35


class Blinks:
    """When the eyes close."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn = 0
        self._times: list[float] = []
        self._next_s = 0.6 + 1.6 * one(seed, Stream.BLINK_GAP, -1)

    def draw_until(self, time_s: float) -> None:
        """Makes every blink up to ``time_s`` known."""
        while self._next_s <= time_s:
            self._blink(self._next_s)

    def at_phrase_end(self, time_s: float) -> None:
        """A phrase ends at ``time_s``: people often blink there. Nothing before it changes."""
        self.draw_until(time_s)
        quiet_s = time_s - self._times[-1] if self._times else time_s
        if quiet_s > _SHORTEST_GAP_S and self._next_s > time_s + 0.8:
            chance = one(self._seed, Stream.BLINK_AT_END, self._drawn)
            if chance < 0.55:
                self._next_s = time_s + 0.06 + 0.3 * chance

    def closed(self, times_s: Curve) -> Curve:
        """How far the lids are closed at ``times_s`` (M,), 0 … 1."""
        self.draw_until(float(times_s[-1]))
        total = np.zeros(len(times_s))
        for start_s in self._times:
            if times_s[0] - 0.5 < start_s <= times_s[-1]:
                since = times_s - start_s
                closing = smooth_step(since / CLOSE_S)
                opening = smooth_step((since - CLOSE_S - HOLD_S) / OPEN_S)
                total = np.maximum(total, closing - opening)
        return total

    def forget_before(self, time_s: float) -> None:
        """Frees what no later question can need; the last blink is kept."""
        self._times = [t for t in self._times[:-1] if t > time_s - 1.0] + self._times[-1:]

    def _blink(self, time_s: float) -> None:
        self._times.append(time_s)
        index = self._drawn
        self._drawn += 1
        after_double = len(self._times) > 1 and time_s - self._times[-2] < 2 * _DOUBLE_GAP_S
        if not after_double and one(self._seed, Stream.BLINK_DOUBLE, index) < _DOUBLE_CHANCE:
            self._next_s = time_s + _DOUBLE_GAP_S
            return
        spread = float(normal(self._seed, Stream.BLINK_GAP, np.array([index]))[0])
        gap_s = _USUAL_GAP_S * float(np.exp(_GAP_SPREAD * spread))
        self._next_s = time_s + min(max(gap_s, _SHORTEST_GAP_S), _LONGEST_GAP_S)


class Gaze:
    """Where the eyes look when the head does not move: fixations near the viewer and a few glances."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._times = [0.0]
        self._targets = [(0.0, 0.0)]
        self._next_s = 0.5 + one(seed, Stream.GAZE_TIME, -1)
        self._drawn = 0

    def at(self, times_s: Curve) -> NDArray[np.float64]:
        """Yaw and pitch (M, 2) in radians."""
        while self._next_s <= times_s[-1]:
            self._saccade(self._next_s)
        starts = np.array(self._times)
        targets = np.array(self._targets)
        index = np.clip(np.searchsorted(starts, times_s, side="right") - 1, 0, None)
        before = targets[np.maximum(index - 1, 0)]
        step = targets[index] - before
        duration_s = 0.030 + 0.0024 * np.hypot(step[:, 0], step[:, 1]) / _DEG
        done = smooth_step((times_s - starts[index]) / duration_s)
        return np.asarray(before + step * done[:, None])

    def forget_before(self, time_s: float) -> None:
        """Frees what no later question can need."""
        keep = max(int(np.searchsorted(self._times, time_s - 1.0)) - 2, 0)
        del self._times[:keep]
        del self._targets[:keep]

    def _saccade(self, time_s: float) -> None:
        index = np.array([self._drawn])
        self._drawn += 1
        glance = one(self._seed, Stream.GAZE_KIND, int(index[0])) < _GLANCE_CHANCE
        size = _GLANCE_DEG if glance else _MICRO_DEG
        yaw = float(normal(self._seed, Stream.GAZE_YAW, index)[0]) * size[0] * _DEG
        pitch = float(normal(self._seed, Stream.GAZE_PITCH, index)[0]) * size[1] * _DEG
        low, high = _FIXATION_S
        stay = low + (high - low) * one(self._seed, Stream.GAZE_TIME, int(index[0]))
        self._times.append(time_s)
        self._targets.append((yaw, pitch))
        self._next_s = time_s + (0.35 + 0.5 * stay if glance else stay)


def look_coefficients(gaze: NDArray[np.float64]) -> dict[str, Curve]:
    """The ``eyeLook`` coefficients of ``gaze`` (M, 2 eyes, yaw and pitch), and how the lids follow.

    The subject's left eye looks out when it turns to image right, the right eye when it turns to image left.
    """
    coefficients: dict[str, Curve] = {}
    for eye, side, outwards in ((0, "Left", 1.0), (1, "Right", -1.0)):
        yaw = gaze[:, eye, 0] * outwards / _LOOK_FULL_YAW
        pitch = gaze[:, eye, 1] / _LOOK_FULL_PITCH
        coefficients[f"eyeLookOut{side}"] = np.clip(yaw, 0, 1)
        coefficients[f"eyeLookIn{side}"] = np.clip(-yaw, 0, 1)
        coefficients[f"eyeLookUp{side}"] = np.clip(pitch, 0, 1)
        coefficients[f"eyeLookDown{side}"] = np.clip(-pitch, 0, 1)
        coefficients[f"eyeBlink{side}"] = _LID_FOLLOWS_DOWN * np.clip(-pitch, 0, 1)
        coefficients[f"eyeWide{side}"] = _LID_FOLLOWS_UP * np.clip(pitch, 0, 1)
    return coefficients
