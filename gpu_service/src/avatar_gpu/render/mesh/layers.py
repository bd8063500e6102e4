"""The person as a layer of their own, and the background that appears behind them when they move."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from avatar_gpu.protocols import RgbImage
from avatar_gpu.render.mesh.crop import FaceCrop

FloatImage = NDArray[np.float32]

PERSON = 0.04
"""A pixel of which more than this belongs to the person says nothing about the background."""
IMPOSSIBLE_COLOR = 40.0
"""How far outside 0…255 a solved colour may lie and still say something."""
FIXED_BORDER_PX = 2
MOSTLY_BEHIND, MOSTLY_BEHIND_FADE = 0.55, 0.3
"""A pixel with a smaller matte than this says more and more of the background itself."""
SOLID, OUTLINE_WIDTH = 0.9, (0.01, 0.028)
"""The outline is as wide as this around what is surely the person, as fractions of the crop's side."""
MIRROR_REACH = 0.10
"""How far the background is mirrored across the silhouette, as a fraction of the crop's side."""


@dataclass(frozen=True)
class Layers:
    """texture: (h, h, 4) uint8 colour and matte of the person, or (h, h, 3) where there is no matte;
    background: (S, S, 3) uint8 at the picture's size, or None."""

    texture: NDArray[np.uint8]
    background: RgbImage | None


def split_layers(crop: FaceCrop, still: FloatImage) -> Layers:
    """Person and background. Composed at rest they give the photo again wherever the head's turns do not
    uncover what is behind: ``still`` (h, h) is 1 where nothing ever moves, 0 on and around the head."""
    if crop.matte is None:
        return Layers(np.ascontiguousarray(crop.image), None)
    behind = _background(crop.image, crop.matte)
    color = _foreground(crop.image, behind, crop.matte)
    behind = _keep_still(crop.image, color, behind, crop.matte, still)
    texture = np.dstack([color, np.round(crop.matte * 255).astype(np.uint8)])
    fixed = _fixed_border(crop)
    texture[fixed, :3] = crop.image[fixed]
    texture[fixed, 3] = 255
    rim, size = crop.rim_px, crop.size_px
    window = slice(rim, rim + size)
    return Layers(texture, np.ascontiguousarray(behind[window, window]))


def _fixed_border(crop: FaceCrop) -> NDArray[np.bool_]:
    """(h, h) true along the pinned sides: there the photo itself is shown, whatever the matte says."""
    fixed = np.zeros(crop.image.shape[:2], np.bool_)
    width = crop.rim_px + FIXED_BORDER_PX
    left, top, right, bottom = crop.pinned
    fixed[:, :width] |= left
    fixed[:width] |= top
    fixed[:, -width:] |= right
    fixed[-width:] |= bottom
    return fixed


def _background(image: RgbImage, matte: FloatImage) -> RgbImage:
    """The photo with the person filled by its surroundings: mirrored near the silhouette, smooth beyond."""
    side = image.shape[0]
    width = max(3, round(side / 512 * 7) | 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    grown = cv2.dilate((matte > PERSON).astype(np.uint8), disc)
    if grown.all():
        return image
    half = ((side + 1) // 2, (side + 1) // 2)
    small = cv2.resize(image, half, interpolation=cv2.INTER_AREA).astype(np.float32)
    small_grown = cv2.dilate(
        cv2.resize(grown, half, interpolation=cv2.INTER_NEAREST), np.ones((3, 3), np.uint8)
    )
    smooth = cv2.resize(push_pull(small, 1 - small_grown.astype(np.float32)), (side, side))
    distance, nearest = distance_transform_edt(grown, return_indices=True)
    rows, columns = np.mgrid[0:side, 0:side]
    mirror_rows = np.clip(2 * nearest[0] - rows, 0, side - 1)
    mirror_columns = np.clip(2 * nearest[1] - columns, 0, side - 1)
    usable = (grown[mirror_rows, mirror_columns] == 0) & (distance < side * MIRROR_REACH)
    weight = (np.clip(1 - distance / (side * MIRROR_REACH), 0, 1) * usable)[..., None]
    fill = image[mirror_rows, mirror_columns] * weight + smooth * (1 - weight)
    inside = cv2.GaussianBlur(grown.astype(np.float32), (0, 0), 1.0)[..., None]
    filled: RgbImage = np.clip(image * (1 - inside) + fill * inside + 0.5, 0, 255).astype(np.uint8)
    return filled


def _foreground(image: RgbImage, behind: RgbImage, matte: FloatImage) -> RgbImage:
    """The person's own colour along the silhouette, without what shines through from behind.

    Solves image = matte · person + (1 - matte) · background for the person; where that gives no colour at
    all, the matte is wrong or all but empty, and the nearest whole pixel of the person says the colour.
    """
    alpha = matte[..., None]
    solved = (image - (1 - alpha) * behind) / np.maximum(alpha, 0.04)
    outside = np.maximum(solved - 255, -solved).max(-1, keepdims=True)
    whole = (matte > 0.95).astype(np.float32)
    extended = push_pull(image.astype(np.float32), whole)
    trust = np.clip(1 - outside / IMPOSSIBLE_COLOR, 0, 1) * np.clip((alpha - 0.08) / 0.3, 0, 1)
    trust = np.maximum(trust, np.clip((alpha - 0.5) / 0.3, 0, 1))
    color = np.clip(solved, 0, 255) * trust + extended * (1 - trust)
    return np.clip(np.where(alpha > 0.99, image, color) + 0.5, 0, 255).astype(np.uint8)


def _keep_still(
    image: RgbImage, color: RgbImage, behind: RgbImage, matte: FloatImage, still: FloatImage
) -> RgbImage:
    """The background adjusted where nothing moves, so that the composition there is the photo itself.

    What a doubtful matte leaves of the torso in the background is never uncovered; beside the head the same
    adjustment would leave a ghost of the outline behind, but not where the matte is doubtful far from it.
    """
    alpha = matte[..., None]
    composed = alpha * color + (1 - alpha) * behind
    mostly_behind = np.clip((MOSTLY_BEHIND - matte) / MOSTLY_BEHIND_FADE, 0, 1)
    apart = cv2.distanceTransform((matte < SOLID).astype(np.uint8), cv2.DIST_L2, 3) / matte.shape[0]
    mostly_behind *= np.clip((apart - OUTLINE_WIDTH[0]) / (OUTLINE_WIDTH[1] - OUTLINE_WIDTH[0]), 0, 1)
    share = np.maximum(still, mostly_behind)[..., None]
    missing = (image - composed) / np.maximum(1 - alpha, 0.05) * share
    kept: RgbImage = np.clip(behind + missing + 0.5, 0, 255).astype(np.uint8)
    return kept


def push_pull(image: FloatImage, weight: FloatImage) -> FloatImage:
    """``image`` (H, W, C) where ``weight`` (H, W) is 1, and its smooth continuation elsewhere.

    S. J. Gortler et al., "The lumigraph", 1996, section 3.6.
    """
    height, width = weight.shape
    if min(height, width) <= 2 or weight.min() > 0.99:
        total = max(float(weight.sum()), 1e-6)
        mean = (image * weight[..., None]).sum((0, 1)) / total
        return np.asarray(np.where(weight[..., None] > 0.5, image, mean), np.float32)
    size = ((width + 1) // 2, (height + 1) // 2)
    colors = cv2.resize(image * weight[..., None], size, interpolation=cv2.INTER_AREA)
    weights = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    coarse = push_pull(colors / np.maximum(weights, 1e-6)[..., None], (weights > 1e-3).astype(np.float32))
    pulled = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    pulled = cv2.GaussianBlur(pulled, (0, 0), 1)
    return np.asarray(image * weight[..., None] + pulled * (1 - weight[..., None]), np.float32)
