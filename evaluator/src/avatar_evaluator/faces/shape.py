"""Landmarks without the head's pose: what the face does, whatever the head does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RIGID = (33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 10, 109, 338, 151, 9, 8, 127, 356, 234, 454)
"""Points that no expression moves: eye corners, bridge of the nose, forehead, temples."""
RIGHT_OUTER_CORNER, LEFT_OUTER_CORNER = 33, 263

Landmarks = NDArray[np.float64]


def interocular_px(landmarks: Landmarks) -> float:
    """Distance of the outer eye corners in the median shape of (N, 468, 3)."""
    across = landmarks[:, RIGHT_OUTER_CORNER, :2] - landmarks[:, LEFT_OUTER_CORNER, :2]
    return float(np.nanmedian(np.hypot(across[:, 0], across[:, 1])))


def without_pose(landmarks: Landmarks) -> Landmarks:
    """(N, 468, 3) in inter-ocular distances, every frame laid over the clip's median by its rigid points.

    A similarity transform in three dimensions by singular value decomposition (S. Umeyama, 1991). Frames
    without a face stay NaN.
    """
    seen = np.isfinite(landmarks[:, 0, 0])
    shape = np.full(landmarks.shape, np.nan)
    if not seen.any():
        return shape
    rigid = list(RIGID)
    target = np.median(landmarks[seen][:, rigid], axis=0)
    target = target - target.mean(axis=0)
    source = landmarks[seen][:, rigid]
    middle = source.mean(axis=1, keepdims=True)
    source = source - middle
    left, sizes, right = np.linalg.svd(np.swapaxes(source, 1, 2) @ target)
    signs = np.ones_like(sizes)
    signs[:, 2] = np.sign(np.linalg.det(left @ right))
    turns = (left * signs[:, None, :]) @ right
    scales = (sizes * signs).sum(axis=1) / np.square(source).sum(axis=(1, 2))
    moved = (landmarks[seen] - middle) @ turns
    shape[seen] = moved * (scales / interocular_px(landmarks))[:, None, None]
    return shape
