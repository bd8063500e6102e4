"""How the light on a face changes as it bends and turns: first-order spherical harmonics on mesh normals.

The photo's own light is fitted once, brightness ≈ a + b · n over the skin; a frame multiplies the skin by the
ratio of that model after and before the motion. (R. Ramamoorthi, P. Hanrahan, "An efficient representation
for irradiance environment maps", 2001; only bands 0 and 1 are used.)
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from avatar_gpu.portrait import topology as face
from avatar_gpu.protocols import RgbImage
from avatar_gpu.render.mesh.compiled import compiled
from avatar_gpu.render.mesh.geometry import FaceMesh
from avatar_gpu.render.mesh.relief import Relief, smootherstep

FloatVector = NDArray[np.float32]

STRONGEST_LIGHT = 0.6
"""Length of b in units of a that a photo's light may have: beyond it the fit has taken colour for light."""
TRUST_IN_FIT = 0.8
OVERHEAD = np.array([0.0, -0.35, -0.25])
"""b / a of ordinary light from above and in front, which a doubtful fit is drawn to."""
RIDGE = 0.02
GAIN_RANGE = (0.78, 1.25)


@dataclass(frozen=True)
class Light:
    """model: (4,) a and b; rest: (V,) brightness of the model at rest; weight: (V,) where it applies, 0…1;
    skin: (T, 3) triangles that have a normal."""

    model: FloatVector
    rest: FloatVector
    weight: FloatVector
    skin: NDArray[np.int32]


def fit_light(mesh: FaceMesh, relief: Relief, image: RgbImage) -> Light:
    """The light of the photo, from the brightness of the skin at the mesh's vertices."""
    points = np.column_stack([mesh.vertices[:, :2], relief.depth]).astype(np.float32)
    skin = np.ascontiguousarray(mesh.triangles[~mesh.is_hole])
    normals = np.zeros_like(points)
    vertex_normals(points, skin, normals)
    side = image.shape[0]
    luma = cv2.GaussianBlur(image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32), (0, 0), 2)
    columns, rows = (np.clip(mesh.vertices[:, axis].astype(int), 0, side - 1) for axis in (0, 1))
    brightness = luma[rows, columns]
    on_skin = _bare_skin(mesh, side)[rows, columns] > 0
    model = np.array([1.0, *OVERHEAD])
    if on_skin.sum() > 50:
        design = np.column_stack([np.ones(on_skin.sum()), normals[on_skin]])
        level = max(float(np.median(brightness[on_skin])), 1.0)
        target = np.clip(brightness[on_skin] / level, 0.3, 1.7)
        prior = np.diag([0.0, 1, 1, 1]) * RIDGE * len(design)
        fitted = np.linalg.solve(design.T @ design + prior, design.T @ target)
        slope = fitted[1:] / max(float(fitted[0]), 0.2)
        slope *= min(1.0, STRONGEST_LIGHT / max(float(np.linalg.norm(slope)), 1e-6))
        model[1:] = TRUST_IN_FIT * slope + (1 - TRUST_IN_FIT) * OVERHEAD
    rest = np.maximum(model[0] + normals @ model[1:], 0.2)
    weight = 1 - smootherstep((relief.radius - 0.55) / 0.3)
    return Light(model.astype(np.float32), rest.astype(np.float32), weight.astype(np.float32), skin)


def _bare_skin(mesh: FaceMesh, side: int) -> NDArray[np.uint8]:
    mask = np.zeros((side, side), np.uint8)

    def fill(marks: tuple[int, ...], value: int) -> None:
        hull = cv2.convexHull(np.round(mesh.landmarks[list(marks), :2]).astype(np.int32))
        cv2.fillConvexPoly(mask, hull, value)

    fill(face.FACE_OVAL, 1)
    mask = cv2.erode(mask, np.ones((5, 5), np.uint8), iterations=max(1, side // 150))
    for marks in (
        face.UPPER_LIP_OUTER + face.LOWER_LIP_OUTER,
        face.RIGHT_BROW + face.RIGHT_LOWER_LID,
        face.LEFT_BROW + face.LEFT_LOWER_LID,
    ):
        fill(marks, 0)
    return np.asarray(mask, np.uint8)


@compiled
def vertex_normals(points: FloatVector, triangles: NDArray[np.int32], normals: FloatVector) -> None:
    """Unit normals (V, 3) towards the camera (negative z), each the area-weighted mean of its triangles."""
    normals[:] = 0
    for n in range(triangles.shape[0]):
        a, b, c = triangles[n, 0], triangles[n, 1], triangles[n, 2]
        ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for vertex in (a, b, c):
            normals[vertex, 0] -= x
            normals[vertex, 1] -= y
            normals[vertex, 2] -= z
    for v in range(points.shape[0]):
        x, y, z = normals[v, 0], normals[v, 1], normals[v, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 1e-9:
            normals[v, 0], normals[v, 1], normals[v, 2] = x / length, y / length, z / length
        else:
            normals[v, 2] = -1.0


@compiled
def relight(
    bent: FloatVector,
    triangles: NDArray[np.int32],
    matrix: FloatVector,
    model: FloatVector,
    rest: FloatVector,
    weight: FloatVector,
    low: float,
    high: float,
    normals: FloatVector,
    gain: FloatVector,
) -> None:
    """gain (V,): how much brighter each vertex becomes by bending to ``bent`` and turning by ``matrix``."""
    vertex_normals(bent, triangles, normals)
    for v in range(gain.shape[0]):
        if weight[v] <= 0:
            gain[v] = 1.0
            continue
        x, y, z = normals[v, 0], normals[v, 1], normals[v, 2]
        tx = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z
        ty = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z
        tz = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z
        lit = max(0.2, model[0] + model[1] * tx + model[2] * ty + model[3] * tz)
        ratio = min(high, max(low, lit / rest[v]))
        gain[v] = 1.0 + weight[v] * (ratio - 1.0)
