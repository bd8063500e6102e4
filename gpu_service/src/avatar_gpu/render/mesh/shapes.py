"""Blendshape displacements of one face, from handles on lips, chin, lids and brows.

Each handle says how its landmark moves, in units of the face itself (mouth width, lid gap, lip thickness),
along the head's axes; a biharmonic solve spreads it over the skin. Names are ARKit's. Besides those there are

* ``breath``: shoulders rise;
* ``relax``: takes the photo's own smile out of the mouth corners;
* ``contactUpper…``/``contactLower…``: one pixel of movement of one point of the inner lip line, towards the
  other lip, by which the renderer closes a mouth exactly whatever the other shapes do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar_gpu.portrait import topology as face
from avatar_gpu.render.mesh.geometry import Eye, FaceAxes, FaceMesh, FloatMatrix, IntVector
from avatar_gpu.render.mesh.relief import Relief, smootherstep
from avatar_gpu.render.mesh.solve import SkinOperator
from avatar_gpu.render.mesh.unfold import unfold

CONTACTS = 9
"""Points of the inner lip line between the corners where the lips can be brought together."""

MOUTH_SHAPES = (
    "jawOpen", "jawForward", "jawLeft", "jawRight", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight",
    "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight",
    "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthUpperUpLeft", "mouthUpperUpRight", "cheekPuff", "relax",
)  # fmt: skip
LID_SHAPES = (
    "eyeBlinkLeft", "eyeBlinkRight", "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight",
)  # fmt: skip
BROW_SHAPES = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "noseSneerLeft", "noseSneerRight", "cheekSquintLeft", "cheekSquintRight",
)  # fmt: skip
CONTACT_SHAPES = tuple(f"contact{lip}{i}" for lip in ("Upper", "Lower") for i in range(CONTACTS))
SHAPES = (*MOUTH_SHAPES, *LID_SHAPES, *BROW_SHAPES, "breath", *CONTACT_SHAPES)
SHAPE_INDEX = {name: index for index, name in enumerate(SHAPES)}

JAW_DROP = 0.62
"""Mouth widths that the lower lip sinks at ``jawOpen`` 1."""
USUAL_MOUTH = 0.58
"""Width of a relaxed mouth in inter-ocular distances; wider ones with raised corners smile."""
BLUNT_CORNER = 0.2
"""Where a lid's bell falls below this, its corner is blunt and closes only as far as its skin can follow."""
SHEAR_LIMIT = 1.3
"""Two handles of the jaw stand at least this many times as far apart as their movements differ."""
NARROWEST_RELAX = 0.12
"""At most this fraction of the mouth width is taken from each side of a smile."""

CHIN_FOLLOWS_JAW = {
    152: 1.0, 175: 1.0, 199: 1.0, 200: 1.0, 18: 1.0, 83: 1.0, 313: 1.0, 201: 1.0,
    421: 1.0, 208: 1.0, 428: 1.0, 171: 1.0, 396: 1.0, 148: 0.97, 377: 0.97, 176: 0.9,
    400: 0.9, 140: 0.95, 369: 0.95, 32: 0.97, 262: 0.97, 194: 0.98, 418: 0.98, 182: 0.98,
    406: 0.98, 149: 0.78, 378: 0.78, 150: 0.58, 379: 0.58, 136: 0.4, 365: 0.4, 172: 0.24,
    397: 0.24, 170: 0.8, 395: 0.8, 169: 0.62, 394: 0.62, 135: 0.45,
    364: 0.45, 138: 0.28, 367: 0.28, 132: 0.0, 361: 0.0, 93: 0.0,
    323: 0.0,
}  # fmt: skip
"""Landmark → share of the jaw's movement: 1 at the chin, 0 at the jaw joint."""
JAW_SHAPES = ("jawOpen", "jawForward", "jawLeft", "jawRight")

STEADY_WHILE_BLINKING = (
    168, 6, 197, 195, 5, 4, 8, 9, 151, 10, 122, 351, 196, 419, 50, 280, 101, 330, 36, 266,
    117, 346, 118, 347, 119, 348, 111, 340, 116, 345,
)  # fmt: skip
STEADY_WHILE_FROWNING = (168, 6, 197, 195, 5, 4, 1, 2, 10, 338, 109, 67, 297)
SNEER_HANDLES = {129: -1.0, 358: 1.0, 98: -0.8, 327: 0.8, 49: -1.0, 279: 1.0}
CHEEK_HANDLES = (50, 280, 101, 330, 205, 425, 187, 411, 123, 352, 117, 346, 118, 347)


@dataclass(frozen=True)
class LipPoint:
    """Where on the lips a handle sits: lip "upper", "lower" or "corner"; t from -1 (image left) to 1 along
    its ring; ring 0 at the inner line … 1 at the outer edge."""

    vertex: int
    lip: str
    t: float
    ring: float

    @property
    def bell(self) -> float:
        """1 in the middle of the lip, 0 at its corners."""
        return max(0.0, 1 - self.t * self.t)


@dataclass(frozen=True)
class Smile:
    """lift: how far the corners stand above the lip line; excess: how much wider than usual the mouth is,
    on each side; both in mouth widths, 0 where there is no smile."""

    lift: float
    excess: float


@dataclass(frozen=True)
class ShapeSet:
    """displacements (K, V, 3) float32 texture pixels at coefficient 1; contact_vertices (2, 9): upper and
    lower vertices of each contact; rest_gap (9,) how far they are apart in the photo and opening (K, 9) how
    much each shape adds to it, both in pixels along the face's down axis."""

    displacements: NDArray[np.float32]
    contact_vertices: IntVector
    rest_gap: NDArray[np.float32]
    opening: NDArray[np.float32]
    smile: Smile


def build_shapes(mesh: FaceMesh, operator: SkinOperator, relief: Relief) -> ShapeSet:
    """All displacements of one face."""
    displacements = np.zeros((len(SHAPES), len(mesh.vertices), 3))
    lips = _lip_points(mesh)
    smile = _smile(mesh)
    _mouth(mesh, operator, relief, lips, displacements)
    _lids(mesh, operator, relief, displacements)
    _brows(mesh, operator, relief, displacements)
    frame, x = mesh.frame, relief.from_center[:, 0] / mesh.frame.face_width
    displacements[SHAPE_INDEX["breath"]] = (
        relief.torso[:, None] * frame.face_height * (-0.012 * frame.down + 0.004 * x[:, None] * frame.right)
    )
    contacts = _contact_vertices(mesh)
    # Seen from the front: a pitched head shortens the axis, and a contact moves along it all the same.
    down = frame.down[:2] / (frame.down[:2] @ frame.down[:2])
    gap = (mesh.vertices[contacts[1]] - mesh.vertices[contacts[0]])[:, :2] @ down
    opening = (displacements[:, contacts[1]] - displacements[:, contacts[0]])[..., :2] @ down
    return ShapeSet(
        displacements.astype(np.float32),
        contacts,
        gap.astype(np.float32),
        opening.astype(np.float32),
        smile,
    )


def _smile(mesh: FaceMesh) -> Smile:
    points, frame = mesh.landmarks, mesh.frame
    middle = (points[0] + points[17]) / 2
    corners = (points[face.MOUTH_RIGHT] + points[face.MOUTH_LEFT]) / 2
    lift = float((middle - corners) @ frame.down) / frame.mouth_width
    wide = frame.mouth_width / frame.interocular
    excess = max(0.0, (wide - USUAL_MOUTH) / wide / 2) if lift > 0.02 else 0.0
    return Smile(max(0.0, lift - 0.02), min(excess, NARROWEST_RELAX))


def _contact_vertices(mesh: FaceMesh) -> IntVector:
    of = mesh.vertex_of()
    return np.array([[of[m] for m in ring[1:-1]] for ring in (face.UPPER_LIP_INNER, face.LOWER_LIP_INNER)])


def _lip_points(mesh: FaceMesh) -> list[LipPoint]:
    """Every lip vertex once: the dense inner line, then the landmarks of the outer rings."""
    found: dict[int, LipPoint] = {}
    for edge, lip in ((mesh.mouth.upper, "upper"), (mesh.mouth.lower, "lower")):
        t = _along(mesh.vertices[edge])
        for i, vertex in enumerate(edge):
            kind = "corner" if i in (0, len(edge) - 1) else lip
            found.setdefault(int(vertex), LipPoint(int(vertex), kind, float(t[i]), 0.0))
    of = mesh.vertex_of()
    for rings, lip in ((face.UPPER_LIP_RINGS, "upper"), (face.LOWER_LIP_RINGS, "lower")):
        for number, ring in enumerate(rings):
            t = _along(mesh.landmarks[list(ring)])
            for i, mark in enumerate(ring):
                if mark in of:
                    kind = "corner" if i in (0, len(ring) - 1) else lip
                    found.setdefault(of[mark], LipPoint(of[mark], kind, float(t[i]), number / 3))
    return list(found.values())


def _along(points: FloatMatrix) -> FloatMatrix:
    """-1 … 1 by arc length."""
    steps = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points[:, :2], axis=0), axis=1))])
    return np.asarray(steps / max(steps[-1], 1e-6) * 2 - 1)


Move = tuple[float, float, float]
"""Right, down, away in mouth widths."""


def _mouth(
    mesh: FaceMesh,
    operator: SkinOperator,
    relief: Relief,
    lips: list[LipPoint],
    displacements: FloatMatrix,
) -> None:
    frame, of = mesh.frame, mesh.vertex_of()
    on_lips = {point.vertex for point in lips}
    chin = {of[m]: share for m, share in CHIN_FOLLOWS_JAW.items() if m in of and of[m] not in on_lips}
    chin = _without_shear(mesh, chin)
    author = _mouth_author(mesh)
    on_lip: dict[int, dict[str, Move]] = {point.vertex: author(point) for point in lips}
    on_chin = {vertex: _chin_moves(share) for vertex, share in chin.items()}
    mouth_y = float(((mesh.landmarks[61] + mesh.landmarks[291])[:2] / 2 - _center(mesh)) @ frame.down[:2])
    y = relief.from_center[:, 1]
    height = frame.face_height
    pinned = (relief.radius > 1.12) | (y > height * 0.92) | (y < -height * 0.05)
    pinned |= (mesh.landmark >= 0) & (y < mouth_y - frame.mouth_width * 0.33)
    for eye in mesh.eyes:
        pinned[eye.opening.upper] = pinned[eye.opening.lower] = True
    pinned[list(on_lip)] = False
    # The chin leads where the jaw moves; where only the lips move, it follows as freely as the cheeks.
    jaw_pinned = pinned.copy()
    jaw_pinned[list(on_chin)] = False
    _spread_moves(mesh, operator, {**on_lip, **on_chin}, jaw_pinned, JAW_SHAPES, displacements)
    others = tuple(name for name in (*MOUTH_SHAPES, *CONTACT_SHAPES) if name not in JAW_SHAPES)
    _spread_moves(mesh, operator, on_lip, pinned, others, displacements)


def _spread_moves(
    mesh: FaceMesh,
    operator: SkinOperator,
    handles: dict[int, dict[str, Move]],
    pinned: NDArray[np.bool_],
    names: tuple[str, ...],
    displacements: FloatMatrix,
) -> None:
    """Authored moves over the skin, for the shapes ``names``."""
    frame = mesh.frame
    moved = np.array(list(handles), dtype=np.intp)
    values = np.zeros((len(moved), len(names), 3))
    column = {name: i for i, name in enumerate(names)}
    for row, moves in enumerate(handles.values()):
        for name, move in moves.items():
            if name in column:
                values[row, column[name]] = np.array(move) @ frame.axes * frame.mouth_width
    still = np.flatnonzero(pinned)
    at = np.concatenate([moved, still])
    flat = np.concatenate([values.reshape(len(moved), -1), np.zeros((len(still), 3 * len(names)))])
    solved = operator.interpolate(at, flat, 0.004).reshape(-1, len(names), 3)
    for name, i in column.items():
        displacements[SHAPE_INDEX[name]] = solved[:, i]


def _without_shear(mesh: FaceMesh, chin: dict[int, float]) -> dict[int, float]:
    """The handles of the chin without those that a turned head brings too close to one that moves further."""
    kept: dict[int, float] = {}
    for vertex, share in sorted(chin.items(), key=lambda item: -item[1]):
        reach = SHEAR_LIMIT * JAW_DROP * mesh.frame.mouth_width
        at = mesh.vertices[vertex, :2]
        if all(np.hypot(*(mesh.vertices[k, :2] - at)) > reach * (s - share) for k, s in kept.items()):
            kept[vertex] = share
    return kept


def _center(mesh: FaceMesh) -> FloatMatrix:
    return np.asarray((mesh.landmarks[face.FOREHEAD_TOP, :2] + mesh.landmarks[face.CHIN, :2]) / 2)


def _mouth_author(mesh: FaceMesh) -> Callable[[LipPoint], dict[str, Move]]:
    """The function from a lip point to its moves for every shape of the mouth."""
    frame, points = mesh.frame, mesh.landmarks
    upper_thick = float(np.linalg.norm(points[0] - points[13])) / frame.mouth_width
    lower_thick = float(np.linalg.norm(points[17] - points[14])) / frame.mouth_width
    smile = _smile(mesh)
    contact_t = {
        "upper": _along(points[list(face.UPPER_LIP_INNER)])[1:-1],
        "lower": _along(points[list(face.LOWER_LIP_INNER)])[1:-1],
    }
    pixel = 1 / frame.mouth_width
    # A wide smile has less to give to a rounded mouth than its width says.
    relaxed = 1 - 2 * smile.excess

    def moves(p: LipPoint) -> dict[str, Move]:
        t, ring, bell, away = p.t, p.ring, p.bell, abs(p.t)
        outward = float(np.sign(t))
        low, up = p.lip == "lower", p.lip == "upper"
        drop = 0.16 * away**3 - 0.03 * bell if up else 0.16 + 0.84 * (1 - away**2.15) if low else 0.16
        drop *= JAW_DROP
        side = 0.10 * (0.5 + (0.5 if low else -0.15 if up else 0) * bell)
        found: dict[str, Move] = {
            "jawOpen": (-outward * away**2 * 0.045, drop, 0.04 * drop / JAW_DROP),
            "jawForward": (0, 0, -0.10 if low else -0.03),
            "jawLeft": (side, 0, 0),
            "jawRight": (-side, 0, 0),
            "mouthFunnel": (
                -t * 0.17 * relaxed,
                0.01 + ((-0.055 - 0.03 * ring) * bell if up else (0.075 + 0.045 * ring) * bell if low else 0),
                -0.10,
            ),
            "mouthPucker": (
                -t * 0.24 * relaxed,
                ((-0.02 - 0.035 * ring) if up else (0.022 + 0.05 * ring) if low else 0) * bell,
                -0.14,
            ),
            "mouthLeft": (0.12, 0, 0),
            "mouthRight": (-0.12, 0, 0),
            "cheekPuff": (0, 0, -0.05),
            "relax": (
                -outward * away**1.5 * smile.excess,
                smile.lift
                * (away**1.6 * 0.85 + (0.25 - 0.25 * ring if up else 0.15 * ring if low else 0) * bell),
                -0.05 * away * (smile.lift > 0),
            ),
        }
        for name, sign in (("Left", 1.0), ("Right", -1.0)):
            w = float(np.clip((t * sign + 0.25) / 1.25, 0, 1))
            half = float(np.clip(t * sign * 1.5 + 0.5, 0, 1))
            w14 = w**1.4
            found["mouthSmile" + name] = (
                sign * 0.115 * w14,
                -0.115 * w14**1.3 + (0.006 * bell if low else 0),
                0.06 * w14,
            )
            found["mouthFrown" + name] = (sign * 0.02 * w14, 0.10 * w14**1.3, 0)
            found["mouthStretch" + name] = (
                sign * 0.105 * w14,
                0.012 * w14 + (0.017 if low else -0.006 if up else 0) * bell,
                0.05 * w14,
            )
            found["mouthDimple" + name] = (sign * 0.06 * w14, -0.01 * w14, 0.05 * w14)
            if low:
                found["mouthLowerDown" + name] = (0, 0.10 * bell**0.85 * half, 0)
                found["mouthPress" + name] = (0, -0.30 * ring * lower_thick * bell * half, 0)
            elif up:
                found["mouthUpperUp" + name] = (0, -0.085 * bell**0.8 * half, 0)
                found["mouthPress" + name] = (0, 0.28 * ring * upper_thick * bell * half, 0)
            else:
                found["mouthPress" + name] = (-outward * 0.01 * half, 0.012 * half, 0)
        if low:
            found["mouthRollLower"] = (0, -(0.20 + 0.45 * ring) * lower_thick * bell, 0.04)
            found["mouthShrugLower"] = (0, -0.07 * bell, 0)
        if up:
            found["mouthRollUpper"] = (0, (0.10 + 0.45 * ring) * upper_thick * bell, 0.04)
            found["mouthShrugUpper"] = (0, -0.05 * bell, 0)
            found["mouthShrugLower"] = (0, -0.03 * bell, 0)
        if low or up:
            knots = np.concatenate([[-1.0], contact_t[p.lip], [1.0]])
            for i in range(CONTACTS):
                hat = float(np.interp(t, knots, np.eye(CONTACTS + 2)[i + 1]))
                if hat > 0:
                    reach = hat * pixel * (1 - 0.3 * ring)
                    name = f"contact{'Upper' if up else 'Lower'}{i}"
                    found[name] = (0, reach if up else -reach, 0)
        return found

    return moves


def _chin_moves(share: float) -> dict[str, Move]:
    return {
        "jawOpen": (0, JAW_DROP * share * 0.92, 0.10 * share),
        "jawForward": (0, 0, -0.10 * share),
        "jawLeft": (0.10 * share, 0, 0),
        "jawRight": (-0.10 * share, 0, 0),
    }


def _lids(mesh: FaceMesh, operator: SkinOperator, relief: Relief, displacements: FloatMatrix) -> None:
    """The lids meet at a full blink: the upper one comes down nearly all the way, near the corners half."""
    frame, of = mesh.frame, mesh.vertex_of()
    moved: list[int] = []
    rows: list[FloatMatrix] = []
    for side, eye in zip(("Right", "Left"), mesh.eyes, strict=True):
        for upper, vertex, gap, bell in _lid_gaps(eye, mesh.vertices, frame):
            share = 0.5 + 0.36 * bell**0.75
            gap *= float(smootherstep(np.array(0.5 + 0.5 * min(1.0, bell / BLUNT_CORNER))))
            row = np.zeros((len(LID_SHAPES), 3))
            row[LID_SHAPES.index("eyeBlink" + side)] = (share if upper else share - 1) * gap * frame.down
            row[LID_SHAPES.index("eyeSquint" + side)] = (0.10 if upper else -0.30) * gap * frame.down
            row[LID_SHAPES.index("eyeWide" + side)] = (-0.22 if upper else 0.06) * gap * frame.down
            moved.append(vertex)
            rows.append(row.ravel())
    pinned = (relief.radius > 0.9) | (relief.from_center[:, 1] > frame.face_height * 0.13)
    steady = (*face.RIGHT_BROW, *face.LEFT_BROW, *STEADY_WHILE_BLINKING)
    pinned[[of[mark] for mark in steady if mark in of]] = True
    pinned[moved] = False
    _spread(operator, np.array(moved), np.array(rows), pinned, 0.02, LID_SHAPES, displacements)
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        displacements[SHAPE_INDEX[name]] = unfold(mesh, displacements[SHAPE_INDEX[name]])


def _lid_gaps(eye: Eye, vertices: FloatMatrix, frame: FaceAxes) -> list[tuple[bool, int, float, float]]:
    """(is upper lid, vertex, distance to the other lid, 1 in the middle … 0 at the corners) of each."""
    origin = vertices[eye.opening.upper[0]]
    upper, lower = vertices[eye.opening.upper] - origin, vertices[eye.opening.lower] - origin
    ux, uy = upper @ frame.right, upper @ frame.down
    lx, ly = lower @ frame.right, lower @ frame.down
    found = []
    for is_upper, ids in ((True, eye.opening.upper), (False, eye.opening.lower[1:-1])):
        for vertex in ids:
            at = float((vertices[vertex] - origin) @ frame.right)
            gap = float(np.interp(at, lx, ly) - np.interp(at, ux, uy))
            t = 2 * at / max(float(ux[-1]), 1e-6) - 1
            found.append((is_upper, int(vertex), max(0.0, gap), max(0.0, 1 - t * t)))
    return found


def _brows(mesh: FaceMesh, operator: SkinOperator, relief: Relief, displacements: FloatMatrix) -> None:
    frame, of, points = mesh.frame, mesh.vertex_of(), mesh.landmarks
    unit = frame.interocular * 0.085
    handles: dict[int, FloatMatrix] = {}

    def put(mark: int, name: str, move: FloatMatrix) -> None:
        if mark in of:
            row = handles.setdefault(of[mark], np.zeros((len(BROW_SHAPES), 3)))
            row[BROW_SHAPES.index(name)] = move

    for side, sign, brow in (("Right", -1.0, face.RIGHT_BROW), ("Left", 1.0, face.LEFT_BROW)):
        out = np.abs((points[list(brow)] - points[168]) @ frame.right)
        low, high = out.min(), out.max()
        for mark, distance in zip(brow, out, strict=True):
            t = float(np.clip((distance - low) / (high - low), 0, 1))
            down = unit * (0.75 - 0.35 * t) * frame.down - sign * unit * 0.35 * (1 - t) * frame.right
            arch = unit * (0.25 + 0.75 * np.sin(np.pi * min(1, t * 0.75 + 0.15))) * t**0.5
            put(mark, "browDown" + side, down)
            put(mark, "browInnerUp", -unit * (1 - t) ** 1.2 * frame.down)
            put(mark, "browOuterUp" + side, -arch * frame.down)
    for mark, share in SNEER_HANDLES.items():
        put(mark, "noseSneer" + ("Left" if share > 0 else "Right"), -unit * 0.4 * abs(share) * frame.down)
    for mark in CHEEK_HANDLES:
        is_left = float((points[mark] - points[168]) @ frame.right) > 0
        put(mark, "cheekSquint" + ("Left" if is_left else "Right"), -unit * 0.55 * frame.down)
    pinned = (relief.radius > 0.95) | (relief.from_center[:, 1] > frame.face_height * 0.12)
    for eye in mesh.eyes:
        pinned[eye.opening.upper] = pinned[eye.opening.lower] = True
    pinned[[of[mark] for mark in STEADY_WHILE_FROWNING if mark in of]] = True
    pinned[list(handles)] = False
    rows = np.array([row.ravel() for row in handles.values()])
    _spread(operator, np.array(list(handles)), rows, pinned, 0.01, BROW_SHAPES, displacements)


def _spread(
    operator: SkinOperator,
    moved: IntVector,
    rows: FloatMatrix,
    pinned: NDArray[np.bool_],
    tension: float,
    names: tuple[str, ...],
    displacements: FloatMatrix,
) -> None:
    still = np.flatnonzero(pinned)
    values = np.concatenate([rows, np.zeros((len(still), rows.shape[1]))])
    solved = operator.interpolate(np.concatenate([moved, still]), values, tension)
    for i, name in enumerate(names):
        displacements[SHAPE_INDEX[name]] = solved[:, 3 * i : 3 * i + 3]
