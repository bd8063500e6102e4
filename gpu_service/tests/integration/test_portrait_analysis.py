"""The four networks on a public-domain photograph: what is refused, and that the landmarks are sane."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from avatar_contracts.problems import EngineUnavailable, FaceTooSmall, ImageUnreadable, NoFace, SeveralFaces
from avatar_gpu.portrait import PortraitAnalyser
from avatar_gpu.portrait import topology as face

ROOT = Path(__file__).parents[3]
MODELS = Path(os.environ.get("MODELS_DIR", ROOT / "models"))
PHOTO = ROOT / "assets" / "images" / "astronaut.png"
SHA = "a" * 64

pytestmark = pytest.mark.skipif(
    not (MODELS / "mediapipe" / "face_landmark.tflite").is_file() or not PHOTO.is_file(),
    reason="models or demo photo are missing: run `make install`",
)


@pytest.fixture(scope="module")
def analyser() -> PortraitAnalyser:
    return PortraitAnalyser(MODELS)


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return Image.open(PHOTO).convert("RGB")


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_missing_models_name_the_command_that_fetches_them(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="make install"):
        PortraitAnalyser(tmp_path)


def test_a_damaged_model_names_the_command_that_fetches_it(tmp_path: Path) -> None:
    folder = tmp_path / "mediapipe"
    folder.mkdir()
    for file in (MODELS / "mediapipe").glob("*.tflite"):
        (folder / file.name).write_bytes(file.read_bytes()[:1000])
    with pytest.raises(EngineUnavailable, match="damaged"):
        PortraitAnalyser(tmp_path)


def test_text_is_no_portrait(analyser: PortraitAnalyser) -> None:
    with pytest.raises(ImageUnreadable):
        analyser.analyse(b"Dear Sir or Madam,", SHA)


def test_an_empty_scene_has_no_face(analyser: PortraitAnalyser) -> None:
    y, x = np.mgrid[0:300, 0:400]
    scene = np.stack([x * 255 // 400, y * 255 // 300, (x + y) % 256], -1).astype(np.uint8)
    with pytest.raises(NoFace):
        analyser.analyse(png(Image.fromarray(scene)), SHA)


def test_noise_has_no_face(analyser: PortraitAnalyser) -> None:
    noise = np.random.default_rng(5).integers(0, 255, (256, 256, 3), np.uint8)
    with pytest.raises(NoFace):
        analyser.analyse(png(Image.fromarray(noise)), SHA)


def test_two_people_are_counted(analyser: PortraitAnalyser, photo: Image.Image) -> None:
    pair = Image.new("RGB", (photo.width * 2, photo.height))
    pair.paste(photo, (0, 0))
    pair.paste(ImageOps.mirror(photo), (photo.width, 0))
    with pytest.raises(SeveralFaces, match="2 faces") as refusal:
        analyser.analyse(png(pair), SHA)
    assert refusal.value.extensions == {"faces": 2}
    chosen = analyser.analyse(png(pair), SHA, pick_largest=True).summary
    assert chosen.width_px == pair.width
    assert "several-faces" in [warning.code for warning in chosen.warnings]


def test_a_tiny_face_is_refused_and_a_small_one_warned_about(
    analyser: PortraitAnalyser, photo: Image.Image
) -> None:
    tiny = photo.resize((160, 160), Image.Resampling.LANCZOS)
    with pytest.raises(FaceTooSmall, match="24"):
        analyser.analyse(png(tiny), SHA)
    assert [w.code for w in analyser.analyse(png(photo), SHA).summary.warnings] == ["face-small"]


def test_the_landmarks_lie_on_the_face(analyser: PortraitAnalyser, photo: Image.Image) -> None:
    portrait = analyser.analyse(png(photo), SHA)
    points, summary = portrait.landmarks, portrait.summary
    assert points.shape == (face.LANDMARKS, 3)
    # Positions read off the photograph by eye, pixels.
    for landmark, x, y in (
        (face.RIGHT_IRIS, 204, 101),
        (face.LEFT_IRIS, 246, 103),
        (face.NOSE_TIP, 223, 131),
    ):
        assert np.hypot(points[landmark, 0] - x, points[landmark, 1] - y) < 6
    assert points[face.CHIN, 1] > points[14, 1] > points[13, 1] > points[face.NOSE_TIP, 1]
    assert 50 < summary.interocular_px < 70
    assert abs(summary.pose.yaw_deg) < 8
    assert abs(summary.pose.roll_deg) < 8
    assert portrait.matte is not None
    assert portrait.matte[120, 225] > 0.9
    assert portrait.matte[20, 400] < 0.1


def test_the_mirrored_photo_gives_mirrored_landmarks(analyser: PortraitAnalyser, photo: Image.Image) -> None:
    plain = analyser.analyse(png(photo), SHA)
    mirrored = analyser.analyse(png(ImageOps.mirror(photo)), SHA)
    tolerance = 0.06 * plain.summary.interocular_px
    for left, right in (
        (33, 263),
        (133, 362),
        (61, 291),
        (468, 473),
        (10, 10),
        (152, 152),
        (1, 1),
        (78, 308),
    ):
        expected = np.array([photo.width - plain.landmarks[left, 0], plain.landmarks[left, 1]])
        assert np.hypot(*(mirrored.landmarks[right, :2] - expected)) < tolerance
    assert mirrored.summary.pose.yaw_deg == pytest.approx(-plain.summary.pose.yaw_deg, abs=3)
    assert mirrored.summary.pose.roll_deg == pytest.approx(-plain.summary.pose.roll_deg, abs=2)


def test_a_turned_photo_is_found_and_its_roll_is_told(analyser: PortraitAnalyser, photo: Image.Image) -> None:
    tilted = photo.rotate(-20, resample=Image.Resampling.BICUBIC)
    upright_roll = analyser.analyse(png(photo), SHA).summary.pose.roll_deg
    assert analyser.analyse(png(tilted), SHA).summary.pose.roll_deg == pytest.approx(upright_roll + 20, abs=3)


def test_threads_share_an_analyser(analyser: PortraitAnalyser, photo: Image.Image) -> None:
    data = png(photo)
    alone = analyser.analyse(data, SHA)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: analyser.analyse(data, SHA), range(4)))
    for portrait in together:
        assert np.array_equal(portrait.landmarks, alone.landmarks)
