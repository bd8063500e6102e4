"""Where the person is: MediaPipe selfie segmentation, sharpened along the photo's own edges.

The network knows heads and hair well but loses collars and clothes against a similar background; below the
mouth its answer is therefore only where GrabCut starts (C. Rother, V. Kolmogorov, A. Blake, 2004).

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
COLOR_PX = 320
COLOR_REACH = 0.05
"""How far beyond the network's outline the person may go on, as a fraction of the window."""
COLOR_ROUNDS = 3
COLOR_SEED = 1
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
        local = (points[:, :2] - [left, up]) * scale
        rough = _with_clothes(work, rough, local)
        fine = guided_filter(work.astype(np.float32) / 255, rough, max(3, max(size) // 80))
        fine = np.clip((fine - 0.12) / 0.76, 0, 1)
        if not _trusted(fine, local):
            return None
        matte = np.zeros((height, width), np.float32)
        matte[up:down, left:right] = np.clip(
            cv2.resize(fine, (right - left, down - up), interpolation=cv2.INTER_LINEAR), 0, 1
        )
        return matte


def _with_clothes(work: RgbImage, rough: FloatArray, points: FloatMatrix) -> FloatArray:
    """``rough`` above the mouth, the person by colour below the chin, one fading into the other between."""
    colored = _by_color(work, rough)
    if colored is None:
        return rough
    mouth, chin = points[face.UPPER_LIP_INNER[5], 1], points[face.CHIN, 1]
    rows = np.arange(rough.shape[0], dtype=np.float32)
    share = np.clip((rows - mouth) / max(1.0, chin - mouth), 0, 1)[:, None].astype(np.float32)
    return np.asarray(rough * (1 - share) + colored * share, np.float32)


def _by_color(work: RgbImage, rough: FloatArray) -> FloatArray | None:
    """(H, W) 0…1: GrabCut with colour models of the sure parts of ``rough``; None where nothing is sure."""
    height, width = rough.shape
    scale = min(1.0, COLOR_PX / max(height, width))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    image = cv2.cvtColor(cv2.resize(work, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2Lab)
    small = cv2.resize(rough, size, interpolation=cv2.INTER_AREA)
    reach = 2 * round(COLOR_REACH * max(size)) + 1
    likely = (small > 0.5).astype(np.uint8)
    sure = cv2.erode((small > 0.9).astype(np.uint8), _disc(5))
    near = cv2.dilate(likely, _disc(reach))
    if not sure.any() or near.all():
        return None
    labels = np.where(likely > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[near == 0] = cv2.GC_BGD
    labels[sure > 0] = cv2.GC_FGD
    cv2.setRNGSeed(COLOR_SEED)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(image, labels, None, *models, COLOR_ROUNDS, cv2.GC_INIT_WITH_MASK)
    person = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.float32)
    soft = cv2.resize(cv2.GaussianBlur(person, (0, 0), 0.7), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(soft, np.float32)


def _disc(diameter: int) -> FloatArray:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter)))


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
