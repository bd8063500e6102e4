"""How far each shape may go on one face before a triangle folds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_contracts.motion import COEFFICIENT_INDEX, COEFFICIENTS, EXTRA_INDEX, EXTRAS
from avatar_gpu.render.mesh.controls import Controls
from avatar_gpu.render.mesh.geometry import FaceMesh, FloatMatrix, signed_area
from avatar_gpu.render.mesh.shapes import CONTACT_SHAPES, SHAPE_INDEX, SHAPES, ShapeSet

AREA_FLOOR = 0.05
"""A triangle keeps at least this fraction of its area, with its orientation."""
PEAK = 0.8
"""Speech asks for no more than about this of a shape."""
STEPS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
NEGLIGIBLE_AREA = 6e-6
"""Triangles smaller than this fraction of the crop may do as they like: nobody sees them."""
LID_NAMES = ("eyeBlinkLeft", "eyeBlinkRight")
"""Closing lids compress their own margin by design."""


SPEECH_POSES: tuple[dict[str, float], ...] = (
    {"jawOpen": 0.5, "mouthLowerDownLeft": 0.2, "mouthLowerDownRight": 0.2},
    {"jawOpen": 0.12, "mouthFunnel": 0.25, "mouthPucker": 0.75},
    {"jawOpen": 0.3, "mouthFunnel": 0.6, "mouthPucker": 0.1},
    {"mouthRollLower": 0.2, "mouthRollUpper": 0.15, "mouthPressLeft": 0.6, "mouthPressRight": 0.6},
    {"mouthRollLower": 0.8, "mouthUpperUpLeft": 0.5, "mouthUpperUpRight": 0.5},
    {"mouthSmileLeft": 0.3, "mouthSmileRight": 0.3, "mouthStretchLeft": 0.4, "mouthStretchRight": 0.4},
)
"""Mouth poses of speech, whose shapes are limited together as well."""
YIELD = 0.9
MAX_YIELDS = 6


def shape_limits(mesh: FaceMesh, shapes: ShapeSet) -> NDArray[np.float32]:
    """(K,) factors, one for each shape, by which no triangle folds in the poses of speech."""
    skin = mesh.triangles[~mesh.is_hole]
    area = signed_area(mesh.vertices[:, :2], skin)
    large = area > NEGLIGIBLE_AREA * mesh.crop.image.shape[0] ** 2
    skin, area = skin[large], area[large]
    limits = _limits_alone(mesh, shapes, skin, area)
    for asked in SPEECH_POSES:
        coefficients = np.zeros(len(COEFFICIENTS), np.float32)
        for name, value in asked.items():
            coefficients[COEFFICIENT_INDEX[name]] = value
        extras = np.zeros(len(EXTRAS), np.float32)
        extras[EXTRA_INDEX["speaking"]] = 1
        for _ in range(MAX_YIELDS):
            controls = Controls(shapes, limits)
            weights = controls.weights(coefficients, extras)
            active = np.flatnonzero(weights)
            moved = np.einsum("k,kvd->vd", weights[active], shapes.displacements[active][..., :2])
            if (signed_area(mesh.vertices[:, :2] + moved, skin) >= AREA_FLOOR * area).all():
                break
            for name in asked:
                limits[SHAPE_INDEX[name]] *= YIELD
    return limits


def _limits_alone(
    mesh: FaceMesh, shapes: ShapeSet, skin: NDArray[np.int32], area: FloatMatrix
) -> NDArray[np.float32]:
    limits = np.ones(len(SHAPES), np.float32)
    points = mesh.vertices[:, :2]
    for name in SHAPES:
        if name in CONTACT_SHAPES or name in LID_NAMES:
            continue
        moved = shapes.displacements[SHAPE_INDEX[name], :, :2]
        for step in STEPS:
            limits[SHAPE_INDEX[name]] = step
            if (signed_area(points + PEAK * step * moved, skin) >= AREA_FLOOR * area).all():
                break
    return limits
