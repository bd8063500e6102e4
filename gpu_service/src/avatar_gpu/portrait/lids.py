"""Lids of large drawn eyes: the networks expect human proportions and see them too small.

The white of an eye and its iris have another hue than the skin around. Where that region is clearly larger
than the landmarks say, it becomes the eye; otherwise nothing is touched.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from avatar_gpu.portrait import topology as face
from avatar_gpu.protocols import RgbImage

FloatMatrix = NDArray[np.float64]

EYE_PX = 120
"""Width at which an eye is looked at."""
REACH = 1.1
"""Half the side of the square that is looked at, in eye widths."""
MIN_SKIN_CHROMA = 10.0
"""Lab units; below it the picture is grey and hue says nothing."""
HUE_SHARE = 0.6
"""An eye pixel has less than this share of the skin's own chroma."""
MIN_LIGHT = 0.3
"""And at least this share of its lightness: lashes and shadows are no eye."""
GROWTH = (1.2, 4.5)
"""The region counts when its area lies between these multiples of what the landmarks enclose."""
MIN_SOLIDITY = 0.88
"""An eye fills this share of its convex hull; a shadow that runs out of the eye does not."""
UPPER_SHADE = 0.05
"""Eye widths by which the shaded, dark top of a pupil or iris reaches beyond the region."""
EDGE_TRIM = 0.05
"""Columns left out at both corners, as a fraction of the region's width: they are one pixel high."""

EYES = (
    (face.RIGHT_UPPER_LID, face.RIGHT_LOWER_LID, (face.RIGHT_OUTER_CORNER, face.RIGHT_INNER_CORNER)),
    (face.LEFT_UPPER_LID, face.LEFT_LOWER_LID, (face.LEFT_INNER_CORNER, face.LEFT_OUTER_CORNER)),
)


def widen_lids(rgb: RgbImage, points: FloatMatrix) -> FloatMatrix:
    """``points`` with the lids moved out to the eye that the picture shows, where that is clearly larger."""
    widened = points.copy()
    found = 0
    for upper, lower, (first, last) in EYES:
        along = points[last, :2] - points[first, :2]
        width = float(np.hypot(*along))
        if width < 8:
            continue
        along = along / width
        scale = EYE_PX / width
        turn = np.array([[along[0], along[1]], [-along[1], along[0]]]) * scale
        half = REACH * EYE_PX
        center = (points[first, :2] + points[last, :2]) / 2
        to_patch = np.column_stack([turn, half - turn @ center])
        side = round(2 * half)
        patch = cv2.warpAffine(rgb, to_patch, (side, side), flags=cv2.INTER_AREA)
        outline = np.array([*upper, *lower[-2:0:-1]])
        polygon = points[outline, :2] @ turn.T + to_patch[:, 2]
        region = _eye_region(patch, polygon)
        if region is None:
            continue
        found += 1
        back = np.linalg.inv(turn)
        for lid, edge in ((upper, region[0]), (lower, region[1])):
            x = np.linspace(region[2], region[3], len(lid))
            y = np.interp(x, np.arange(side), edge)
            y[[0, -1]] = (np.interp(x[[0, -1]], np.arange(side), region[0] + region[1])) / 2
            widened[list(lid), :2] = (np.column_stack([x, y]) - to_patch[:, 2]) @ back.T
    return widened if found == len(EYES) else points


def _eye_region(
    patch: RgbImage, polygon: FloatMatrix
) -> tuple[FloatMatrix, FloatMatrix, float, float] | None:
    """Upper and lower edge by column, first and last column; None where the landmarks fit already."""
    side = patch.shape[0]
    inside = np.zeros((side, side), np.uint8)
    cv2.fillPoly(inside, [np.round(polygon).astype(np.int32)], 1)
    lab = cv2.cvtColor(patch.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    ring = cv2.dilate(inside, np.ones((7, 7), np.uint8), iterations=10)
    ring -= cv2.dilate(inside, np.ones((7, 7), np.uint8), iterations=7)
    below = np.arange(side)[:, None] > polygon[:, 1].max()
    skin = np.median(lab[(ring > 0) & below], axis=0)
    chroma = float(np.hypot(skin[1], skin[2]))
    if chroma < MIN_SKIN_CHROMA:
        return None
    hue = (lab[..., 1:] @ skin[1:]) / chroma
    like_eye = ((hue < HUE_SHARE * chroma) & (lab[..., 0] > MIN_LIGHT * skin[0])).astype(np.uint8)
    like_eye = cv2.morphologyEx(like_eye | inside, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    _, labels = cv2.connectedComponents(like_eye)
    at = polygon.mean(0).astype(int)
    own = labels == labels[at[1], at[0]]
    if labels[at[1], at[0]] == 0 or own[0].any() or own[-1].any() or own[:, 0].any() or own[:, -1].any():
        return None
    if not GROWTH[0] * inside.sum() < own.sum() < GROWTH[1] * inside.sum():
        return None
    hull = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(cv2.findNonZero(own.astype(np.uint8))), 1)
    if own.sum() < MIN_SOLIDITY * hull.sum():
        return None
    own = hull > 0
    columns = np.flatnonzero(own.any(0))
    trim = round(EDGE_TRIM * len(columns))
    columns = columns[trim : len(columns) - trim]
    arch = np.sin(np.linspace(0, np.pi, len(columns)))
    top = own[:, columns].argmax(0) - UPPER_SHADE * EYE_PX * arch
    bottom = side - 1 - own[::-1, columns].argmax(0).astype(np.float64)
    every = np.arange(side)

    def smooth(edge: FloatMatrix) -> FloatMatrix:
        curve = np.polynomial.Polynomial.fit(columns, edge, 4)
        return np.asarray(curve(np.clip(every, columns[0], columns[-1])))

    return smooth(top), smooth(bottom), float(columns[0]), float(columns[-1])
