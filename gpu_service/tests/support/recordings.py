"""Recordings that tests make."""

from __future__ import annotations

import io
import wave

import numpy as np


def babble(seconds: float, seed: int = 0) -> bytes:
    """A WAV that counts as speech: a buzz with formants, switched on and off like syllables."""
    rate = 16_000
    t = np.arange(int(seconds * rate)) / rate
    pitch = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * t + seed)) / rate
    buzz = sum(np.sin(k * pitch) / k for k in range(1, 25))
    syllables = np.clip(np.sin(2 * np.pi * 2.2 * t) * 4, 0, 1)
    noise = np.random.default_rng(seed).normal(0, 1e-4, len(t))
    pcm = (np.clip(0.2 * buzz * syllables + noise, -1, 1) * 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.tobytes())
    return buffer.getvalue()
