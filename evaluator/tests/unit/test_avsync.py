"""The synchrony estimator finds offsets, tells own from wrong sound, and says where it cannot judge."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from synthetic_face import moving_face, speech_like
from synthetic_video import Recipe, make_video

from avatar_evaluator.avsync import model as models
from avatar_evaluator.avsync.clip import shipped_model, sync_of
from avatar_evaluator.avsync.estimate import drift_ms_per_s, estimate
from avatar_evaluator.avsync.features import Features, features, log_mel
from avatar_evaluator.avsync.model import SyncModel, fit
from avatar_evaluator.avsync.train import main
from avatar_evaluator.avsync.validate import auc, remux_shifted
from avatar_evaluator.faces.shape import without_pose
from avatar_evaluator.media import AudioStream, read_media
from avatar_evaluator.observation import Unseen

RATE = 16_000


def spoken(seed: int, seconds: float = 8.0, late_ms: float = 0.0, stretch: float = 1.0) -> Features:
    """Features of a mouth at 25 fps and of the sound it makes, ``late_ms`` too late."""
    mouth, samples = speech_like(seed, seconds, late_ms=late_ms, stretch=stretch)
    audio = AudioStream("pcm", RATE, samples[:, None], 0.0, len(samples) / RATE)
    found = features(np.arange(len(mouth)) / 25, mouth, audio)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def model() -> SyncModel:
    return fit([spoken(seed) for seed in range(6)])


def test_too_little_face_or_sound_gives_no_features() -> None:
    mouth, samples = speech_like(0, 3.0)
    audio = AudioStream("pcm", RATE, samples[:, None], 0.0, 3.0)
    times = np.arange(len(mouth)) / 25
    assert features(times, np.full_like(mouth, np.nan), audio) is None
    assert features(times + 2.5, mouth, audio) is None


def test_a_face_that_was_not_seen_or_a_missing_sound_has_a_reason() -> None:
    face = moving_face(speech_like(0, 4.0)[0])
    silent = AudioStream("pcm", RATE, np.zeros((4 * RATE, 1), np.float32), 0.0, 4.0)
    assert sync_of(Unseen("no face"), silent) == Unseen("no face")
    assert sync_of(face, None) == Unseen("the file has no sound")
    assert sync_of(face, silent) == Unseen("the sound is silent")


def test_a_frozen_mouth_is_not_scored() -> None:
    mouth, samples = speech_like(0, 4.0)
    audio = AudioStream("pcm", RATE, samples[:, None], 0.0, 4.0)
    assert sync_of(moving_face(np.repeat(mouth[:1], 100, axis=0)), audio) == Unseen("the mouth does not move")


@pytest.mark.parametrize("late_ms", [-400, -80, 0, 80, 320])
def test_a_known_shift_is_found(model: SyncModel, late_ms: float) -> None:
    found = estimate(model, spoken(50, late_ms=late_ms))
    assert found.offset_ms == pytest.approx(late_ms, abs=20)
    assert not found.out_of_range


def test_score0_falls_as_the_sound_is_shifted(model: SyncModel) -> None:
    in_time, shifted = (estimate(model, spoken(51, late_ms=late)) for late in (0, 200))
    assert in_time.score0 > shifted.score0 + 0.2
    assert in_time.score == pytest.approx(shifted.score, abs=0.1)


def test_wrong_sound_scores_lower_than_own(model: SyncModel) -> None:
    own = [spoken(seed, 5.0) for seed in range(60, 66)]
    right = [estimate(model, pair).score0 for pair in own]
    wrong = [
        estimate(model, Features(a.mouth, b.sound)).score0
        for a, b in zip(own, own[1:] + own[:1], strict=True)
    ]
    assert auc(right, wrong) == 1.0


def test_sound_that_runs_apart_shows_as_drift(model: SyncModel) -> None:
    steady = drift_ms_per_s(model, spoken(70, 12.0))
    apart = drift_ms_per_s(model, spoken(70, 12.0, stretch=1.02))
    assert steady is not None
    assert apart is not None
    assert abs(steady) < 3
    assert apart == pytest.approx(20, abs=5)
    assert drift_ms_per_s(model, spoken(70, 5.0)) is None


def test_loudness_does_not_matter(model: SyncModel) -> None:
    mouth, samples = speech_like(80, 5.0)
    times = np.arange(len(mouth)) / 25

    def score(gain: float) -> float:
        audio = AudioStream("pcm", RATE, samples[:, None] * np.float32(gain), 0.0, 5.0)
        found = features(times, mouth, audio)
        assert found is not None
        return estimate(model, found).score0

    assert score(0.1) == pytest.approx(score(1.0), abs=0.01)


def test_a_tone_lights_up_the_band_that_holds_it() -> None:
    """1 kHz is 1000 mel; 24 triangles between 80 Hz (121 mel) and 7.6 kHz (2787 mel) put it at the ninth."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    assert int(np.argmax(log_mel(tone)[50])) == round((1000 - 121.5) / ((2787 - 121.5) / 25)) - 1


def test_a_model_survives_being_stored(tmp_path: Path, model: SyncModel) -> None:
    models.save(model, tmp_path / "model.npz")
    pair = spoken(90)
    assert np.allclose(models.load(tmp_path / "model.npz").curve(pair), model.curve(pair), atol=1e-4)


def test_the_model_that_comes_along_is_small_and_whole() -> None:
    path = Path(models.__file__).parent / "model.npz"
    shipped = shipped_model()
    assert path.stat().st_size < 8_000
    assert shipped.mouth.shape == (20, 5)
    assert shipped.sound.shape == (264, 5)
    assert (np.diff(shipped.correlations) <= 0).all()
    assert shipped.correlations[0] > 0.5


def test_turning_and_scaling_the_head_does_not_move_the_mouth() -> None:
    face = moving_face(speech_like(0, 2.0)[0])
    angle = 0.3 * np.sin(np.arange(len(face.times_s)) / 9)
    zero, one = np.zeros_like(angle), np.ones_like(angle)
    turn = np.array(
        [[np.cos(angle), zero, np.sin(angle)], [zero, one, zero], [-np.sin(angle), zero, np.cos(angle)]]
    )
    size = 1 + 0.1 * np.cos(np.arange(len(angle)) / 7)
    moved: NDArray[np.float64] = np.einsum("nkc,cdn->nkd", face.landmarks, turn) * size[:, None, None] + 5.0
    still, turned = without_pose(face.landmarks), without_pose(moved)
    gap_still = np.linalg.norm(still[:, 13] - still[:, 14], axis=1)
    gap_turned = np.linalg.norm(turned[:, 13] - turned[:, 14], axis=1)
    assert np.corrcoef(gap_still, gap_turned)[0, 1] > 0.999


def begins_s(path: Path) -> float:
    """When the tone is first heard, on the container's clock."""
    audio = read_media(path).audio
    assert audio is not None
    loud = np.abs(audio.samples[:, 0]) > 0.05
    return audio.start_s + int(np.argmax(loud)) / audio.sample_rate_hz


@pytest.mark.parametrize("shift_ms", [-400, 160])
def test_a_remuxed_shift_is_in_the_file(tmp_path: Path, shift_ms: int) -> None:
    source, target = tmp_path / "a.mp4", tmp_path / "b.mkv"
    source.write_bytes(make_video(Recipe()))
    remux_shifted(source, target, shift_ms)
    assert begins_s(target) - 1.0 == pytest.approx(begins_s(source) + shift_ms / 1000, abs=0.003)
    with av.open(str(target)) as container:
        assert next(container.decode(video=0)).time == pytest.approx(1.0, abs=0.001)


def test_the_trainer_names_what_is_missing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"")
    assert main([str(clip), "--models", str(tmp_path)]) == 2
    assert "MODELS_DIR" in caplog.text
