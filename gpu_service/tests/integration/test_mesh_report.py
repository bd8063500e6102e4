"""The quality report measures what it claims to measure."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from avatar_contracts.motion import COEFFICIENT_INDEX, EXTRA_INDEX, MotionTrack
from avatar_contracts.timeline import TimedPhone
from avatar_gpu.portrait import PortraitAnalyser
from avatar_gpu.protocols import EngineContext
from avatar_gpu.render.mesh.engine import MeshEngine, MeshLikeness
from avatar_gpu.render.mesh.report import contact_sheet, key_poses, measure

ROOT = Path(__file__).parents[3]
MODELS = Path(os.environ.get("MODELS_DIR", ROOT / "models"))
PHOTO = ROOT / "assets" / "images" / "astronaut.png"

pytestmark = pytest.mark.skipif(
    not (MODELS / "mediapipe" / "face_landmark.tflite").is_file() or not PHOTO.is_file(),
    reason="models or demo photo are missing: run `make install`",
)


@pytest.fixture(scope="module")
def analyser() -> PortraitAnalyser:
    return PortraitAnalyser(MODELS)


@pytest.fixture(scope="module")
def engine() -> MeshEngine:
    return MeshEngine(EngineContext("cpu", MODELS, 1))


@pytest.fixture(scope="module")
def likeness(engine: MeshEngine, analyser: PortraitAnalyser) -> MeshLikeness:
    return engine.prepare(analyser.analyse(PHOTO.read_bytes(), "c" * 64), 256)


def syllables(*, closing: bool) -> MotionTrack:
    """One second at 25 frames: open, a /b/ from 0.4 s to 0.6 s, open again."""
    track = MotionTrack.rest(25)
    times = np.arange(25) / 25
    track.coeffs[:, COEFFICIENT_INDEX["jawOpen"]] = 0.25 + 0.2 * np.cos(2 * np.pi * 2 * times)
    if closing:
        track.coeffs[9:17, COEFFICIENT_INDEX["mouthClose"]] = 1
    track.extras[:, EXTRA_INDEX["speaking"]] = 1
    phone = TimedPhone(start=9_600, end=14_400, ipa="b")
    return MotionTrack(
        0.0,
        track.coeffs,
        track.rotation,
        track.translation,
        track.gaze,
        track.extras,
        24_000,
        (phone,),
    )


def test_an_open_mouth_during_a_bilabial_is_told(
    engine: MeshEngine, likeness: MeshLikeness, analyser: PortraitAnalyser
) -> None:
    metrics, _ = measure(engine, likeness, syllables(closing=False), analyser.landmarks)
    assert (metrics.bilabials, metrics.bilabials_closed) == (1, 0)


def test_a_face_that_cannot_be_found_is_counted_as_lost(engine: MeshEngine, likeness: MeshLikeness) -> None:
    metrics, frames = measure(engine, likeness, syllables(closing=True), lambda frame: None)
    assert metrics.faces_lost == metrics.frames == len(frames) == 25
    assert metrics.lip_gap_correlation is None
    assert metrics.rigid_shape_error is None


def test_the_demo_portrait_speaks_as_commanded(
    engine: MeshEngine, likeness: MeshLikeness, analyser: PortraitAnalyser
) -> None:
    metrics, _ = measure(engine, likeness, syllables(closing=True), analyser.landmarks)
    assert metrics.faces_lost == 0
    assert metrics.flipped_triangles == 0
    assert metrics.bilabials_closed == metrics.bilabials == 1
    assert metrics.lip_gap_correlation is not None
    assert metrics.lip_gap_correlation > 0.9
    assert metrics.rigid_shape_error is not None
    assert metrics.rigid_shape_error < 0.015


def test_the_contact_sheet_shows_every_key_pose(engine: MeshEngine, likeness: MeshLikeness) -> None:
    sheet = contact_sheet(engine, likeness)
    rows = -(-len(key_poses()) // 6)
    assert sheet.shape == (256 * rows, 256 * 6, 3)
