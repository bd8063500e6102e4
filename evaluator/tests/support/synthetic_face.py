"""Mouths, sounds and faces of known relation, for metrics that look at faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from avatar_evaluator.faces.provider import LANDMARKS
from avatar_evaluator.observation import Observation

SOUND_HZ = 16_000
FRAME_HZ = 25
_RIGHT_EYE, _LEFT_EYE = 33, 263


def speech_like(
    seed: int, seconds: float, late_ms: float = 0.0, stretch: float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """(N, 4) mouth at 25 fps and (T,) sound at 16 kHz that a jaw and a lip of random motion make together.

    The jaw sets the level of a low band, the lips' width that of a high band. The sound is ``late_ms`` late
    and runs ``stretch`` times as long.
    """
    chance = np.random.default_rng(seed)
    fine_hz = 200
    count = round((seconds + 2) * fine_hz)
    b, a = signal.butter(2, 5 / (fine_hz / 2))
    jaw, width = signal.filtfilt(b, a, chance.standard_normal((2, count)), axis=1) * 4
    fine = np.arange(count) / fine_hz - 1
    frames = np.arange(round(seconds * FRAME_HZ)) / FRAME_HZ
    moved = [np.interp(frames, fine, series) for series in (jaw, width)]
    mouth = np.column_stack(
        [0.1 + 0.03 * moved[0], 0.5 + 0.03 * moved[1], 1.2 + 0.02 * moved[0], 0.3 + 0.03 * moved[0]]
    )
    heard = (np.arange(round(seconds * SOUND_HZ)) / SOUND_HZ - late_ms / 1000) / stretch
    noise = chance.standard_normal(len(heard))
    low, high = (
        signal.sosfilt(signal.butter(4, band, "band", fs=SOUND_HZ, output="sos"), noise)
        for band in ((300, 1200), (2500, 5000))
    )
    sound = low * np.exp(np.interp(heard, fine, jaw)) + high * np.exp(np.interp(heard, fine, width))
    return mouth, (0.05 * sound).astype(np.float32)


def moving_face(mouth: NDArray[np.float64], **changes: NDArray[np.float64]) -> Observation:
    """An observation at 25 fps of a still head whose lips follow ``mouth`` (N, 4), eyes 100 px apart."""
    chance = np.random.default_rng(1)
    rest = chance.uniform(-100, 100, (LANDMARKS, 3))
    rest[_RIGHT_EYE], rest[_LEFT_EYE] = (-50, 0, 0), (50, 0, 0)
    points = np.repeat(rest[None], len(mouth), axis=0)
    for upper, lower in ((13, 14), (81, 178), (311, 402), (82, 87), (312, 317)):
        x = rest[upper, 0]
        points[:, upper] = np.column_stack(
            [np.full(len(mouth), x), np.full(len(mouth), 60.0), np.zeros(len(mouth))]
        )
        points[:, lower] = points[:, upper] + np.outer(mouth[:, 0] * 100, [0, 1, 0])
    luminance = chance.normal(120, 0.05, len(mouth))
    values = {
        "times_s": np.arange(len(mouth)) / FRAME_HZ,
        "landmarks": points + 200,
        "luminance": luminance,
        "difference": chance.uniform(0.4, 0.6, len(mouth) - 1),
        "cpbd": np.full(len(mouth) // 5, 0.3),
        "sharpness": np.full(len(mouth) // 5, 50.0),
        **changes,
    }
    return Observation(still=np.zeros((8, 8, 3), np.uint8), **values)
