"""BlazeFace short range: where the faces are.

Network: MediaPipe ``face_detection_short_range.tflite`` (Apache-2.0), 128 × 128 px in, 896 anchors out.
Paper: V. Bazarevsky et al., "BlazeFace", 2019. The network sees faces from about a tenth of its square
upwards, so halves and quarters of the picture are searched as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from avatar_gpu.portrait.tflite import FloatArray, TfliteModel
from avatar_gpu.protocols import RgbImage

MODEL_FILE = "face_detection_short_range.tflite"
INPUT_PX = 128
MIN_SCORE = 0.4
OVERLAP_SAME_FACE = 0.3
"""Intersection over union from which two boxes are the same face."""
SEARCH_WINDOWS = ((1.0, 1), (0.5, 3), (0.28, 6))
"""Side of the square windows as a fraction of the longer side, and how many stand along it."""


@dataclass(frozen=True)
class FaceDetection:
    """A face: box centre and size, six key points (right eye, left eye, nose, mouth, ears), score 0…1.

    Pixels of the image; ``key_points`` is (6, 2).
    """

    center: NDArray[np.float64]
    size: NDArray[np.float64]
    key_points: NDArray[np.float64]
    score: float

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        (x, y), (w, h) = self.center, self.size
        return x - w / 2, y - h / 2, x + w / 2, y + h / 2

    def moved(self, x: float, y: float) -> FaceDetection:
        """The same face in a picture whose origin lies at (-x, -y)."""
        offset = np.array([x, y])
        return FaceDetection(self.center + offset, self.size, self.key_points + offset, self.score)


class FaceDetector:
    """All faces in a picture, best first."""

    def __init__(self, models_dir: Path) -> None:
        self._model = TfliteModel(models_dir / MODEL_FILE)
        self._anchors = _anchors()

    def detect(self, rgb: RgbImage) -> list[FaceDetection]:
        """Faces found in ever smaller windows; smaller windows are searched only while nothing is found."""
        height, width = rgb.shape[:2]
        longest = max(height, width)
        for fraction, steps in SEARCH_WINDOWS:
            side = round(longest * fraction)
            found: list[FaceDetection] = []
            for top in _starts(height, side, steps):
                for left in _starts(width, side, steps):
                    window = rgb[top : top + side, left : left + side]
                    found += [face.moved(left, top) for face in self._detect_in(window)]
            faces = _suppress(found)
            if faces:
                return faces
        return []

    def detect_everywhere(self, rgb: RgbImage) -> list[FaceDetection]:
        """Faces of the whole picture and of its overlapping halves together: finds the small neighbour."""
        height, width = rgb.shape[:2]
        found = self.detect(rgb)
        side = round(max(height, width) * 0.5)
        for top in _starts(height, side, 3):
            for left in _starts(width, side, 3):
                window = rgb[top : top + side, left : left + side]
                found += [face.moved(left, top) for face in self._detect_in(window)]
        return _suppress(found)

    def _detect_in(self, rgb: RgbImage) -> list[FaceDetection]:
        height, width = rgb.shape[:2]
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        square = np.zeros((side, side, 3), np.uint8)
        square[top : top + height, left : left + width] = rgb
        shrink = cv2.INTER_AREA if side > INPUT_PX else cv2.INTER_LINEAR
        small = cv2.resize(square, (INPUT_PX, INPUT_PX), interpolation=shrink).astype(np.float32) / 127.5 - 1
        outputs = self._model(small[None])
        raw = next(array for array in outputs if array.shape[-1] == 16)[0]
        logits = next(array for array in outputs if array.shape[-1] == 1)[0, :, 0]
        scores = 1 / (1 + np.exp(-np.clip(logits, -80, 80)))
        chosen = np.flatnonzero(scores >= MIN_SCORE)
        faces = []
        for index in chosen:
            anchor = self._anchors[index]
            values = raw[index].astype(np.float64) / INPUT_PX
            points = (anchor + values[4:].reshape(6, 2)) * side - [left, top]
            center = (anchor + values[:2]) * side - [left, top]
            faces.append(FaceDetection(center, values[2:4] * side, points, float(scores[index])))
        return _suppress(faces)


def _anchors() -> FloatArray:
    """(896, 2) centres in 0…1: two per cell of 16 × 16, then six per cell of 8 × 8."""
    rows = [
        ((column + 0.5) / cells, (row + 0.5) / cells)
        for cells, per_cell in ((16, 2), (8, 6))
        for row in range(cells)
        for column in range(cells)
        for _ in range(per_cell)
    ]
    return np.array(rows, np.float32)


def _starts(length: int, side: int, steps: int) -> list[int]:
    if side >= length or steps == 1:
        return [max(0, (length - side) // 2)] if side < length else [0]
    return sorted({round(i * (length - side) / (steps - 1)) for i in range(steps)})


def _overlap(a: FaceDetection, b: FaceDetection) -> float:
    """Intersection over union, or over the smaller box where one lies inside the other."""
    ax0, ay0, ax1, ay1 = a.corners
    bx0, by0, bx1, by1 = b.corners
    inside = max(0.0, min(ax1, bx1) - max(ax0, bx0)) * max(0.0, min(ay1, by1) - max(ay0, by0))
    areas = float(np.prod(a.size)), float(np.prod(b.size))
    union = areas[0] + areas[1] - inside
    return max(inside / max(union, 1e-9), 0.6 * inside / max(min(areas), 1e-9))


def _suppress(faces: list[FaceDetection]) -> list[FaceDetection]:
    """Weighted non-maximum suppression: overlapping boxes become their mean, weighted by score."""
    rest = sorted(faces, key=lambda face: -face.score)
    kept: list[FaceDetection] = []
    while rest:
        best = rest[0]
        same = [face for face in rest if _overlap(best, face) > OVERLAP_SAME_FACE]
        rest = [face for face in rest if all(face is not other for other in same)]
        weights = np.array([face.score for face in same])
        weights /= weights.sum()
        kept.append(
            FaceDetection(
                np.einsum("i,ij->j", weights, np.array([face.center for face in same])),
                np.einsum("i,ij->j", weights, np.array([face.size for face in same])),
                np.einsum("i,ijk->jk", weights, np.array([face.key_points for face in same])),
                best.score,
            )
        )
    return kept
