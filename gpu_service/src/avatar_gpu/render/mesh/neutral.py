"""A smiling photo's skin as it would look relaxed: the folds beside nose and mouth made shallow.

The geometry of a smile is taken back by the shape ``relax``; what would remain is its shading, dark creases
where no cheek is raised any more. They live in a band of spatial frequencies between pores and the form of
the face, and only that band is flattened.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from avatar_gpu.portrait import topology as face
from avatar_gpu.protocols import RgbImage
from avatar_gpu.render.mesh.geometry import FaceMesh

FloatImage = NDArray[np.float32]

FOLD_RIGHT = (129, 49, 36, 205, 187, 207, 214, 212, 216, 206, 203, 98)
FOLD_LEFT = (358, 279, 266, 425, 411, 427, 434, 432, 436, 426, 423, 327)
FINE_FACE_HEIGHTS, COARSE_FACE_HEIGHTS = 0.008, 0.085
"""The band: wider than pores, narrower than the cheek."""
DARK_SHARE, BRIGHT_SHARE = 0.8, 0.45
"""How much of the band is taken out where it darkens and where it brightens."""
FULL_LIFT = 0.05
"""Corner lift in mouth widths from which a smile is flattened fully."""


def relaxed_skin(mesh: FaceMesh, image: RgbImage, lift: float) -> RgbImage | None:
    """``image`` with the smile's folds flattened; None where the photo does not smile."""
    strength = min(1.0, lift / FULL_LIFT)
    if strength < 0.1:
        return None
    height = mesh.frame.face_height
    skin = _skin(mesh, image.shape[0])
    colors = image.astype(np.float32)
    # Each channel for itself: a crease is darker and redder than the skin beside it.
    band = _masked_blur(colors, skin, FINE_FACE_HEIGHTS * height)
    band -= _masked_blur(colors, skin, COARSE_FACE_HEIGHTS * height)
    darkens = band.mean(-1, keepdims=True) < 0
    removed = np.where(darkens, DARK_SHARE, BRIGHT_SHARE) * band * strength
    relaxed: RgbImage = np.clip(colors - removed * _folds(mesh, skin)[..., None] + 0.5, 0, 255).astype(
        np.uint8
    )
    return relaxed


def _masked_blur(image: FloatImage, mask: FloatImage, sigma: float) -> FloatImage:
    """Blur that only looks at pixels inside ``mask``."""
    total = cv2.GaussianBlur(image * mask[..., None], (0, 0), sigma)
    weight = cv2.GaussianBlur(mask, (0, 0), sigma)
    return np.asarray(total / np.maximum(weight, 1e-3)[..., None], np.float32)


def _fill(points: NDArray[np.float64], side: int) -> FloatImage:
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [np.round(points[:, :2]).astype(np.int32)], 1)
    return mask.astype(np.float32)


def _skin(mesh: FaceMesh, side: int) -> FloatImage:
    """1 on the face, 0 on the lips with a margin and outside."""
    points = mesh.landmarks
    oval = _fill(points[list(face.FACE_OVAL)], side)
    lips = _fill(points[[*face.UPPER_LIP_OUTER, *face.LOWER_LIP_OUTER[-2:0:-1]]], side)
    margin = max(3, round(mesh.frame.mouth_width * 0.05)) | 1
    return np.asarray(oval * (1 - cv2.dilate(lips, np.ones((margin, margin), np.uint8))), np.float32)


def _folds(mesh: FaceMesh, skin: FloatImage) -> FloatImage:
    """Soft 0…1 mask from the wings of the nose to beside the chin."""
    side = skin.shape[0]
    region = np.zeros((side, side), np.float32)
    for ring in (FOLD_RIGHT, FOLD_LEFT):
        hull = cv2.convexHull(mesh.landmarks[list(ring), :2].astype(np.float32))[:, 0]
        region = np.maximum(region, _fill(hull.astype(np.float64), side))
    soft = cv2.GaussianBlur(region * skin, (0, 0), 0.02 * mesh.frame.face_height)
    return np.asarray(np.clip(soft, 0, 1) * cv2.GaussianBlur(skin, (0, 0), 1.5), np.float32)
