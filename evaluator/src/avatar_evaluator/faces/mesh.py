"""``MeshTracker``: MediaPipe's face mesh, followed from frame to frame.

Networks: MediaPipe ``face_detection_short_range.tflite`` and ``face_landmark.tflite`` (Apache-2.0).
Paper: Y. Kartynnik et al., "Real-time facial surface geometry from monocular video on mobile GPUs", 2019.

The square that the network looks at follows the face slowly, so that its own jitter does not feed back, and
eight looks at slightly different squares are averaged, which takes away most of what jitter is left. Neither
makes the landmarks late: they are found in the frame itself, wherever in the square the face lies.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from avatar_evaluator.faces.detector import FaceDetector
from avatar_evaluator.faces.provider import LANDMARKS, Face, RgbImage
from avatar_evaluator.faces.tflite import FloatArray, Network

MESH_FILE = "face_landmark.tflite"
INPUT_PX = 192
REGION_SCALE = 1.5
"""The network looks at a square this many times the face's extent."""
FOLLOW = 0.3
"""How much of the way the square goes to the face's new place within a frame."""
LOST = 0.5
"""Presence below which the face counts as lost and is searched for again."""
LOOKS = tuple((scale, turn) for scale in (0.92, 0.97, 1.03, 1.08) for turn in (-0.04, 0.04))
"""Scale and turn (radians) of the looks whose mean is the answer."""
SEARCH_EVERY = 5
"""Frames from one vain search to the next: a search costs as much as many looks."""
RIGHT_OUTER_CORNER, LEFT_OUTER_CORNER = 33, 263

Region = NDArray[np.float64]
"""(4,): centre x, centre y, side, turn."""


class MeshTracker:
    """468 landmarks per frame. One video at a time."""

    name = "mediapipe-face-mesh"

    def __init__(self, models_dir: Path) -> None:
        """Loads the networks from ``models_dir / "mediapipe"``.

        Raises:
            LandmarksUnavailable: a file or a package is missing.
        """
        folder = models_dir / "mediapipe"
        self._detector = FaceDetector(folder)
        self._mesh = Network(folder / MESH_FILE)
        self._region: Region | None = None
        self._pause = 0

    def begin(self) -> None:
        self._region = None
        self._pause = 0

    def look(self, rgb: RgbImage) -> Face | None:
        if self._region is None and self._pause == 0:
            self._region = self._search(rgb)
            self._pause = SEARCH_EVERY if self._region is None else 0
        if self._region is None:
            self._pause = max(self._pause - 1, 0)
            return None
        center_x, center_y, side, turn = self._region
        looks = [self._once(rgb, center_x, center_y, side * scale, turn + extra) for scale, extra in LOOKS]
        points = np.mean([points for points, _ in looks], axis=0)
        presence = float(np.mean([score for _, score in looks]))
        if presence < LOST:
            self._region = None
            return None
        self._region = self._region + FOLLOW * (_region(points) - self._region)
        return Face(points, presence)

    def _search(self, rgb: RgbImage) -> Region | None:
        """The detector's square, then twice the mesh's own."""
        box = self._detector.largest(rgb)
        if box is None:
            return None
        region = np.array([*box.center, box.side * REGION_SCALE, box.turn])
        for _ in range(2):
            points, presence = self._once(rgb, *region)
            if presence < LOST:
                return None
            region = _region(points)
        return region

    def _once(
        self, rgb: RgbImage, center_x: float, center_y: float, side: float, turn: float
    ) -> tuple[NDArray[np.float64], float]:
        crop, to_image = _crop(rgb, np.array([center_x, center_y]), side, turn)
        outputs = self._mesh(crop[None])
        local = next(a for a in outputs if a.size == 3 * LANDMARKS).reshape(-1, 3).astype(np.float64)
        logit = float(next(a for a in outputs if a.size == 1).reshape(()))
        flat = local[:, :2] @ to_image[:, :2].T + to_image[:, 2]
        points = np.column_stack([flat, local[:, 2] * side / INPUT_PX])
        return points, 1 / (1 + float(np.exp(-np.clip(logit, -80, 80))))


def _region(points: NDArray[np.float64]) -> Region:
    across = points[LEFT_OUTER_CORNER, :2] - points[RIGHT_OUTER_CORNER, :2]
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    side = float((high - low).max()) * REGION_SCALE
    return np.array([*((low + high) / 2), side, np.arctan2(across[1], across[0])])


def _crop(
    rgb: RgbImage, center: NDArray[np.float64], side: float, turn: float
) -> tuple[FloatArray, NDArray[np.float64]]:
    """A turned square as float32 in 0…1, and the 2 × 3 matrix from its pixels to the frame's."""
    scale = side / INPUT_PX
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    rotation = np.array([[cos, -sin], [sin, cos]])
    to_image = np.column_stack([rotation, center - rotation @ np.full(2, INPUT_PX / 2)])
    source, matrix = rgb, to_image
    if scale >= 2:
        # Bilinear sampling of a strongly reduced picture would alias: shrink the square's surroundings first.
        reach = int(np.ceil(side * 0.75))
        left, top = (max(int(c) - reach, 0) for c in center)
        window = rgb[top : int(center[1]) + reach + 1, left : int(center[0]) + reach + 1]
        reduced = 2 ** int(np.log2(scale))
        small = (max(window.shape[1] // reduced, 1), max(window.shape[0] // reduced, 1))
        source = cv2.resize(window, small, interpolation=cv2.INTER_AREA)
        factors = np.array([[small[0] / window.shape[1]], [small[1] / window.shape[0]]])
        matrix = np.column_stack([to_image[:, :2], to_image[:, 2] - [left, top]]) * factors
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    crop = cv2.warpAffine(source, matrix, (INPUT_PX, INPUT_PX), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return crop.astype(np.float32) / 255, to_image
