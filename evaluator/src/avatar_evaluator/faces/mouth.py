"""Four numbers that say what the lips do, in inter-ocular distances."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_evaluator.faces.shape import Landmarks

APERTURE_PAIRS = ((13, 14), (81, 178), (311, 402), (82, 87), (312, 317))
OUTER_PAIRS = ((0, 17), (37, 84), (267, 314))
CORNERS = (61, 291)
CHIN_AND_BRIDGE = (152, 168)


def mouth_shape(shape: Landmarks) -> NDArray[np.float64]:
    """(N, 4): aperture, width, jaw, outer height, of landmarks (N, 468, 3) without pose."""
    return np.column_stack(
        [
            aperture(shape),
            _between(shape, *CORNERS),
            _between(shape, *CHIN_AND_BRIDGE),
            np.mean([_between(shape, a, b) for a, b in OUTER_PAIRS], axis=0),
        ]
    )


def aperture(shape: Landmarks) -> NDArray[np.float64]:
    """(N,) the gap between the inner lips, over the middle of the mouth."""
    return np.asarray(np.mean([_between(shape, a, b) for a, b in APERTURE_PAIRS], axis=0))


def _between(shape: Landmarks, a: int, b: int) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(shape[:, a] - shape[:, b], axis=1))
