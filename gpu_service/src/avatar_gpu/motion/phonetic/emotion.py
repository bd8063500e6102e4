"""Emotions as poses that are added to speech. None opens the lips: silence keeps the mouth closed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_contracts.motion import COEFFICIENT_INDEX, COEFFICIENTS
from avatar_contracts.speech import Emotion

_POSES: dict[Emotion, dict[str, float]] = {
    "neutral": {},
    "happy": {
        "mouthSmile": 0.48,
        "mouthDimple": 0.15,
        "cheekSquint": 0.40,
        "eyeSquint": 0.20,
        "browOuterUp": 0.12,
        "browInnerUp": 0.08,
    },
    "serious": {"browDown": 0.32, "eyeSquint": 0.15, "mouthPress": 0.15, "mouthFrown": 0.20},
    "sad": {
        "browInnerUp": 0.75,
        "browDown": 0.10,
        "mouthFrown": 0.60,
        "mouthShrugLower": 0.20,
        "eyeBlink": 0.14,
    },
    "surprised": {"browInnerUp": 0.70, "browOuterUp": 0.70, "eyeWide": 0.60},
    "angry": {
        "browDown": 0.85,
        "eyeSquint": 0.35,
        "noseSneer": 0.30,
        "mouthPress": 0.20,
        "mouthFrown": 0.28,
    },
}
_HEAD_PITCH_DEG: dict[Emotion, float] = {"sad": -2.5, "surprised": 1.0, "angry": -1.5}


def emotion_pose(emotion: Emotion, intensity: float) -> NDArray[np.float64]:
    """(52,) coefficients to add; names without a side move both sides."""
    pose = np.zeros(len(COEFFICIENTS))
    for name, value in _POSES[emotion].items():
        for full in (name, f"{name}Left", f"{name}Right"):
            if full in COEFFICIENT_INDEX:
                pose[COEFFICIENT_INDEX[full]] += value * intensity
    return pose


def emotion_pitch(emotion: Emotion, intensity: float) -> float:
    """Radians by which the emotion raises (positive) or lowers the head."""
    return _HEAD_PITCH_DEG.get(emotion, 0.0) * intensity * float(np.pi) / 180
