"""BlazeFace, short range: the largest face of a picture.

Network: MediaPipe ``face_detection_short_range.tflite`` (Apache-2.0), 128 × 128 px in, 896 anchors out.
Paper: V. Bazarevsky et al., "BlazeFace", 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from avatar_evaluator.faces.provider import RgbImage
from avatar_evaluator.faces.tflite import FloatArray, Network

MODEL_FILE = "face_detection_short_range.tflite"
INPUT_PX = 128
MIN_SCORE = 0.4
WINDOWS = (1.0, 0.6, 0.4)
"""Sides of the square search windows against the longer side: the network overlooks small faces."""


@dataclass(frozen=True)
class FaceBox:
    """Centre (x, y) and side of the face's square, the turn of its eye line in radians, score in 0…1."""

    center: NDArray[np.float64]
    side: float
    turn: float
    score: float


class FaceDetector:
    """The face that a picture is about."""

    def __init__(self, models_dir: Path) -> None:
        self._network = Network(models_dir / MODEL_FILE)
        self._anchors = _anchors()

    def largest(self, rgb: RgbImage) -> FaceBox | None:
        """The largest face; smaller windows are searched only while the larger ones show none."""
        height, width = rgb.shape[:2]
        for fraction in WINDOWS:
            side = round(max(height, width) * fraction)
            found = [
                box
                for top in _starts(height, side)
                for left in _starts(width, side)
                if (box := self._in_window(rgb, top, left, side)) is not None
            ]
            if found:
                return max(found, key=lambda box: box.side * box.score)
        return None

    def _in_window(self, rgb: RgbImage, top: int, left: int, side: int) -> FaceBox | None:
        window = rgb[top : top + side, left : left + side]
        height, width = window.shape[:2]
        square = np.zeros((side, side, 3), np.uint8)
        dy, dx = (side - height) // 2, (side - width) // 2
        square[dy : dy + height, dx : dx + width] = window
        sampling = cv2.INTER_AREA if side > INPUT_PX else cv2.INTER_LINEAR
        small = cv2.resize(square, (INPUT_PX, INPUT_PX), interpolation=sampling)
        outputs = self._network((small.astype(np.float32) / 127.5 - 1)[None])
        raw = next(array for array in outputs if array.shape[-1] == 16)[0].astype(np.float64)
        logits = next(array for array in outputs if array.shape[-1] == 1)[0, :, 0]
        scores = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -80, 80)))
        best = int(np.argmax(scores))
        if scores[best] < MIN_SCORE:
            return None
        near = np.abs(self._anchors - self._anchors[best]).max(axis=1) < 0.15
        weights = np.where(near & (scores >= MIN_SCORE), scores, 0.0)
        points = self._anchors[:, None, :] + raw.reshape(-1, 8, 2) / INPUT_PX
        center, _, right_eye, left_eye = np.einsum("n,nkc->kc", weights / weights.sum(), points)[:4]
        size = (weights / weights.sum()) @ raw[:, 2:4] / INPUT_PX
        across = left_eye - right_eye
        return FaceBox(
            center=center * side + [left - dx, top - dy],
            side=float(size.max()) * side,
            turn=float(np.arctan2(across[1], across[0])),
            score=float(scores[best]),
        )


def _anchors() -> FloatArray:
    """(896, 2) centres in 0…1: two per cell of 16 × 16, then six per cell of 8 × 8."""
    return np.array(
        [
            ((column + 0.5) / cells, (row + 0.5) / cells)
            for cells, per_cell in ((16, 2), (8, 6))
            for row in range(cells)
            for column in range(cells)
            for _ in range(per_cell)
        ],
        np.float32,
    )


def _starts(length: int, side: int) -> list[int]:
    """Where windows begin along one axis, half a window apart."""
    if side >= length:
        return [0]
    steps = int(np.ceil(2 * (length - side) / side)) + 1
    return [round(float(start)) for start in np.linspace(0, length - side, steps)]
