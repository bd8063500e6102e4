"""The whole photo as the picture: its own shape, one moving square, no seam."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avatar_contracts.motion import COEFFICIENT_INDEX, EXTRA_INDEX, MotionTrack
from avatar_gpu.media.h264 import H264Encoder
from avatar_gpu.portrait import PortraitAnalyser
from avatar_gpu.protocols import EngineContext, Portrait, RgbImage
from avatar_gpu.render.mesh.canvas import canvas_size
from avatar_gpu.render.mesh.engine import MeshEngine, MeshLikeness

ROOT = Path(__file__).parents[3]
MODELS = Path(os.environ.get("MODELS_DIR", ROOT / "models"))
PHOTO = ROOT / "assets" / "images" / "astronaut.png"

pytestmark = pytest.mark.skipif(
    not (MODELS / "mediapipe" / "face_landmark.tflite").is_file() or not PHOTO.is_file(),
    reason="models or demo photo are missing: run `make install`",
)


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    """The astronaut in a wide photo, 1920 × 1080, left of the middle."""
    with Image.open(PHOTO) as opened:
        person = opened.convert("RGB").resize((1080, 1080), Image.Resampling.BICUBIC)
    wide = np.asarray(person.resize((1920, 1080), box=(0, 0, 40, 22.5))).copy()
    wide[:, 300:1380] = np.asarray(person)
    file = io.BytesIO()
    Image.fromarray(wide).save(file, "PNG")
    return PortraitAnalyser(MODELS).analyse(file.getvalue(), "c" * 64)


@pytest.fixture(scope="module")
def engine() -> MeshEngine:
    return MeshEngine(EngineContext("cpu", MODELS, 1))


@pytest.fixture(scope="module")
def likeness(engine: MeshEngine, portrait: Portrait) -> MeshLikeness:
    return engine.prepare(portrait, framing="full")


def one(engine: MeshEngine, likeness: MeshLikeness, track: MotionTrack) -> RgbImage:
    (frame,) = engine.render(likeness, track)
    return frame


def moved() -> MotionTrack:
    track = MotionTrack.rest(1)
    track.coeffs[0, COEFFICIENT_INDEX["jawOpen"]] = 0.5
    track.rotation[0] = np.radians([12, 8, 6])
    track.translation[0] = 0.1
    track.extras[0, [EXTRA_INDEX["speaking"], EXTRA_INDEX["breath"]]] = 1
    return track


@pytest.mark.parametrize(
    ("photo", "size_px", "picture"),
    [
        ((1920, 1080), None, (1920, 1080)),
        ((1080, 1920), None, (1080, 1920)),
        ((641, 481), None, (640, 480)),
        ((4000, 3000), None, (1440, 1080)),
        ((3000, 1000), None, (1920, 640)),
        ((1600, 900), 720, (1280, 720)),
        ((600, 800), 1080, (1080, 1440)),
        ((100, 60), None, (212, 128)),
    ],
)
def test_the_picture_has_the_photos_shape_and_even_sides(
    photo: tuple[int, int], size_px: int | None, picture: tuple[int, int]
) -> None:
    assert canvas_size(*photo, size_px) == picture


def test_a_wide_photo_keeps_its_size_and_its_pixels_at_rest(
    engine: MeshEngine, likeness: MeshLikeness, portrait: Portrait
) -> None:
    frame = one(engine, likeness, MotionTrack.rest(1))
    assert (likeness.width_px, likeness.height_px) == (1920, 1080)
    assert frame.shape == (1080, 1920, 3)
    error = frame.astype(float) - portrait.image
    assert 10 * np.log10(255**2 / (error**2).mean()) > 38


@pytest.mark.parametrize("with_matte", [True, False])
def test_nothing_outside_the_square_moves_and_its_border_shows_no_seam(
    engine: MeshEngine, portrait: Portrait, with_matte: bool
) -> None:
    shown = portrait if with_matte else replace(portrait, matte=None)
    likeness = engine.prepare(shown, framing="full")
    canvas = likeness.canvas
    assert canvas is not None
    frame = one(engine, likeness, moved()).astype(int)
    changed = np.abs(frame - portrait.image).max(-1)
    side = likeness.mesh.crop.size_px
    square = (slice(canvas.top, canvas.top + side), slice(canvas.left, canvas.left + side))
    assert np.percentile(changed[square], 90) > 20
    border = np.concatenate([changed[square][:, 0], changed[square][:, -1]])
    assert border.max() <= 3
    changed[square] = 0
    assert not changed.any()


def test_the_head_moves_as_in_a_picture_of_the_head(engine: MeshEngine, likeness: MeshLikeness) -> None:
    rest, turned = one(engine, likeness, MotionTrack.rest(1)), one(engine, likeness, moved())
    again = one(engine, likeness, MotionTrack.rest(1))
    assert np.array_equal(rest, again)
    assert rest is not again
    assert np.abs(turned.astype(int) - rest).mean() > 0.5


def test_wide_frames_are_encoded(engine: MeshEngine, likeness: MeshLikeness) -> None:
    encoder = H264Encoder(likeness.width_px, likeness.height_px, Fraction(30_000, 1001))
    frames = engine.render(likeness, MotionTrack.rest(3))
    pictures = [picture for frame in frames for picture in encoder.encode(frame)]
    pictures += list(encoder.flush())
    assert [picture.pts for picture in pictures] == [0, 1, 2]
