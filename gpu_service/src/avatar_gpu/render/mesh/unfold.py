"""Displacements without folds: where a triangle would turn over, its corners move more alike."""

from __future__ import annotations

import numpy as np

from avatar_gpu.render.mesh.geometry import FaceMesh, FloatMatrix, signed_area

AREA_FLOOR = 0.12
"""A triangle keeps at least this fraction of its area."""
STEP = 0.35
"""How far the corners of a folded triangle go towards their common movement in one sweep."""
MAX_SWEEPS = 200


def unfold(mesh: FaceMesh, displacement: FloatMatrix) -> FloatMatrix:
    """``displacement`` (V, 3) changed as little as needed that no skin triangle folds at its full strength.

    A triangle that moves as a whole keeps its area, so each sweep draws the corners of every folded triangle
    towards their mean movement, until none is left.
    """
    skin = mesh.triangles[~mesh.is_hole]
    points = mesh.vertices[:, :2]
    area = signed_area(points, skin)
    skin, area = skin[area > 0], area[area > 0]
    moved = displacement.copy()
    for _ in range(MAX_SWEEPS):
        folded = skin[signed_area(points + moved[:, :2], skin) < AREA_FLOOR * area]
        if not len(folded):
            break
        pull = np.zeros_like(moved)
        count = np.zeros(len(moved))
        corners = moved[folded]
        for n in range(3):
            np.add.at(pull, folded[:, n], corners.mean(1) - corners[:, n])
            np.add.at(count, folded[:, n], 1)
        touched = count > 0
        moved[touched] += STEP * pull[touched] / count[touched, None]
    return moved
