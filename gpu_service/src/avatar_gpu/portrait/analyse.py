"""``PortraitAnalyser``: the bytes of a photo → ``Portrait``, or a refusal a person can act on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from avatar_contracts.enrolment import SEVERAL_FACES, Box, HeadPose, Notice, PortraitSummary
from avatar_contracts.problems import FaceTooSmall, NoFace, SeveralFaces
from avatar_gpu.portrait import topology as face
from avatar_gpu.portrait.decode import decode_image
from avatar_gpu.portrait.detector import FaceDetection, FaceDetector
from avatar_gpu.portrait.landmarks import FaceShape, FloatMatrix, LandmarkModel
from avatar_gpu.portrait.matte import MatteModel
from avatar_gpu.portrait.sanity import is_human
from avatar_gpu.portrait.tflite import FloatArray
from avatar_gpu.protocols import Portrait, RgbImage

MIN_INTEROCULAR_PX = 24
SMALL_INTEROCULAR_PX = 64
SECOND_FACE_SIZE = 0.35
"""A second face counts where it is at least this large against the largest."""
MAX_STORED_SIDE_PX = 2560
ENOUGH_INTEROCULAR_PX = 256
"""A larger picture is stored reduced to the former, unless its face would fall below the latter."""
LARGE_YAW_DEG = 30.0
LEVEL_PITCH_DEG = 9.0
"""The chin lies this much behind the forehead in a level face of the mesh network."""


@dataclass(frozen=True)
class _Face:
    found: FaceDetection
    shape: FaceShape


class PortraitAnalyser:
    """Finds one human face, its landmarks and its matte. Safe to call from several threads."""

    def __init__(self, models_dir: Path) -> None:
        """Loads the networks from ``models_dir / "mediapipe"``.

        Raises:
            EngineUnavailable: a model file is missing; the detail names the command that fetches it.
        """
        folder = models_dir / "mediapipe"
        self._detector = FaceDetector(folder)
        self._landmarks = LandmarkModel(folder)
        self._matte = MatteModel(folder)

    def analyse(self, data: bytes, sha256: str, *, pick_largest: bool = False) -> Portrait:
        """The portrait in ``data``. ``summary`` counts pixels of the upright photo as it was sent.

        Where the photo shows several people, ``pick_largest`` takes the largest face, and a warning with the
        code ``SEVERAL_FACES`` says so.

        Raises:
            ImageUnreadable, ImageTooLarge: see ``decode_image``.
            NoFace: nothing in the picture is a human face seen from the front or nearly so.
            SeveralFaces: more than one person is in the picture.
            FaceTooSmall: the outer eye corners are less than ``MIN_INTEROCULAR_PX`` apart.
        """
        photo = decode_image(data)
        chosen, people = self._choose(photo, pick_largest=pick_largest)
        points = chosen.shape.points
        interocular = _distance(points, face.LEFT_OUTER_CORNER, face.RIGHT_OUTER_CORNER)
        if interocular < MIN_INTEROCULAR_PX:
            raise FaceTooSmall(
                f"The eyes are {interocular:.0f} pixels apart; at least {MIN_INTEROCULAR_PX} are needed. "
                "Send a photo that is taken closer or has more pixels.",
                interocular_px=round(interocular, 1),
            )
        image, stored = _reduce(photo, points, interocular)
        matte = self._matte.matte(image, stored)
        summary = _summarise(photo, chosen, interocular, matte, sha256, people)
        return Portrait(image, stored.astype(np.float32), matte, summary)

    def landmarks(self, rgb: RgbImage) -> FloatMatrix | None:
        """(478, 3) landmarks of the best face in a picture, or None: to check a rendered frame."""
        found = self._detector.detect(rgb)
        return self._landmarks.fit(rgb, found[0]).points if found else None

    def _choose(self, photo: RgbImage, *, pick_largest: bool) -> tuple[_Face, int]:
        """The face to animate, and how many there are."""
        candidates = sorted(self._detector.detect_everywhere(photo), key=lambda f: -float(f.size.max()))
        people: list[_Face] = []
        for found in candidates:
            if people and found.size.max() < SECOND_FACE_SIZE * people[0].found.size.max():
                break
            shape = self._landmarks.fit(photo, found)
            if is_human(found, shape) and not any(_same_face(shape, other.shape) for other in people):
                people.append(_Face(found, shape))
        if not people:
            raise NoFace(
                "No human face was recognised. Send a photo of one person who looks towards the camera, "
                "with eyes, nose and mouth visible and evenly lit."
                + (" What looked like a face has no human proportions." if candidates else "")
            )
        if len(people) > 1 and not pick_largest:
            raise SeveralFaces(
                f"The photo shows {len(people)} faces. Cut it so that one person remains, or ask for the "
                "largest face.",
                faces=len(people),
            )
        return people[0], len(people)


def _same_face(a: FaceShape, b: FaceShape) -> bool:
    """True where two boxes led the mesh to one and the same face."""
    apart = np.hypot(*(a.points[face.NOSE_TIP, :2] - b.points[face.NOSE_TIP, :2]))
    return bool(apart < _distance(a.points, face.FOREHEAD_TOP, face.CHIN) / 2)


def _distance(points: FloatMatrix, a: int, b: int) -> float:
    return float(np.hypot(*(points[a, :2] - points[b, :2])))


def _reduce(photo: RgbImage, points: FloatMatrix, interocular: float) -> tuple[RgbImage, FloatMatrix]:
    """A very large photo as its renderer needs it, with the landmarks in the new pixels."""
    scale = max(MAX_STORED_SIDE_PX / max(photo.shape[:2]), ENOUGH_INTEROCULAR_PX / interocular)
    if scale >= 1:
        return photo, points
    size = round(photo.shape[1] * scale), round(photo.shape[0] * scale)
    reduced: RgbImage = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    return reduced, points * [size[0] / photo.shape[1], size[1] / photo.shape[0], scale]


def _summarise(
    photo: RgbImage, chosen: _Face, interocular: float, matte: FloatArray | None, sha256: str, people: int
) -> PortraitSummary:
    points = chosen.shape.points
    low, high = points[: face.MESH_LANDMARKS, :2].min(0), points[: face.MESH_LANDMARKS, :2].max(0)
    pose = head_pose(points)
    height, width = photo.shape[:2]
    return PortraitSummary(
        sha256=sha256,
        width_px=width,
        height_px=height,
        face=Box(x=low[0], y=low[1], width=high[0] - low[0], height=high[1] - low[1]),
        pose=pose,
        interocular_px=interocular,
        score=min(1.0, chosen.found.score),
        warnings=(
            *([several_faces(people)] if people > 1 else []),
            *_warnings(points, interocular, pose, matte, width, height),
        ),
    )


def several_faces(people: int) -> Notice:
    """The warning that one of several people was chosen."""
    return Notice(code=SEVERAL_FACES, detail=f"The photo shows {people} faces; the largest one is animated.")


def _warnings(
    points: FloatMatrix,
    interocular: float,
    pose: HeadPose,
    matte: FloatArray | None,
    width: int,
    height: int,
) -> list[Notice]:
    notices = []
    if interocular < SMALL_INTEROCULAR_PX:
        notices.append(
            Notice(
                code="face-small",
                detail=f"The eyes are only {interocular:.0f} pixels apart, so the video will look soft; "
                f"{SMALL_INTEROCULAR_PX} or more give a sharp picture.",
            )
        )
    if abs(pose.yaw_deg) > LARGE_YAW_DEG:
        notices.append(
            Notice(
                code="face-turned",
                detail=f"The head is turned by {abs(pose.yaw_deg):.0f} degrees; a photo from the front "
                "moves more naturally.",
            )
        )
    oval = points[list(face.FACE_OVAL), :2]
    if (oval < 0).any() or (oval[:, 0] > width - 1).any() or (oval[:, 1] > height - 1).any():
        notices.append(Notice(code="face-cut-off", detail="Part of the face lies outside the picture."))
    if matte is None:
        notices.append(
            Notice(
                code="background-unclear",
                detail="Person and background could not be told apart, so the background moves slightly "
                "with the head; a plain background helps.",
            )
        )
    return notices


def head_pose(points: FloatMatrix) -> HeadPose:
    """Degrees from the landmarks alone: axes through the eyes and from forehead to chin."""
    across = points[face.LEFT_OUTER_CORNER] - points[face.RIGHT_OUTER_CORNER]
    down = points[face.CHIN] - points[face.FOREHEAD_TOP]
    across = across / np.linalg.norm(across)
    down = down - (down @ across) * across
    down /= np.linalg.norm(down)
    # Forwards, towards the camera for a frontal face: z grows away from it.
    forward = -np.cross(across, down)
    return HeadPose(
        yaw_deg=float(np.degrees(np.arctan2(forward[0], -forward[2]))),
        pitch_deg=float(np.degrees(np.arcsin(np.clip(-forward[1], -1, 1)))) + LEVEL_PITCH_DEG,
        roll_deg=float(np.degrees(np.arctan2(across[1], across[0]))),
    )
