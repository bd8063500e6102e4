"""Where the person is: MediaPipe selfie segmentation, sharpened along the photo's own edges.

Network: ``selfie_segmentation.tflite`` (Apache-2.0), 256 × 256 px. The edge refinement is the colour guided
filter of K. He, J. Sun, X. Tang, "Guided image filtering", 2013.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from avatar_gpu.portrait import topology as face
from avatar_gpu.portrait.landmarks import FloatMatrix
from avatar_gpu.portrait.tflite import FloatArray, TfliteModel
from avatar_gpu.protocols import RgbImage

MODEL_FILE = "selfie_segmentation.tflite"
INPUT_PX = 256
WINDOW_FACES = 3.2
"""Side of the square around the face that is segmented, in face heights: wide enough for any framing."""
WORK_PX = 640
GUIDE_EPSILON = 1e-4
MIN_FACE_COVERAGE = 0.9
MAX_UNDECIDED = 0.14
"""A matte is trusted where it holds the face and few of its pixels are neither person nor background."""


class MatteModel:
    """Photo + landmarks → matte."""

    def __init__(self, models_dir: Path) -> None:
        self._model = TfliteModel(models_dir / MODEL_FILE)

    def matte(self, rgb: RgbImage, points: FloatMatrix) -> FloatArray | None:
        """(H, W) float32 in 0…1, zero outside the window; None where it cannot be trusted."""
        height, width = rgb.shape[:2]
        top, bottom = points[face.FOREHEAD_TOP, :2], points[face.CHIN, :2]
        center, reach = (top + bottom) / 2, float(np.hypot(*(bottom - top))) * WINDOW_FACES / 2
        left, right = max(0, int(center[0] - reach)), min(width, int(center[0] + reach) + 1)
        up, down = max(0, int(center[1] - reach)), min(height, int(center[1] + reach) + 1)
        window = rgb[up:down, left:right]
        scale = min(1.0, WORK_PX / max(window.shape[:2]))
        size = max(8, round(window.shape[1] * scale)), max(8, round(window.shape[0] * scale))
        work = cv2.resize(window, size, interpolation=cv2.INTER_AREA)
        small = cv2.resize(work, (INPUT_PX, INPUT_PX), interpolation=cv2.INTER_AREA)
        coarse = self._model(small.astype(np.float32)[None] / 255)[0].reshape(INPUT_PX, INPUT_PX)
        rough = cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)
        fine = guided_filter(work.astype(np.float32) / 255, rough, max(3, max(size) // 80))
        fine = np.clip((fine - 0.12) / 0.76, 0, 1)
        local = (points[:, :2] - [left, up]) * scale
        if not _trusted(fine, local):
            return None
        matte = np.zeros((height, width), np.float32)
        matte[up:down, left:right] = np.clip(
            cv2.resize(fine, (right - left, down - up), interpolation=cv2.INTER_LINEAR), 0, 1
        )
        return matte


def _trusted(matte: FloatArray, points: FloatMatrix) -> bool:
    oval = np.zeros(matte.shape, np.uint8)
    cv2.fillPoly(oval, [np.round(points[list(face.FACE_OVAL)]).astype(np.int32)], 1)
    inside = matte[oval > 0]
    if inside.size == 0 or float(inside.mean()) < MIN_FACE_COVERAGE:
        return False
    undecided = float(((matte > 0.15) & (matte < 0.85)).mean())
    return undecided < MAX_UNDECIDED


def guided_filter(guide: FloatArray, source: FloatArray, radius: int) -> FloatArray:
    """``source`` (H, W) with the edges of ``guide`` (H, W, 3 in 0…1), local linear model per window."""
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(array: FloatArray) -> FloatArray:
        return np.asarray(cv2.boxFilter(array, -1, window, borderType=cv2.BORDER_REFLECT), np.float32)

    mean_guide, mean_source = mean(guide), mean(source)
    covariance = mean(guide * source[..., None]) - mean_guide * mean_source[..., None]
    spread = np.empty((*source.shape, 3, 3), np.float32)
    for i in range(3):
        for j in range(i, 3):
            entry = mean(guide[..., i] * guide[..., j]) - mean_guide[..., i] * mean_guide[..., j]
            spread[..., i, j] = spread[..., j, i] = entry
    spread += GUIDE_EPSILON * np.eye(3, dtype=np.float32)
    slope = np.asarray(np.linalg.solve(spread, covariance[..., None])[..., 0], np.float32)
    offset = mean_source - np.sum(slope * mean_guide, axis=-1)
    return np.asarray(np.sum(mean(slope) * guide, axis=-1) + mean(offset), np.float32)
