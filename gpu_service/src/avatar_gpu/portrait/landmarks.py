"""478 landmarks of one face: 468 of the mesh, ten of the irises, lids refined by the iris network.

Networks: MediaPipe ``face_landmark.tflite`` (192 px) and ``iris_landmark.tflite`` (64 px), Apache-2.0.
Papers: Y. Kartynnik et al., "Real-time facial surface geometry from monocular video on mobile GPUs", 2019;
A. Ablavatski et al., "Real-time pupil tracking from monocular video for digital puppetry", 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from avatar_gpu.portrait import topology as face
from avatar_gpu.portrait.detector import FaceDetection
from avatar_gpu.portrait.lids import widen_lids
from avatar_gpu.portrait.tflite import FloatArray, TfliteModel, output_of_size
from avatar_gpu.protocols import RgbImage

MESH_FILE = "face_landmark.tflite"
IRIS_FILE = "iris_landmark.tflite"
MESH_INPUT_PX = 192
IRIS_INPUT_PX = 64
REGION_SCALE = 1.5
"""The mesh network looks at a square this many times the face's extent."""
EYE_SCALE = 2.3
"""The iris network looks at a square this many times the eye's width."""
SECOND_LOOKS = ((1.0, 0.0), (0.93, 0.03), (1.07, -0.03))
"""Scale and turn (radians) of the last looks, whose mean is the answer: it halves the networks' jitter."""
CLOSED_LIPS = 0.025
"""A lip gap below this fraction of the inter-ocular distance is a closed mouth seen through jitter."""

FloatMatrix = NDArray[np.float64]


@dataclass(frozen=True)
class FaceShape:
    """(478, 3) float64 pixels of the image, z towards the camera negative, and the mesh's presence score."""

    points: FloatMatrix
    presence: float


class LandmarkModel:
    """Finds the landmarks of a face whose place is roughly known."""

    def __init__(self, models_dir: Path) -> None:
        self._mesh = TfliteModel(models_dir / MESH_FILE)
        self._iris = TfliteModel(models_dir / IRIS_FILE)

    def fit(self, rgb: RgbImage, found: FaceDetection) -> FaceShape:
        """The face's shape: a first look at the detector's square, a second at the face itself."""
        right_eye, left_eye = found.key_points[0], found.key_points[1]
        across = left_eye - right_eye
        turn = float(np.arctan2(across[1], across[0]))
        center, side = found.center, float(found.size.max()) * REGION_SCALE
        points, presence = self._look(rgb, center, side, turn)
        for _ in range(2):
            center, side, turn = _region(points)
            points, presence = self._look(rgb, center, side, turn)
        center, side, turn = _region(points)
        looks = [self._look(rgb, center, side * scale, turn + extra) for scale, extra in SECOND_LOOKS]
        mesh = np.mean([points for points, _ in looks], axis=0)
        presence = float(np.median([score for _, score in looks]))
        turn = _region(mesh)[2]
        right = self._eye(rgb, mesh, turn, mirrored=False)
        left = self._eye(rgb, mesh, turn, mirrored=True)
        shape = np.concatenate([mesh, right, left])
        return FaceShape(widen_lids(rgb, _close_lips(shape)), presence)

    def _look(
        self, rgb: RgbImage, center: FloatMatrix, side: float, turn: float
    ) -> tuple[FloatMatrix, float]:
        crop, to_image = _crop(rgb, center, side, turn, MESH_INPUT_PX)
        outputs = self._mesh(crop[None])
        local = output_of_size(outputs, 3 * face.MESH_LANDMARKS).reshape(-1, 3).astype(np.float64)
        logit = float(output_of_size(outputs, 1).reshape(()))
        points = np.column_stack(
            [local[:, :2] @ to_image[:, :2].T + to_image[:, 2], local[:, 2] * side / MESH_INPUT_PX]
        )
        return points, 1 / (1 + float(np.exp(-np.clip(logit, -80, 80))))

    def _eye(self, rgb: RgbImage, mesh: FloatMatrix, turn: float, *, mirrored: bool) -> FloatMatrix:
        """The iris' five points; the lids of ``mesh`` are moved to where this closer look sees them."""
        first, last = (362, 263) if mirrored else (33, 133)
        center = (mesh[first, :2] + mesh[last, :2]) / 2
        side = float(np.hypot(*(mesh[last, :2] - mesh[first, :2]))) * EYE_SCALE
        crop, to_image = _crop(rgb, center, side, turn, IRIS_INPUT_PX)
        if mirrored:
            crop = np.ascontiguousarray(crop[:, ::-1])
        outputs = self._iris(crop[None])
        iris = output_of_size(outputs, 15).reshape(5, 3)[:, :2].astype(np.float64)
        lids = output_of_size(outputs, 213).reshape(71, 3)[:16, :2].astype(np.float64)
        if mirrored:
            iris[:, 0] = IRIS_INPUT_PX - iris[:, 0]
            lids[:, 0] = IRIS_INPUT_PX - lids[:, 0]
        lid_landmarks = list(face.LEFT_LID_OF_IRIS_NET if mirrored else face.RIGHT_LID_OF_IRIS_NET)
        mesh[lid_landmarks, :2] = lids @ to_image[:, :2].T + to_image[:, 2]
        depth = mesh[lid_landmarks, 2].mean()
        return np.column_stack([iris @ to_image[:, :2].T + to_image[:, 2], np.full(5, depth)])


def _region(points: FloatMatrix) -> tuple[FloatMatrix, float, float]:
    """Centre, side and turn of the square that the mesh network wants around these landmarks."""
    across = points[face.LEFT_OUTER_CORNER, :2] - points[face.RIGHT_OUTER_CORNER, :2]
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    return (low + high) / 2, float((high - low).max()) * REGION_SCALE, float(np.arctan2(across[1], across[0]))


def _crop(
    rgb: RgbImage, center: FloatMatrix, side: float, turn: float, out_px: int
) -> tuple[FloatArray, FloatMatrix]:
    """A turned square as float32 in 0…1, and the 2 × 3 matrix from its pixels to the image's."""
    scale = side / out_px
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    rotation = np.array([[cos, -sin], [sin, cos]])
    to_image = np.column_stack([rotation, center - rotation @ np.full(2, out_px / 2)])
    source, matrix = rgb, to_image
    if scale > 2:
        # Bilinear sampling of a strongly reduced picture would alias: halve it first.
        reduced = 2 ** int(np.log2(scale))
        source = cv2.resize(
            rgb, (rgb.shape[1] // reduced, rgb.shape[0] // reduced), interpolation=cv2.INTER_AREA
        )
        matrix = to_image * np.array([[source.shape[1] / rgb.shape[1]], [source.shape[0] / rgb.shape[0]]])
    crop = cv2.warpAffine(source, matrix, (out_px, out_px), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return crop.astype(np.float32) / 255, to_image


def _close_lips(points: FloatMatrix) -> FloatMatrix:
    """Lips that all but touch are made to touch: the plain mesh reads closed lips as slightly parted."""
    interocular = float(np.hypot(*(points[face.LEFT_OUTER_CORNER, :2] - points[face.RIGHT_OUTER_CORNER, :2])))
    upper, lower = list(face.UPPER_LIP_INNER), list(face.LOWER_LIP_INNER)
    gap = np.hypot(*(points[lower, :2] - points[upper, :2]).T)
    if gap.max() > CLOSED_LIPS * interocular:
        return points
    closed = points.copy()
    middle = (points[upper] + points[lower]) / 2
    closed[upper] = middle
    closed[lower] = middle
    return closed
