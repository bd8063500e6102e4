"""Emotions as poses that are added to speech. None opens the lips: silence keeps the mouth closed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_contracts.motion import COEFFICIENT_INDEX, COEFFICIENTS
from avatar_contracts.speech import Emotion

_POSES: dict[Emotion, dict[str, float]] = {
    "neutral": {},
    "happy": {
        "mouthSmile": 0.42,
        "mouthDimple": 0.12,
        "cheekSquint": 0.30,
        "eyeSquint": 0.14,
        "browOuterUp": 0.08,
        "browInnerUp": 0.06,
    },
    "serious": {"browDown": 0.20, "eyeSquint": 0.10, "mouthPress": 0.10, "mouthFrown": 0.05},
    "sad": {
        "browInnerUp": 0.55,
        "browDown": 0.08,
        "mouthFrown": 0.38,
        "mouthShrugLower": 0.15,
        "eyeBlink": 0.10,
    },
    "surprised": {"browInnerUp": 0.55, "browOuterUp": 0.55, "eyeWide": 0.50},
    "angry": {"browDown": 0.60, "eyeSquint": 0.28, "noseSneer": 0.22, "mouthPress": 0.15, "mouthFrown": 0.12},
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
