"""The whole photo as a picture in which only the square around the head moves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from avatar_gpu.portrait import topology as face
from avatar_gpu.protocols import Portrait, RgbImage
from avatar_gpu.render.mesh.crop import FaceCrop, cut_square, face_square

LONG_SIDE_PX, SHORT_SIDE_PX = 1920, 1080
"""No picture is larger."""
MIN_SIDE_PX = 128
SIDE_IN_FACE_HEIGHTS = 2.6
"""The moving square, a little wider than a head picture: its border has to stand still."""
EDGE_PX = 1.5
"""A side of the square this close to the photo's own edge is free to move."""


@dataclass(frozen=True)
class Canvas:
    """The photo at the picture's size, uint8 RGB with even sides; the head's square begins at left, top."""

    image: RgbImage
    left: int
    top: int

    def with_head(self, head: RgbImage) -> RgbImage:
        """A copy of the picture with ``head`` (S, S, 3) in its place."""
        picture = self.image.copy()
        side = head.shape[0]
        picture[self.top : self.top + side, self.left : self.left + side] = head
        return picture


def frame_whole_photo(portrait: Portrait, size_px: int | None) -> tuple[FaceCrop, Canvas]:
    """The head's square at the canvas' own pixels, and the canvas.

    ``size_px`` is the canvas' shorter side; where it is None the photo keeps its size. Both are reduced to
    ``LONG_SIDE_PX`` × ``SHORT_SIDE_PX``.
    """
    scaled = _at_picture_size(portrait, size_px)
    height, width = scaled.image.shape[:2]
    left, top, side = (round(value) for value in face_square(scaled, SIDE_IN_FACE_HEIGHTS))
    side = min(side, width, height)
    left, top = min(left, width - side), min(top, height - side)
    crop = cut_square(scaled, left, top, side, side)
    free = (left <= EDGE_PX, top <= EDGE_PX, left + side >= width - EDGE_PX, top + side >= height - EDGE_PX)
    pinned = (not free[0], not free[1], not free[2], not free[3])
    return replace(crop, pinned=pinned), Canvas(scaled.image, left, top)


def canvas_size(width: int, height: int, size_px: int | None) -> tuple[int, int]:
    """Even width and height of the picture of a photo of this size."""
    short, long = min(width, height), max(width, height)
    scale = 1.0 if size_px is None else size_px / short
    scale = max(scale, MIN_SIDE_PX / short)
    scale = min(scale, LONG_SIDE_PX / long, SHORT_SIDE_PX / short)
    return max(2, int(width * scale / 2 + 1e-6) * 2), max(2, int(height * scale / 2 + 1e-6) * 2)


def _at_picture_size(portrait: Portrait, size_px: int | None) -> Portrait:
    height, width = portrait.image.shape[:2]
    size = canvas_size(width, height, size_px)
    if width - size[0] in (0, 1) and height - size[1] in (0, 1):
        # The photo's own pixels, without the odd last row or column.
        window = (slice(0, size[1]), slice(0, size[0]))
        matte = None if portrait.matte is None else portrait.matte[window]
        return replace(portrait, image=np.ascontiguousarray(portrait.image[window]), matte=matte)
    ratio = np.array([size[0] / width, size[1] / height])
    how = cv2.INTER_AREA if ratio.max() < 1 else cv2.INTER_CUBIC if ratio.max() < 1.2 else cv2.INTER_LANCZOS4
    image: RgbImage = cv2.resize(portrait.image, size, interpolation=how)
    points = portrait.landmarks.copy()
    points[: face.LANDMARKS, :2] = (points[:, :2] + 0.5) * ratio - 0.5
    points[:, 2] *= ratio.mean()
    matte = portrait.matte
    if matte is not None:
        matte = np.clip(cv2.resize(matte, size, interpolation=cv2.INTER_AREA), 0, 1)
    return replace(portrait, image=image, landmarks=points.astype(np.float32), matte=matte)
