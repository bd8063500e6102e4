"""Smooth interpolation over the cut mesh: cotangent Laplacian and biharmonic solves.

A displacement given at a few vertices spreads over the skin as smoothly as a thin plate would, and not at
all across lips and lids, because hole triangles carry no weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse
from scipy.sparse.linalg import SuperLU, splu

from avatar_gpu.render.mesh.geometry import FaceMesh, FloatMatrix, IntVector

MIN_AREA_PX = 0.3
MIN_WEIGHT = 1e-3


@dataclass(frozen=True)
class SkinOperator:
    """area (V,) pixels; harmonic and biharmonic (V, V) sparse, symmetric, positive semidefinite."""

    area: FloatMatrix
    harmonic: sparse.csc_array
    biharmonic: sparse.csc_array

    def interpolate(self, at: IntVector, values: FloatMatrix, tension: float) -> FloatMatrix:
        """(V, D) that takes ``values`` (M, D) at vertices ``at`` and is smooth elsewhere.

        ``tension`` mixes in the harmonic operator, which keeps the surface from overshooting.
        """
        count = len(self.area)
        free = np.setdiff1d(np.arange(count), at)
        system = (self.biharmonic + tension * self.harmonic).tocsr()[free]
        result = np.zeros((count, values.shape[1]))
        result[at] = values
        loads = values.any(axis=1)
        right = -(system[:, at[loads]] @ values[loads])
        result[free] = _factor(sparse.csc_array(system[:, free])).solve(np.asarray(right))
        return result

    def smooth(self, values: FloatMatrix, weight: FloatMatrix, reach_px: float) -> FloatMatrix:
        """(V,) close to ``values`` where ``weight`` is large, smooth over ``reach_px``."""
        system = (
            sparse.diags_array(weight) + self.harmonic * (reach_px**2 * 0.5) + self.biharmonic * reach_px**4
        )
        return np.asarray(_factor(sparse.csc_array(system)).solve(weight * values))


def skin_operator(mesh: FaceMesh) -> SkinOperator:
    """The operators on the photo's own geometry."""
    points = mesh.vertices[:, :2]
    skin = mesh.triangles[~mesh.is_hole]
    count = len(points)
    rows, columns, weights = [], [], []
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        i, j, k = skin[:, a], skin[:, b], skin[:, c]
        u, v = points[i] - points[k], points[j] - points[k]
        area2 = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
        cotangent = np.clip((u * v).sum(1) / np.maximum(area2, 0.05), -1.5, 8) / 2
        rows += [i, j]
        columns += [j, i]
        weights += [cotangent, cotangent]
    first, second, third = (points[skin[:, n]] for n in range(3))
    u, v = second - first, third - first
    part = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 6
    area = np.bincount(skin.ravel(), np.repeat(part, 3), minlength=count).astype(np.float64)
    adjacency = sparse.coo_array(
        (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))), shape=(count, count)
    ).tocsr()
    adjacency.data = np.maximum(adjacency.data, MIN_WEIGHT)
    harmonic = (sparse.diags_array(np.asarray(adjacency.sum(axis=1)).ravel()) - adjacency).tocsc()
    inverse = sparse.diags_array(1 / np.maximum(area, MIN_AREA_PX))
    return SkinOperator(area, harmonic, (harmonic @ inverse @ harmonic).tocsc())


def _factor(system: sparse.csc_array) -> SuperLU:
    regular = sparse.csc_array(system + sparse.eye_array(system.shape[0]) * 1e-9)
    return splu(
        regular,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
