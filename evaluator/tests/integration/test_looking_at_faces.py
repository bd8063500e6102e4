"""Real networks on real and faceless pictures; skipped where the networks are not installed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from synthetic_video import Recipe, make_video

from avatar_evaluator.cli import main
from avatar_evaluator.faces.chosen import Onlooker
from avatar_evaluator.faces.mesh import MeshTracker
from avatar_evaluator.faces.provider import LandmarksUnavailable
from avatar_evaluator.media import MediaUnreadable, read_media
from avatar_evaluator.metrics import score_all
from avatar_evaluator.observation import Observation, Unseen
from avatar_evaluator.recording import Recording

ROOT = Path(__file__).parents[3]
MODELS = ROOT / "models"
PORTRAIT = ROOT / "assets" / "images" / "astronaut.png"
CLIPS = os.environ.get("TALKING_CLIPS", "")

needs_networks = pytest.mark.skipif(
    not (MODELS / "mediapipe" / "face_landmark.tflite").is_file(),
    reason="`make install` fetches the networks",
)
needs_portrait = pytest.mark.skipif(not PORTRAIT.is_file(), reason="`make install` fetches the portrait")
needs_clips = pytest.mark.skipif(not CLIPS, reason="TALKING_CLIPS names a folder of GRID clips")


def test_missing_networks_are_a_reason_in_the_scores_not_a_crash(tmp_path: Path) -> None:
    with pytest.raises(LandmarksUnavailable, match="make install"):
        MeshTracker(tmp_path)
    path = tmp_path / "video.mp4"
    path.write_bytes(make_video(Recipe()))
    scores = score_all(Recording(path, read_media(path), face=Onlooker(tmp_path)(path)))
    assert scores["sync.score0"].status == "not_scored"
    assert "make install" in str(scores["sync.score0"].reason)


@needs_networks
def test_a_damaged_network_is_named(tmp_path: Path) -> None:
    (tmp_path / "mediapipe").mkdir()
    (tmp_path / "mediapipe" / "face_detection_short_range.tflite").write_bytes(b"no network" * 100)
    with pytest.raises(LandmarksUnavailable, match="damaged"):
        MeshTracker(tmp_path)


@needs_networks
def test_a_video_without_a_face_or_without_a_picture_says_so(tmp_path: Path) -> None:
    look = Onlooker(MODELS)
    path = tmp_path / "video.mp4"
    path.write_bytes(make_video(Recipe(seconds=0.4, audio=False)))
    assert look(path) == Unseen("a face is seen in 0% of 10 frames")
    path.write_bytes(make_video(Recipe(video=False)))
    assert look(path) == Unseen("video.mp4 has no picture")
    path.write_bytes(b"nothing")
    assert look(path) == Unseen("video.mp4 cannot be read as a video")
    with pytest.raises(MediaUnreadable):
        look.photo(path)


@needs_networks
@needs_portrait
def test_the_portrait_shows_a_face_with_the_eyes_where_they_are() -> None:
    seen = Onlooker(MODELS).photo(PORTRAIT)
    assert isinstance(seen, Observation)
    eyes = seen.landmarks[0, [33, 263], :2]
    assert seen.interocular_px() == pytest.approx(60, abs=15)
    assert (np.abs(eyes.mean(axis=0) - [222, 112]) < 15).all()
    assert float(np.nanmax(seen.difference)) == 0.0


@needs_networks
@needs_clips
def test_a_real_clip_is_in_time() -> None:
    path = next(iter(sorted(Path(CLIPS).glob("grid_*"))))
    scores = score_all(Recording(path, read_media(path), face=Onlooker(MODELS)(path)))
    assert isinstance(offset := scores["sync.offset"].value, float)
    assert abs(offset) < 40


def test_the_command_spoils_a_video_and_says_what_was_caught(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(make_video(Recipe()))
    assert main(["controls", str(path), "--models", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "caught" in shown
    assert "skipped" in shown


def test_a_reference_that_is_missing_stops_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(make_video(Recipe()))
    assert main(["score", str(path), "--models", str(tmp_path), "--reference", str(tmp_path / "no.wav")]) == 2
    assert "no.wav" in capsys.readouterr().err
