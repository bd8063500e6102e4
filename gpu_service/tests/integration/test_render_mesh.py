"""Frames of the mesh renderer, checked by finding the face in them again."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from avatar_contracts.motion import COEFFICIENT_INDEX, EXTRA_INDEX, MotionTrack
from avatar_gpu.portrait import PortraitAnalyser
from avatar_gpu.protocols import EngineContext, Portrait, RgbImage
from avatar_gpu.render.mesh.engine import MeshEngine, MeshLikeness
from avatar_gpu.render.mesh.geometry import signed_area

ROOT = Path(__file__).parents[3]
MODELS = Path(os.environ.get("MODELS_DIR", ROOT / "models"))
PHOTO = ROOT / "assets" / "images" / "astronaut.png"
SIZE_PX = 384

pytestmark = pytest.mark.skipif(
    not (MODELS / "mediapipe" / "face_landmark.tflite").is_file() or not PHOTO.is_file(),
    reason="models or demo photo are missing: run `make install`",
)


@pytest.fixture(scope="module")
def analyser() -> PortraitAnalyser:
    return PortraitAnalyser(MODELS)


@pytest.fixture(scope="module")
def portrait(analyser: PortraitAnalyser) -> Portrait:
    return analyser.analyse(PHOTO.read_bytes(), "b" * 64)


@pytest.fixture(scope="module")
def engine() -> MeshEngine:
    return MeshEngine(EngineContext("cpu", MODELS, 1))


@pytest.fixture(scope="module")
def likeness(engine: MeshEngine, portrait: Portrait) -> MeshLikeness:
    return engine.prepare(portrait, SIZE_PX)


def pose(
    *,
    speaking: float = 0.0,
    yaw: float = 0.0,
    pitch: float = 0.0,
    roll: float = 0.0,
    look: float = 0.0,
    **coefficients: float,
) -> MotionTrack:
    track = MotionTrack.rest(1)
    for name, value in coefficients.items():
        track.coeffs[0, COEFFICIENT_INDEX[name]] = value
    track.rotation[0] = np.radians([yaw, pitch, roll])
    track.gaze[0, :, 0] = look
    track.extras[0, EXTRA_INDEX["speaking"]] = speaking
    return track


def draw(engine: MeshEngine, likeness: MeshLikeness, track: MotionTrack) -> RgbImage:
    (frame,) = list(engine.render(likeness, track))
    return frame


def find(analyser: PortraitAnalyser, frame: RgbImage) -> np.ndarray:
    points = analyser.landmarks(frame)
    assert points is not None, "no face in the frame"
    return points


def ratio(points: np.ndarray, a: int, b: int, by: tuple[int, int] = (33, 263)) -> float:
    return float(np.hypot(*(points[a] - points[b])[:2]) / np.hypot(*(points[by[0]] - points[by[1]])[:2]))


def test_a_likeness_of_another_engine_is_refused(engine: MeshEngine) -> None:
    class Other:
        width_px = height_px = 64

    with pytest.raises(TypeError, match="Other"):
        engine.render(Other(), MotionTrack.rest(1))


def test_no_poses_give_no_frames(engine: MeshEngine, likeness: MeshLikeness) -> None:
    assert list(engine.render(likeness, MotionTrack.rest(0))) == []


@pytest.mark.parametrize("size_px", [128, 256, 360])
def test_frames_have_the_size_that_was_asked_for(
    engine: MeshEngine, portrait: Portrait, size_px: int
) -> None:
    found = engine.prepare(portrait, size_px)
    frame = draw(engine, found, pose(jawOpen=0.3))
    assert (found.width_px, found.height_px) == (size_px, size_px)
    assert frame.shape == (size_px, size_px, 3)
    assert frame.dtype == np.uint8


def test_the_rest_pose_is_the_photo(engine: MeshEngine, likeness: MeshLikeness) -> None:
    frame = draw(engine, likeness, pose()).astype(float)
    crop = likeness.mesh.crop
    window = slice(crop.rim_px, crop.rim_px + SIZE_PX)
    error = frame - crop.image[window, window]
    assert 10 * np.log10(255**2 / (error**2).mean()) > 35


def test_the_same_poses_give_the_same_bytes_in_any_order(engine: MeshEngine, likeness: MeshLikeness) -> None:
    wild = pose(jawOpen=0.6, yaw=12, speaking=1)
    calm = pose(yaw=-3, look=0.1, eyeBlinkLeft=0.5)
    first = draw(engine, likeness, calm)
    draw(engine, likeness, wild)
    assert np.array_equal(draw(engine, likeness, calm), first)
    both = MotionTrack.rest(2)
    for i, track in enumerate((wild, calm)):
        both.coeffs[i], both.rotation[i] = track.coeffs[0], track.rotation[0]
        both.gaze[i], both.extras[i] = track.gaze[0], track.extras[0]
    assert np.array_equal(list(engine.render(likeness, both))[1], first)


def test_the_jaw_opens_the_mouth_and_mouth_close_shuts_it(
    engine: MeshEngine, likeness: MeshLikeness, analyser: PortraitAnalyser
) -> None:
    def gap(track: MotionTrack) -> float:
        return ratio(find(analyser, draw(engine, likeness, track)), 13, 14)

    opened = gap(pose(speaking=1, jawOpen=0.45))
    half = gap(pose(speaking=1, jawOpen=0.2))
    closed = gap(pose(speaking=1, jawOpen=0.1, mouthClose=1, mouthPressLeft=0.5, mouthPressRight=0.5))
    assert opened > half > closed
    assert opened > 0.12
    # The landmark network itself reads 0.03 to 0.05 on a photo of closed lips.
    assert closed < 0.06


def test_rounding_narrows_and_stretching_widens(
    engine: MeshEngine, likeness: MeshLikeness, analyser: PortraitAnalyser
) -> None:
    def width(**coefficients: float) -> float:
        return ratio(find(analyser, draw(engine, likeness, pose(speaking=1, **coefficients))), 61, 291)

    neutral = width(jawOpen=0.12)
    assert width(jawOpen=0.12, mouthPucker=0.7) < 0.9 * neutral
    assert width(jawOpen=0.12, mouthStretchLeft=0.6, mouthStretchRight=0.6) > 1.03 * neutral


def test_a_blink_hides_the_eye(engine: MeshEngine, likeness: MeshLikeness) -> None:
    rest, shut = (
        draw(engine, likeness, track) for track in (pose(), pose(eyeBlinkLeft=1.0, eyeBlinkRight=1.0))
    )
    for ball in likeness.eyeballs:
        x, y = (ball.iris[:2] - likeness.mesh.crop.rim_px).astype(int)
        r = max(2, int(ball.iris_radius * 0.6))
        window = (slice(y - r, y + r), slice(x - r, x + r))
        # Skin in place of a dark iris.
        assert shut[window].mean() > rest[window].mean() + 25


def test_gaze_moves_the_iris_where_it_says(engine: MeshEngine, likeness: MeshLikeness) -> None:
    def darkest(frame: RgbImage) -> float:
        ball = likeness.eyeballs[0]
        x, y = (ball.iris[:2] - likeness.mesh.crop.rim_px).astype(int)
        r = int(2.2 * ball.iris_radius)
        weight = np.clip(120 - frame[y - 2 : y + 3, x - r : x + r + 1].mean((0, 2)), 0, None)
        return float((weight * np.arange(len(weight))).sum() / weight.sum())

    right, left = (draw(engine, likeness, pose(look=yaw)) for yaw in (0.3, -0.3))
    assert darkest(right) > darkest(left) + 1


def test_positive_yaw_turns_to_image_right_positive_pitch_up_positive_roll_clockwise(
    engine: MeshEngine, likeness: MeshLikeness, analyser: PortraitAnalyser
) -> None:
    def nose_between_ears(yaw: float) -> float:
        points = find(analyser, draw(engine, likeness, pose(yaw=yaw)))
        return float((points[1, 0] - points[234, 0]) / (points[454, 0] - points[234, 0]))

    assert nose_between_ears(10) > nose_between_ears(0) + 0.03
    assert nose_between_ears(-10) < nose_between_ears(0) - 0.03
    up, down = (find(analyser, draw(engine, likeness, pose(pitch=p))) for p in (8, -8))
    assert up[1, 1] < down[1, 1] - 2
    tilted = find(analyser, draw(engine, likeness, pose(roll=8)))
    across = tilted[263] - tilted[33]
    rest = find(analyser, draw(engine, likeness, pose()))
    before = rest[263] - rest[33]
    turned = np.degrees(np.arctan2(across[1], across[0]) - np.arctan2(before[1], before[0]))
    assert turned == pytest.approx(8, abs=2.5)


@pytest.mark.parametrize(
    "asked",
    [
        {"jawOpen": 0.5},
        {"jawOpen": 0.12, "mouthPucker": 0.7, "mouthFunnel": 0.22},
        {"jawOpen": 0.3, "mouthFunnel": 0.55},
        {"jawOpen": 0.1, "mouthClose": 1.0, "mouthPressLeft": 0.55, "mouthPressRight": 0.55},
        {"mouthRollLower": 0.75, "mouthUpperUpLeft": 0.45, "mouthUpperUpRight": 0.45},
        {"mouthSmileLeft": 0.5, "mouthSmileRight": 0.5, "browInnerUp": 0.8},
    ],
)
def test_no_visible_triangle_turns_over(likeness: MeshLikeness, asked: dict[str, float]) -> None:
    track = pose(speaking=1, **asked)
    values = likeness.controls.weights(track.coeffs[0], track.extras[0])
    skin = likeness.mesh.triangles[~likeness.mesh.is_hole]
    before = signed_area(likeness.rest[:, :2].astype(float), skin)
    moved = likeness.rest + np.einsum("k,kvd->vd", values, likeness.shapes.displacements)
    after = signed_area(moved[:, :2].astype(float), skin)
    assert after[before > 1].min() > -0.2


def test_the_background_stands_still_while_the_head_turns(engine: MeshEngine, likeness: MeshLikeness) -> None:
    rest, turned = (draw(engine, likeness, track) for track in (pose(), pose(yaw=12, pitch=5)))
    corner = (slice(0, SIZE_PX // 6), slice(0, SIZE_PX // 6))
    assert np.array_equal(rest[corner], turned[corner])


def test_wild_values_are_clamped_to_a_face(
    engine: MeshEngine, likeness: MeshLikeness, analyser: PortraitAnalyser
) -> None:
    track = pose(yaw=170, pitch=-120, jawOpen=30, look=9, speaking=50)
    track.translation[0] = 100
    frame = draw(engine, likeness, track)
    assert frame.shape == (SIZE_PX, SIZE_PX, 3)
    assert analyser.landmarks(frame) is not None
