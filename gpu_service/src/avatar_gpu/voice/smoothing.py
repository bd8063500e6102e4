"""Gaussian smoothing in numpy alone: importing scipy.ndimage would cost every worker process 25 MB."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", np.float32, np.float64)

REACH = 4.0
"""Kernel radius in deviations."""


def gaussian(values: NDArray[F], deviation: float) -> NDArray[F]:
    """``values`` smoothed along the first axis, its ends held; the same shape and type."""
    if deviation <= 0 or not len(values):
        return values
    radius = max(1, round(REACH * deviation))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / deviation) ** 2)
    kernel /= kernel.sum()
    ends = [(radius, radius)] + [(0, 0)] * (values.ndim - 1)
    padded = np.pad(values, ends, mode="edge")
    if values.ndim == 1:
        return np.convolve(padded, kernel, "valid").astype(values.dtype)
    smooth = np.zeros_like(values)
    for offset, weight in enumerate(kernel.astype(values.dtype)):
        smooth += weight * padded[offset : offset + len(values)]
    return smooth
