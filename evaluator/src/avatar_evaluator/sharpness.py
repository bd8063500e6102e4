"""How sharp a picture is: CPBD and the Laplacian's variance."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

BLOCK_PX = 64
EDGE_SHARE = 0.002
BETA = 3.6
WIDTH_HIGH_CONTRAST, WIDTH_LOW_CONTRAST = 3.0, 5.0
LOW_CONTRAST = 50
JUST_NOTICEABLE = 0.63
LONGEST_EDGE_PX = 24

Gray = NDArray[np.uint8]


def cpbd(gray: Gray) -> float | None:
    """Cumulative probability of blur detection, 0 blurred … 1 sharp; None where there are no edges.

    N. Narvekar and L. Karam, "A no-reference image blur metric based on the cumulative probability of blur
    detection", 2011: the share of edges whose width is below what is just noticeable at their contrast.
    """
    widths, edges = _edge_widths(gray)
    sharp = total = 0
    for top in range(0, gray.shape[0] - BLOCK_PX + 1, BLOCK_PX):
        for left in range(0, gray.shape[1] - BLOCK_PX + 1, BLOCK_PX):
            part = slice(top, top + BLOCK_PX), slice(left, left + BLOCK_PX)
            if edges[part].sum() < EDGE_SHARE * BLOCK_PX**2:
                continue
            contrast = int(gray[part].max()) - int(gray[part].min())
            noticeable = WIDTH_LOW_CONTRAST if contrast <= LOW_CONTRAST else WIDTH_HIGH_CONTRAST
            found = widths[part][widths[part] > 0]
            blurred = 1 - np.exp(-((found / noticeable) ** BETA))
            sharp += int((blurred <= JUST_NOTICEABLE).sum())
            total += len(found)
    return sharp / total if total else None


def laplacian_variance(gray: Gray) -> float:
    """The variance of the second derivative: small where nothing is sharp."""
    return float(cv2.Laplacian(gray, cv2.CV_64F).var())


def _edge_widths(gray: Gray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(H, W) width in pixels of each upright edge along its row, 0 elsewhere; (H, W) all edges."""
    edges = cv2.Canny(gray, 80, 160) > 0
    across = cv2.Sobel(gray, cv2.CV_64F, 1, 0, ksize=3)
    down = cv2.Sobel(gray, cv2.CV_64F, 0, 1, ksize=3)
    upright = edges & (np.abs(across) > 2.41 * np.abs(down))
    rows, columns = np.nonzero(upright)
    signs = np.sign(across[rows, columns])
    level = gray.astype(np.float64)
    width = np.zeros(len(rows))
    for direction in (1, -1):
        going = np.ones(len(rows), np.bool_)
        here = columns.copy()
        for _ in range(LONGEST_EDGE_PX):
            after = np.clip(here + direction, 0, gray.shape[1] - 1)
            rise = (level[rows, after] - level[rows, here]) * signs * direction
            going &= (rise > 0) & (after != here)
            here = np.where(going, after, here)
            width += going
    widths = np.zeros(gray.shape)
    widths[rows, columns] = width
    return widths, edges
