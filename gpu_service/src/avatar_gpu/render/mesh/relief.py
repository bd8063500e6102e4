"""Depth and weight of every vertex, and the rigid motion of the head.

A face's side walls run nearly along the view ray, and one layer of triangles folds there when the head
turns. The depth is therefore compressed, z' = z₀ + A (1 - exp(-(z - z₀) / A)), which holds to about ±20°.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from avatar_gpu.portrait import topology as face
from avatar_gpu.render.mesh.geometry import FaceMesh, FloatMatrix
from avatar_gpu.render.mesh.solve import SkinOperator

COMPRESSION_FACE_HEIGHTS = 0.42
"""A above."""
SMOOTHING_FACE_HEIGHTS = 0.035
STILLNESS_CELLS = 64
PINNED_REACH = 0.12
"""How far into the picture a pinned side slows the motion, as a fraction of its side."""


@dataclass(frozen=True)
class Relief:
    """depth (V,) texture pixels; head (V,) how far a vertex follows the head, torso (V,) the breath, 0…1;
    from_center (V, 2) along the face's axes, and radius (V,) 1 at about the head's outline."""

    depth: FloatMatrix
    head: FloatMatrix
    torso: FloatMatrix
    from_center: FloatMatrix
    radius: FloatMatrix
    ear_pivot: FloatMatrix
    neck_pivot: FloatMatrix


def measure_relief(mesh: FaceMesh, operator: SkinOperator) -> Relief:
    """Depth from the landmarks, spread over hair and background; head weight fading down the neck."""
    frame, points = mesh.frame, mesh.landmarks
    height, width = frame.face_height, frame.face_width
    center = (points[face.FOREHEAD_TOP, :2] + points[face.CHIN, :2]) / 2
    along = frame.right[:2] / np.hypot(*frame.right[:2])
    down = np.array([-along[1], along[0]])
    relative = mesh.vertices[:, :2] - center
    x, y = relative @ along, relative @ down
    radius = np.hypot(x / (width * 0.8), np.where(y < 0, y / (height * 0.92), y / (height * 0.75)))
    ear_depth = float((points[face.RIGHT_EAR, 2] + points[face.LEFT_EAR, 2]) / 2)
    depth = _depth(mesh, operator, radius, ear_depth)

    chin = height * 0.5
    below = 1 - smootherstep((y - chin * 0.92) / (height * 0.55))
    beside = smootherstep((np.abs(x) - width * 0.38) / (width * 0.35))
    hanging = 1 - smootherstep((y - chin * 0.35) / (height * 0.52))
    below = below * (1 - beside) + np.minimum(below, hanging) * beside
    reach = np.hypot(x / (width * 0.82), np.minimum(y, 0) / height)
    around = 1 - smootherstep((reach - 1) / 0.75)
    inside = _inside(mesh)
    ears = (points[face.RIGHT_EAR, :2] + points[face.LEFT_EAR, :2]) / 2
    neck = center + down * height * 0.72
    return Relief(
        depth,
        below * around * inside,
        smootherstep((y - chin * 0.9) / (height * 0.5)) * inside,
        np.column_stack([x, y]),
        radius,
        np.array([*ears, ear_depth]),
        np.array([*neck, ear_depth]),
    )


def _inside(mesh: FaceMesh) -> FloatMatrix:
    """(V,) 0 at the crop's border … 1; a pinned side is at rest from the picture's own edge outwards."""
    crop = mesh.crop
    side = crop.image.shape[0] - 1
    x, y = mesh.vertices[:, 0], mesh.vertices[:, 1]
    ways = []
    for to_edge, pinned in zip((x, y, side - x, side - y), crop.pinned, strict=True):
        still, reach = (crop.rim_px + 2, PINNED_REACH * crop.size_px) if pinned else (0, crop.rim_px * 0.9)
        ways.append(smootherstep((to_edge - still) / reach))
    return np.asarray(np.minimum.reduce(ways))


def stillness(mesh: FaceMesh, relief: Relief) -> NDArray[np.float32]:
    """(h, h) over the texture: 1 where no vertex nearby follows the head, 0 where one does noticeably."""
    side = mesh.crop.image.shape[0]
    line = (np.arange(STILLNESS_CELLS) + 0.5) * side / STILLNESS_CELLS
    grid = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    nearest = cKDTree(mesh.vertices[:, :2]).query(grid, k=3)[1]
    follows = relief.head[nearest].max(1).reshape(STILLNESS_CELLS, STILLNESS_CELLS)
    still = np.clip(1 - follows / 0.6, 0, 1).astype(np.float32)
    return np.asarray(cv2.resize(still, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)


def smootherstep(t: FloatMatrix) -> FloatMatrix:
    """0 … 1 with two vanishing derivatives at both ends."""
    u = np.clip(t, 0, 1)
    return np.asarray(u * u * u * (u * (6 * u - 15) + 10))


def _depth(mesh: FaceMesh, operator: SkinOperator, radius: FloatMatrix, ear_depth: float) -> FloatMatrix:
    surface = mesh.landmarks[: face.MESH_LANDMARKS, 2]
    known = mesh.landmark >= 0
    far = ~known & (radius > 1)
    at = np.flatnonzero(known | far | ~np.isnan(mesh.vertices[:, 2]))
    values = np.where(far, ear_depth * 1.15, mesh.vertices[:, 2])[at]
    spread = operator.interpolate(at, values[:, None], 0.02)[:, 0]
    spread = np.clip(spread, surface.min() * 1.05, ear_depth * 1.3)
    nearest = float(np.percentile(surface, 3))
    limit = COMPRESSION_FACE_HEIGHTS * mesh.frame.face_height
    compressed = nearest + limit * (1 - np.exp(-np.clip(spread - nearest, -limit, None) / limit))
    trust = np.where(known & (radius < 0.56), 1.0, 0.12) * np.maximum(operator.area, 0.3)
    return operator.smooth(compressed, trust, SMOOTHING_FACE_HEIGHTS * mesh.frame.face_height)


@dataclass(frozen=True)
class HeadMotion:
    """x ↦ matrix · x + offset in texture pixels, for a vertex that follows the head fully."""

    matrix: NDArray[np.float32]
    offset: NDArray[np.float32]


def head_motion(
    mesh: FaceMesh, relief: Relief, rotation: FloatMatrix, translation: FloatMatrix
) -> HeadMotion:
    """The rigid motion for ``MotionTrack`` values: yaw and pitch about the ears, roll about the neck.

    Axes: x right, y down, z away from the camera. Positive yaw moves the nose to image right, positive pitch
    moves it up, positive roll turns the head clockwise.
    """
    yaw, pitch, roll = (float(angle) for angle in rotation)
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    turn = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    axes = mesh.frame.axes
    about_ears = axes.T @ turn @ nod @ axes
    cr, sr = np.cos(roll), np.sin(roll)
    tilt = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    scale = 1 + float(translation[2])
    matrix = tilt @ about_ears * scale
    shift = np.array([translation[0], translation[1], 0]) * mesh.frame.interocular
    ears, neck = relief.ear_pivot, relief.neck_pivot
    offset = tilt @ (ears - neck) * scale + neck - matrix @ ears + shift
    return HeadMotion(matrix.astype(np.float32), offset.astype(np.float32))
