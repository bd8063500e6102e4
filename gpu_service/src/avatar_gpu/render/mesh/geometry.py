"""The cut mesh: one triangulation of the whole crop in which the lips and the lids are separate.

Topology does not depend on whether the photo's mouth or eyes are open: Delaunay runs on a virtually opened
pose, so an upper-lip vertex never shares a triangle with a lower-lip vertex except across the opening.
Triangles across an opening are *holes*: they are drawn first, under the skin, and the mouth and eye layers
cover them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.spatial import Delaunay, cKDTree

from avatar_gpu.portrait import topology as face
from avatar_gpu.render.mesh.crop import FaceCrop

FloatMatrix = NDArray[np.float64]
IntVector = NDArray[np.intp]

LIP_STEPS, LID_STEPS = 4, 3
"""Vertices per landmark segment along the inner lip line and along the lids."""
COARSE_CELLS, FINE_CELLS = 44, 110
"""Grid cells along the crop's side, and around mouth and eyes."""
LANDMARK_SPACING, LIP_SPACING = 4.5 / 512, 2.6 / 512
"""Landmarks closer than this fraction of the side to a vertex that exists are left out."""
HOLE_CLEARANCE = 0.8 / 512
MAX_REPAIRS = 4
FOLDED_AREA_PX = 0.05
PARTED_LIPS = 0.035
LIP_MARGIN = 0.012
"""Fraction of the mouth width by which the opening of a parted mouth is widened, so that no fringe of teeth
stays on the lips."""


@dataclass(frozen=True)
class FaceAxes:
    """The head in the photo: unit axes (right, down, away) as rows, and lengths in texture pixels."""

    axes: FloatMatrix
    mouth_width: float
    interocular: float
    face_height: float
    face_width: float

    @property
    def right(self) -> FloatMatrix:
        return np.asarray(self.axes[0])

    @property
    def down(self) -> FloatMatrix:
        return np.asarray(self.axes[1])

    @property
    def away(self) -> FloatMatrix:
        return np.asarray(self.axes[2])


@dataclass(frozen=True)
class Opening:
    """An opening's two edges as vertex numbers from image left to right; both share the end vertices."""

    upper: IntVector
    lower: IntVector


@dataclass(frozen=True)
class Eye:
    """One eye: its opening, iris centre (3,) and iris radius in texture pixels."""

    opening: Opening
    iris: FloatMatrix
    iris_radius: float


@dataclass(frozen=True)
class FaceMesh:
    """vertices (V, 3) texture pixels; triangles (T, 3) with one orientation, holes first, then far to near;
    landmark (V,) the landmark that a vertex is, or -1."""

    crop: FaceCrop
    landmarks: FloatMatrix
    frame: FaceAxes
    vertices: FloatMatrix
    triangles: NDArray[np.int32]
    is_hole: NDArray[np.bool_]
    landmark: IntVector
    mouth: Opening
    right_eye: Eye
    left_eye: Eye

    @property
    def eyes(self) -> tuple[Eye, Eye]:
        """Subject's right, then left."""
        return self.right_eye, self.left_eye

    def vertex_of(self) -> dict[int, int]:
        """Landmark → vertex, for the landmarks that became vertices."""
        return {int(mark): vertex for vertex, mark in enumerate(self.landmark) if mark >= 0}


def face_axes(points: FloatMatrix) -> FaceAxes:
    """Axes through the outer eye corners and from forehead to chin, made orthogonal."""
    across = points[face.LEFT_OUTER_CORNER] - points[face.RIGHT_OUTER_CORNER]
    right = across / np.linalg.norm(across)
    down = points[face.CHIN] - points[face.FOREHEAD_TOP]
    down = down - (down @ right) * right
    down = down / np.linalg.norm(down)

    def length(a: int, b: int) -> float:
        return float(np.linalg.norm(points[a] - points[b]))

    return FaceAxes(
        np.stack([right, down, np.cross(right, down)]),
        length(face.MOUTH_RIGHT, face.MOUTH_LEFT),
        length(face.RIGHT_OUTER_CORNER, face.LEFT_OUTER_CORNER),
        length(face.FOREHEAD_TOP, face.CHIN),
        float(np.hypot(*(points[face.RIGHT_EAR, :2] - points[face.LEFT_EAR, :2]))),
    )


def signed_area(points: FloatMatrix, triangles: NDArray[np.int32]) -> FloatMatrix:
    """(T,) twice the area of each triangle, positive in the mesh's own orientation."""
    a, b, c = (points[triangles[:, n]] for n in range(3))
    u, v = b - a, c - a
    return np.asarray(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])


def build_mesh(crop: FaceCrop) -> FaceMesh:
    """The cut mesh over ``crop``; landmarks that would fold it in the photo itself are left out."""
    left_out: frozenset[int] = frozenset()
    for _ in range(MAX_REPAIRS):
        mesh = _triangulate(crop, left_out)
        folded = _folding_landmarks(mesh)
        if not folded:
            break
        left_out |= folded
    return mesh


def _folding_landmarks(mesh: FaceMesh) -> frozenset[int]:
    """Landmarks, other than those of an opening, in skin triangles that are turned over at rest."""
    skin = mesh.triangles[~mesh.is_hole]
    corners = mesh.vertices[skin][..., :2]
    turn = _cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    fixed = {
        int(vertex)
        for opening in (mesh.mouth, *(eye.opening for eye in mesh.eyes))
        for vertex in (*opening.upper, *opening.lower)
    }
    suspects = {int(v) for v in skin[turn < -FOLDED_AREA_PX].ravel()} - fixed
    return frozenset(int(mesh.landmark[v]) for v in suspects if mesh.landmark[v] >= 0)


def _triangulate(crop: FaceCrop, left_out: frozenset[int]) -> FaceMesh:
    points = _widen_parted_lips(crop.landmarks)
    frame = face_axes(points)
    side = float(crop.image.shape[0])
    builder = _Vertices()
    mouth = builder.add_opening(points, face.UPPER_LIP_INNER, face.LOWER_LIP_INNER, LIP_STEPS)
    lids = (
        builder.add_opening(points, face.RIGHT_UPPER_LID, face.RIGHT_LOWER_LID, LID_STEPS),
        builder.add_opening(points, face.LEFT_UPPER_LID, face.LEFT_LOWER_LID, LID_STEPS),
    )
    openings = (mouth, *lids)
    blocked = _blocked(crop.image.shape[0], builder.array(), openings, HOLE_CLEARANCE * side)
    upper_ring = {mark for ring in face.UPPER_LIP_RINGS for mark in ring[1:-1]}
    lower_ring = {mark for ring in face.LOWER_LIP_RINGS for mark in ring[1:-1]}
    lips = upper_ring | lower_ring | {ring[i] for ring in face.UPPER_LIP_RINGS for i in (0, -1)}
    for mark in [*sorted(lips), *(i for i in range(face.MESH_LANDMARKS) if i not in lips)]:
        if mark in left_out:
            continue
        spacing = (LIP_SPACING if mark in lips else LANDMARK_SPACING) * side
        builder.add_landmark(points, mark, spacing, blocked)
    builder.add_grid(_grid(side, frame, points, builder.array(), openings), blocked)

    vertices, landmark = builder.array(), np.array(builder.landmark)
    is_upper = np.isin(landmark, sorted(upper_ring))
    is_lower = np.isin(landmark, sorted(lower_ring))
    virtual = _open_virtually(vertices, openings, frame, is_upper, is_lower)
    triangles = Delaunay(virtual).simplices.astype(np.int32)
    corners = virtual[triangles]
    turn = _cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    triangles[turn < 0] = triangles[turn < 0][:, ::-1]
    is_hole = _holes(triangles, corners.mean(1), virtual, openings)
    return FaceMesh(
        crop,
        points,
        frame,
        vertices,
        triangles,
        is_hole,
        landmark,
        mouth,
        _eye(points, lids[0], face.RIGHT_IRIS),
        _eye(points, lids[1], face.LEFT_IRIS),
    )


class _Vertices:
    """Vertices in the order of their importance, each at a distance from those before it."""

    def __init__(self) -> None:
        self.points: list[FloatMatrix] = []
        self.landmark: list[int] = []

    def array(self) -> FloatMatrix:
        return np.array(self.points)

    def add_opening(
        self, points: FloatMatrix, upper: tuple[int, ...], lower: tuple[int, ...], steps: int
    ) -> Opening:
        first = len(self.points)
        for edge, ends in ((upper, slice(None)), (lower, slice(1, -1))):
            curve = densify(points[list(edge)], steps)
            marks = [edge[i // steps] if i % steps == 0 else -1 for i in range(len(curve))]
            self.points.extend(curve[ends])
            self.landmark.extend(marks[ends])
        count = (len(upper) - 1) * steps + 1
        upper_ids = np.arange(first, first + count)
        inner = np.arange(first + count, first + 2 * count - 2)
        return Opening(upper_ids, np.concatenate([upper_ids[:1], inner, upper_ids[-1:]]))

    def add_landmark(
        self, points: FloatMatrix, mark: int, spacing: float, blocked: NDArray[np.uint8]
    ) -> None:
        point = points[mark]
        if mark in self.landmark or not _free(blocked, point):
            return
        apart = np.array(self.points)[:, :2] - point[:2]
        if np.min(np.einsum("ij,ij->i", apart, apart)) >= spacing**2:
            self.points.append(point)
            self.landmark.append(mark)

    def add_grid(self, grid: FloatMatrix, blocked: NDArray[np.uint8]) -> None:
        for x, y in grid:
            if _free(blocked, np.array([x, y])):
                self.points.append(np.array([x, y, np.nan]))
                self.landmark.append(-1)


def densify(points: FloatMatrix, steps: int) -> FloatMatrix:
    """A spline through (N, D) points with ``steps`` samples per segment; the points themselves stay."""
    apart = np.linalg.norm(np.diff(points[:, :2], axis=0), axis=1) + 1e-3
    knots = np.concatenate([[0.0], np.cumsum(apart)])
    at = np.concatenate([np.linspace(a, b, steps, endpoint=False) for a, b in pairwise(knots)])
    return np.asarray(CubicSpline(knots, points)(np.append(at, knots[-1])))


def _widen_parted_lips(points: FloatMatrix) -> FloatMatrix:
    """Parted lips as a slightly larger opening: their landmarks run on the edge, pixels straddle it."""
    upper, lower = list(face.UPPER_LIP_INNER[1:-1]), list(face.LOWER_LIP_INNER[1:-1])
    gap = points[lower, :2] - points[upper, :2]
    size = np.hypot(*gap.T)
    width = float(np.hypot(*(points[face.MOUTH_LEFT, :2] - points[face.MOUTH_RIGHT, :2])))
    if size.max() < PARTED_LIPS * width:
        return points
    widened = points.copy()
    push = np.clip(size / (PARTED_LIPS * width), 0, 1)[:, None] * LIP_MARGIN * width
    direction = gap / np.maximum(size, 1e-6)[:, None]
    widened[upper, :2] -= direction * push
    widened[lower, :2] += direction * push
    return widened


def _outline(vertices: FloatMatrix, opening: Opening) -> FloatMatrix:
    return np.concatenate([vertices[opening.upper, :2], vertices[opening.lower[-2:0:-1], :2]])


def _blocked(
    side: int, vertices: FloatMatrix, openings: tuple[Opening, ...], clearance: float
) -> NDArray[np.uint8]:
    """(side, side) 1 where no further vertex may stand: in the openings and close to them."""
    mask = np.zeros((side, side), np.uint8)
    for opening in openings:
        outline = np.round(_outline(vertices, opening) * 16).astype(np.int32)
        cv2.fillPoly(mask, [outline], 1, cv2.LINE_8, 4)
        cv2.polylines(mask, [outline], True, 1, max(1, round(2 * clearance)), cv2.LINE_8, 4)
    return mask


def _free(blocked: NDArray[np.uint8], point: FloatMatrix) -> bool:
    x, y = round(float(point[0])), round(float(point[1]))
    side = blocked.shape[0]
    return 0 <= x < side and 0 <= y < side and not blocked[y, x]


def _grid(
    side: float,
    frame: FaceAxes,
    points: FloatMatrix,
    vertices: FloatMatrix,
    openings: tuple[Opening, ...],
) -> FloatMatrix:
    """Coarse over the crop, edge included; fine around mouth and eyes; never close to a vertex."""
    coarse, fine = side / COARSE_CELLS, side / FINE_CELLS
    half_mouth = frame.mouth_width / 2
    zones = [((points[78, :2] + points[308, :2]) / 2, half_mouth * 1.7, half_mouth * 1.6)]
    for opening in openings[1:]:
        center = _outline(vertices, opening).mean(0)
        zones.append((center, frame.interocular * 0.33, frame.interocular * 0.26))
    line = np.linspace(0, side - 1, int(np.ceil((side - 1) / coarse)) + 1)
    x, y = (axis.ravel() for axis in np.meshgrid(line, line))
    in_zone = np.zeros(len(x), bool)
    for center, reach_x, reach_y in zones:
        in_zone |= (np.abs(x - center[0]) < reach_x) & (np.abs(y - center[1]) < reach_y)
    on_edge = (x == 0) | (y == 0) | (x == line[-1]) | (y == line[-1])
    parts = [(np.column_stack([x, y])[~in_zone | on_edge], coarse * 0.55)]
    for center, reach_x, reach_y in zones:
        gx, gy = np.meshgrid(
            np.arange(center[0] - reach_x, center[0] + reach_x, fine),
            np.arange(center[1] - reach_y, center[1] + reach_y, fine),
        )
        parts.append((np.column_stack([gx.ravel(), gy.ravel()]), fine * 0.62))
    kept: list[FloatMatrix] = []
    taken = vertices[:, :2]
    for candidates, spacing in parts:
        inside = ((candidates >= 0) & (candidates <= side - 1)).all(1)
        edge = ((candidates == 0) | (candidates == side - 1)).any(1)
        far = cKDTree(taken).query(candidates)[0] >= spacing
        chosen = candidates[inside & (far | edge)]
        kept.append(chosen)
        taken = np.concatenate([taken, chosen])
    return np.concatenate(kept)


def _cross(a: FloatMatrix, b: FloatMatrix) -> FloatMatrix:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def _open_virtually(
    vertices: FloatMatrix,
    openings: tuple[Opening, ...],
    frame: FaceAxes,
    is_upper: NDArray[np.bool_],
    is_lower: NDArray[np.bool_],
) -> FloatMatrix:
    """(V, 2) with lips and lids pulled apart by a parabola that fades with the distance to the opening."""
    moved = vertices[:, :2].copy()
    amounts = (frame.mouth_width * 0.35, frame.interocular * 0.06, frame.interocular * 0.06)
    for number, (opening, amount) in enumerate(zip(openings, amounts, strict=True)):
        first, last = vertices[opening.upper[0], :2], vertices[opening.upper[-1], :2]
        along = last - first
        half = float(np.hypot(*along)) / 2
        along = along / (2 * half)
        across = np.array([-along[1], along[0]])
        relative = vertices[:, :2] - (first + last) / 2
        x, y = relative @ along / half, relative @ across
        middle = (
            np.interp(x, x[opening.upper], y[opening.upper])
            + np.interp(x, x[opening.lower], y[opening.lower])
        ) / 2
        pull = np.clip(1 - x * x, 0, None) * amount * np.clip(1 - np.abs(y - middle) / (6 * amount), 0, 1)
        above = y < middle
        above[opening.upper] = True
        above[opening.lower[1:-1]] = False
        if number == 0:
            above[is_upper] = True
            above[is_lower] = False
        moved += np.where(above, -pull, pull)[:, None] * across
    # Grid points in exact rows would leave Delaunay's choice to rounding.
    return np.asarray(moved + np.random.default_rng(0).normal(scale=1e-3, size=moved.shape))


def _holes(
    triangles: NDArray[np.int32],
    centers: FloatMatrix,
    virtual: FloatMatrix,
    openings: tuple[Opening, ...],
) -> NDArray[np.bool_]:
    is_hole = np.zeros(len(triangles), bool)
    for opening in openings:
        members = np.zeros(len(virtual), bool)
        members[opening.upper] = True
        members[opening.lower] = True
        outline = _outline(virtual, opening).astype(np.float32)
        for index in np.flatnonzero(members[triangles].all(1)):
            x, y = (float(value) for value in centers[index])
            is_hole[index] |= cv2.pointPolygonTest(outline, (x, y), False) >= 0
    return is_hole


def _eye(points: FloatMatrix, opening: Opening, iris: int) -> Eye:
    rim = points[iris + 1 : iris + 5, :2] - points[iris, :2]
    return Eye(opening, points[iris].copy(), float(np.hypot(*rim.T).mean()))
