"""What the motion engine commands is what a face detector sees in the rendered portrait."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from avatar_contracts.motion import COEFFICIENT_INDEX, MotionTrack
from avatar_contracts.performance import MotionOptions
from avatar_contracts.timeline import TimedPhone
from avatar_gpu.motion.phonetic import PhoneticEngine
from avatar_gpu.motion.tracks import concatenated
from avatar_gpu.portrait.analyse import PortraitAnalyser
from avatar_gpu.protocols import EngineContext, SpeechClip
from avatar_gpu.render.mesh.engine import MeshEngine

ROOT = Path(__file__).parents[3]
PHOTO = ROOT / "assets" / "images" / "astronaut.png"
MODELS = ROOT / "models"
RATE, FPS = 24_000, 25
# "My baby, a map, papa."
PHONES = (
    *(("m", 85), ("aɪ", 150), ("b", 75), ("eɪ", 150), ("b", 70), ("i", 100), ("", 90), ("ə", 70)),
    *(("m", 85), ("æ", 160), ("p", 95), ("", 120), ("p", 90), ("ɑ", 170), ("p", 90), ("ɑ", 200), ("", 220)),
)
UPPER_LIP, LOWER_LIP, LEFT_CORNER, RIGHT_CORNER = 13, 14, 263, 33


def clip_of(phones: tuple[tuple[str, int], ...]) -> SpeechClip:
    noise = np.random.default_rng(5)
    timed, pieces, position = [], [], 0
    for ipa, length_ms in phones:
        samples = length_ms * RATE // 1000
        timed.append(
            TimedPhone(start=position, end=position + samples, ipa=ipa, stress=2 if "ɑ" in ipa else 0)
        )
        pieces.append(noise.standard_normal(samples) * (0.1 if ipa else 0.0))
        position += samples
    return SpeechClip(np.concatenate(pieces).astype(np.float32), tuple(timed), (), 0, 1)


@pytest.fixture(scope="module")
def seen() -> tuple[MotionTrack, NDArray[np.float64], NDArray[np.float64]]:
    """The track, the frames' times and the lip gap that was found in each, in eye distances."""
    if not PHOTO.exists() or not (MODELS / "mediapipe").is_dir():
        pytest.skip("the demo portrait or the landmark models are not installed: make install")
    context = EngineContext("cpu", MODELS, 1)
    session = PhoneticEngine(context).start(MotionOptions(seed=2, head_motion=0.3), RATE)
    lead, tail = clip_of((("", 300),)), clip_of((("", 400),))
    parts = [session.feed(c, last=c is tail) for c in (lead, clip_of(PHONES), tail)]
    track = concatenated(parts)
    times_s = np.arange(int((track.size - 1) / 100 * FPS)) / FPS
    analyser, mesh = PortraitAnalyser(MODELS), MeshEngine(context)
    likeness = mesh.prepare(analyser.analyse(PHOTO.read_bytes(), "0" * 64), 360)
    gaps = []
    for frame in mesh.render(likeness, track.at(times_s)):
        _, png = cv2.imencode(".png", frame[:, :, ::-1])
        points = analyser.analyse(png.tobytes(), "0" * 64).landmarks
        eyes = np.linalg.norm(points[LEFT_CORNER, :2] - points[RIGHT_CORNER, :2])
        gaps.append(np.linalg.norm(points[LOWER_LIP, :2] - points[UPPER_LIP, :2]) / eyes)
    return track, times_s, np.array(gaps)


def test_every_bilabial_is_seen_closed(
    seen: tuple[MotionTrack, NDArray[np.float64], NDArray[np.float64]],
) -> None:
    track, times_s, gaps = seen
    wide = np.percentile(gaps, 98)
    for phone in track.phones:
        if phone.ipa in {"p", "b", "m"}:
            near = (times_s > phone.start / RATE - 0.06) & (times_s < phone.end / RATE + 0.03)
            assert gaps[near].min() < 0.2 * wide, f"{phone.ipa} at {phone.start / RATE:.2f} s"


def test_open_vowels_are_seen_open(
    seen: tuple[MotionTrack, NDArray[np.float64], NDArray[np.float64]],
) -> None:
    track, times_s, gaps = seen
    for phone in track.phones:
        if phone.ipa in {"ɑ", "æ"}:
            inside = (times_s > phone.start / RATE) & (times_s < phone.end / RATE)
            assert gaps[inside].max() > 0.08


def test_the_seen_gap_follows_the_commanded_gap(
    seen: tuple[MotionTrack, NDArray[np.float64], NDArray[np.float64]],
) -> None:
    track, times_s, gaps = seen
    poses = track.at(times_s)
    jaw, close = (poses.coeffs[:, COEFFICIENT_INDEX[name]] for name in ("jawOpen", "mouthClose"))
    speaking = (times_s > 0.3) & (times_s < times_s[-1] - 0.45)
    assert np.corrcoef((jaw * (1 - close))[speaking], gaps[speaking])[0, 1] > 0.85
