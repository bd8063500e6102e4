"""A drawn face of a few strokes with plausible landmarks: enough to run every inner loop once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from avatar_contracts.enrolment import Box, HeadPose, PortraitSummary
from avatar_contracts.motion import COEFFICIENT_INDEX, EXTRA_INDEX, MotionTrack
from avatar_gpu.portrait import topology as face
from avatar_gpu.protocols import Portrait

if TYPE_CHECKING:
    from avatar_gpu.render.mesh.engine import MeshEngine

SIZE_PX = 128


def rehearse(engine: MeshEngine) -> None:
    """Renders one open-mouthed frame of the drawn face."""
    likeness = engine.prepare(drawn_portrait(), SIZE_PX)
    poses = MotionTrack.rest(1)
    poses.coeffs[0, COEFFICIENT_INDEX["jawOpen"]] = 0.4
    poses.extras[0, EXTRA_INDEX["speaking"]] = 1.0
    for _ in engine.render(likeness, poses):
        pass


def drawn_portrait() -> Portrait:
    """A grey oval with landmarks set out on arcs; no likeness of anybody."""
    rows, columns = np.mgrid[0:SIZE_PX, 0:SIZE_PX]
    inside = np.hypot((columns - 64) / 40, (rows - 60) / 52) < 1
    image = np.where(inside[..., None], (200, 170, 150), (90, 110, 130)).astype(np.uint8)
    points = np.zeros((face.LANDMARKS, 3), np.float32)
    # What no arc places lies on the nose, where the mesh keeps one point of them all.
    points[:, :2] = 64, 66

    def arc(marks: tuple[int, ...], x0: float, x1: float, y: float, rise: float) -> None:
        t = np.linspace(-1, 1, len(marks))
        points[list(marks), 0] = (x0 + x1) / 2 + t * (x1 - x0) / 2
        points[list(marks), 1] = y + rise * (1 - t * t)

    turn = np.linspace(0, 2 * np.pi, len(face.FACE_OVAL), endpoint=False)
    points[list(face.FACE_OVAL), 0] = 64 + 30 * np.sin(turn)
    points[list(face.FACE_OVAL), 1] = 60 - 40 * np.cos(turn)
    for ring in range(3, -1, -1):
        arc(face.UPPER_LIP_RINGS[ring], 52 - ring, 76 + ring, 80, -1.0 - 1.2 * ring)
        arc(face.LOWER_LIP_RINGS[ring], 52 - ring, 76 + ring, 80, 1.0 + 1.4 * ring)
    for upper, lower, x in (
        (face.RIGHT_UPPER_LID, face.RIGHT_LOWER_LID, 50.0),
        (face.LEFT_UPPER_LID, face.LEFT_LOWER_LID, 78.0),
    ):
        arc(upper, x - 7, x + 7, 50, -3.0)
        arc(lower, x - 7, x + 7, 50, 3.0)
    for iris, x in ((face.RIGHT_IRIS, 50.0), (face.LEFT_IRIS, 78.0)):
        rim = np.array([[0, 0], [3, 0], [0, -3], [-3, 0], [0, 3]])
        points[iris : iris + 5, :2] = rim + np.array([x, 50])
    for brow, x in ((face.RIGHT_BROW, 50.0), (face.LEFT_BROW, 78.0)):
        arc(brow, x - 9, x + 9, 42, -2.0)
    points[[0, 13, 14, 17], 0] = 64
    points[face.NOSE_TIP, :2] = 64, 66
    points[168, :2] = 64, 50
    points[:, 2] = np.hypot(points[:, 0] - 64, points[:, 1] - 62) * 0.5 - 10
    summary = PortraitSummary(
        sha256="0" * 64,
        width_px=SIZE_PX,
        height_px=SIZE_PX,
        face=Box(x=34, y=20, width=60, height=80),
        pose=HeadPose(yaw_deg=0, pitch_deg=0, roll_deg=0),
        interocular_px=42,
        score=1.0,
    )
    return Portrait(image, points, inside.astype(np.float32), summary)
