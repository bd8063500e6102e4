"""``MotionTrack`` coefficients → weights of this face's shapes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_contracts.motion import COEFFICIENT_INDEX, EXTRA_INDEX
from avatar_gpu.render.mesh.shapes import CONTACTS, SHAPE_INDEX, SHAPES, ShapeSet

UPPER_SHARE = 0.32
"""Part of a gap that the upper lip closes; the lower lip does the rest."""
SMILE_SHARE = 1.2
"""How much more of it a lip closes that a smile has raised, per mouth width of smile."""
OPENERS = (
    "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "mouthFunnel",
)  # fmt: skip
COEFFICIENT_RANGE = (0.0, 1.2)

_SHARED = tuple(name for name in SHAPES if name in COEFFICIENT_INDEX)
_FROM = np.array([COEFFICIENT_INDEX[name] for name in _SHARED])
_TO = np.array([SHAPE_INDEX[name] for name in _SHARED])
_OPENERS = np.array([SHAPE_INDEX[name] for name in OPENERS])
_CONTACT = SHAPE_INDEX["contactUpper0"]


class Controls:
    """Turns one control point into shape weights (K,), for one face."""

    def __init__(self, shapes: ShapeSet, limits: NDArray[np.float32]) -> None:
        """``limits`` (K,) scales each shape so that no triangle of this face folds."""
        self._opening = shapes.opening
        self._rest_gap = shapes.rest_gap
        self._limits = limits
        self._upper_share = min(0.55, UPPER_SHARE + SMILE_SHARE * shapes.smile.lift)

    def weights(
        self,
        coefficients: NDArray[np.float32],
        extras: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Shape weights; the lips never cross, ``mouthClose`` 1 closes them whatever else is asked."""
        values = np.zeros(len(SHAPES), np.float32)
        values[_TO] = np.clip(coefficients[_FROM], *COEFFICIENT_RANGE)
        close = float(np.clip(coefficients[COEFFICIENT_INDEX["mouthClose"]], 0, 1))
        speaking = float(np.clip(extras[EXTRA_INDEX["speaking"]], 0, 1))
        values[_OPENERS] *= 1 - 0.9 * close
        values[SHAPE_INDEX["breath"]] = np.clip(extras[EXTRA_INDEX["breath"]], 0, 1)
        values[SHAPE_INDEX["relax"]] = speaking
        for side in ("Left", "Right"):
            self._lid(values, side)
        values *= self._limits
        gap = self._rest_gap + values @ self._opening
        wanted = np.maximum(gap - speaking * self._rest_gap, 0) * (1 - close)
        excess = (gap - wanted).astype(np.float32)
        values[_CONTACT : _CONTACT + CONTACTS] = self._upper_share * excess
        values[_CONTACT + CONTACTS :] = (1 - self._upper_share) * excess
        return values

    @staticmethod
    def _lid(values: NDArray[np.float32], side: str) -> None:
        """A blink wins over everything else that the lids do; how they follow the gaze is in the track."""
        blink = SHAPE_INDEX["eyeBlink" + side]
        closed = min(1.0, float(values[blink]))
        values[blink] = closed
        for name in ("eyeSquint", "eyeWide"):
            values[SHAPE_INDEX[name + side]] *= 1 - closed
