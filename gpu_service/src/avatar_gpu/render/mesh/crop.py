"""The square of the photo that is animated, at the picture's size, with a rim beyond the picture's edge."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from avatar_gpu.portrait import topology as face
from avatar_gpu.protocols import Portrait, RgbImage

SIDE_IN_FACE_HEIGHTS = 2.35
CENTER_BELOW_FACE = 0.06
"""The square's centre lies below the face's middle by this fraction of the face height."""
RIM = 0.05
"""What is kept beyond each edge, as a fraction of the picture's side, so that motion shows real photo."""


@dataclass(frozen=True)
class FaceCrop:
    """A square of ``size_px + 2 · rim_px`` texture pixels; picture pixel (x, y) rests at (x, y) + rim.

    image: uint8 RGB; landmarks: (478, 3) float64 in texture pixels; matte: float32 or None;
    scale: texture pixels per photo pixel; pinned: the sides (left, top, right, bottom) of the picture that
    must stand still, because the photo goes on beyond them.
    """

    image: RgbImage
    landmarks: NDArray[np.float64]
    matte: NDArray[np.float32] | None
    size_px: int
    rim_px: int
    scale: float
    pinned: tuple[bool, bool, bool, bool] = (False, False, False, False)


def crop_face(portrait: Portrait, size_px: int) -> FaceCrop:
    """The framing of one face, as large as the photo allows, never outside it by more than the rim."""
    return cut_square(portrait, *face_square(portrait, SIDE_IN_FACE_HEIGHTS), size_px)


def face_square(portrait: Portrait, side_in_face_heights: float) -> tuple[float, float, float]:
    """Left, top and side of the square around the face, within the photo."""
    points = portrait.landmarks.astype(np.float64)
    top, bottom = points[face.FOREHEAD_TOP, :2], points[face.CHIN, :2]
    face_height = float(np.hypot(*(bottom - top)))
    height, width = portrait.image.shape[:2]
    side = min(side_in_face_heights * face_height, width, height)
    center = (top + bottom) / 2 + [0, CENTER_BELOW_FACE * face_height]
    left = float(np.clip(center[0] - side / 2, 0, width - side))
    upper = float(np.clip(center[1] - side / 2, 0, height - side))
    return left, upper, side


def cut_square(portrait: Portrait, left: float, upper: float, side: float, size_px: int) -> FaceCrop:
    """A square of the photo at ``size_px``, with its rim mirrored where the photo ends."""
    height, width = portrait.image.shape[:2]
    rim_px = max(4, round(size_px * RIM))
    rim = side * rim_px / size_px
    x0, y0 = round(left - rim), round(upper - rim)
    span = max(8, round(side + 2 * rim))
    texture_px = size_px + 2 * rim_px
    scale = texture_px / span

    def cut(array: NDArray[np.generic]) -> NDArray[np.generic]:
        outside = (max(0, -y0), max(0, y0 + span - height), max(0, -x0), max(0, x0 + span - width))
        inner = array[max(0, y0) : min(height, y0 + span), max(0, x0) : min(width, x0 + span)]
        patch = cv2.copyMakeBorder(inner, *outside, cv2.BORDER_REFLECT_101)
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC if scale < 1.2 else cv2.INTER_LANCZOS4
        return np.asarray(cv2.resize(patch, (texture_px, texture_px), interpolation=how))

    local = portrait.landmarks.astype(np.float64)
    local[:, :2] = (local[:, :2] + 0.5 - [x0, y0]) * scale - 0.5
    local[:, 2] *= scale
    matte = None
    if portrait.matte is not None:
        matte = np.clip(cut(portrait.matte), 0, 1).astype(np.float32)
    return FaceCrop(cut(portrait.image).astype(np.uint8), local, matte, size_px, rim_px, scale)
