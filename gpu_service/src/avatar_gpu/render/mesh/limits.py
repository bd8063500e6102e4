"""How far each shape may go on one face before a triangle folds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_gpu.render.mesh.geometry import FaceMesh, FloatMatrix
from avatar_gpu.render.mesh.shapes import CONTACT_SHAPES, SHAPE_INDEX, SHAPES, ShapeSet

AREA_FLOOR = 0.12
"""A triangle keeps at least this fraction of its area, with its orientation."""
PEAK = 0.8
"""Speech asks for no more than about this of a shape."""
STEPS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
NEGLIGIBLE_AREA = 6e-6
"""Triangles smaller than this fraction of the crop may do as they like: nobody sees them."""
LID_NAMES = ("eyeBlinkLeft", "eyeBlinkRight")
"""Closing lids compress their own margin by design."""


def shape_limits(mesh: FaceMesh, shapes: ShapeSet) -> NDArray[np.float32]:
    """(K,) factors 0.3…1, one for each shape."""
    limits = np.ones(len(SHAPES), np.float32)
    skin = mesh.triangles[~mesh.is_hole]
    points = mesh.vertices[:, :2]
    area = signed_area(points, skin)
    large = area > NEGLIGIBLE_AREA * mesh.crop.image.shape[0] ** 2
    skin, area = skin[large], area[large]
    for name in SHAPES:
        if name in CONTACT_SHAPES or name in LID_NAMES:
            continue
        moved = shapes.displacements[SHAPE_INDEX[name], :, :2]
        for step in STEPS:
            limits[SHAPE_INDEX[name]] = step
            if (signed_area(points + PEAK * step * moved, skin) >= AREA_FLOOR * area).all():
                break
    return limits


def signed_area(points: FloatMatrix, triangles: NDArray[np.int32]) -> FloatMatrix:
    """(T,) twice the area of each triangle, positive in the mesh's own orientation."""
    a, b, c = (points[triangles[:, n]] for n in range(3))
    u, v = b - a, c - a
    return np.asarray(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
