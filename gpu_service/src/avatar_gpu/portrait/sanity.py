"""Is it a human face? The detector fires on animals too, and the mesh network then draws a face on them.

Measured on portraits (photographs, paintings, a cartoon, a sculpture) against monkey, dog, cat and alpacas:
no one measure separates them, their sum does with a wide margin (people ≤ 1.7, animals ≥ 3.8).
"""

from __future__ import annotations

import numpy as np

from avatar_gpu.portrait import topology as face
from avatar_gpu.portrait.detector import FaceDetection
from avatar_gpu.portrait.landmarks import FaceShape, FloatMatrix

MIN_DETECTION_SCORE = 0.6
MIN_PRESENCE = 0.9
MAX_ODDNESS = 2.6

USUAL_WIDTH = 1.6
WIDTH_SPREAD = 0.2
"""Face width in inter-ocular distances; animals' eyes stand closer together in a wider head."""
POINT_SPREAD = 0.15
"""Mean distance between the detector's key points and the mesh's, in inter-ocular distances."""
SURE_SCORE, SCORE_SPREAD = 0.9, 0.1


def is_human(found: FaceDetection, shape: FaceShape) -> bool:
    """True where detector and mesh agree on a face of human proportions."""
    if found.score < MIN_DETECTION_SCORE or shape.presence < MIN_PRESENCE:
        return False
    return oddness(found, shape.points) <= MAX_ODDNESS


def oddness(found: FaceDetection, points: FloatMatrix) -> float:
    """How far from a human face, as a sum of three deviations; 0 is usual."""
    interocular = _distance(points[face.LEFT_OUTER_CORNER], points[face.RIGHT_OUTER_CORNER])
    if interocular <= 0:
        return float("inf")
    width = _distance(points[face.RIGHT_EAR], points[face.LEFT_EAR]) / interocular
    mouth = (points[face.UPPER_LIP_INNER[5]] + points[face.LOWER_LIP_INNER[5]]) / 2
    expected = [points[face.RIGHT_IRIS], points[face.LEFT_IRIS], points[face.NOSE_TIP], mouth]
    apart = [_distance(seen, point) for seen, point in zip(found.key_points, expected, strict=False)]
    disagreement = float(np.mean(apart)) / interocular
    return (
        max(0.0, width - USUAL_WIDTH) / WIDTH_SPREAD
        + disagreement / POINT_SPREAD
        + max(0.0, SURE_SCORE - found.score) / SCORE_SPREAD
    )


def _distance(a: FloatMatrix, b: FloatMatrix) -> float:
    return float(np.hypot(a[0] - b[0], a[1] - b[1]))
