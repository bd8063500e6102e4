"""The process that changes voices: ``python -m avatar_gpu.speech.espeak.conversion_worker``.

pyworld holds the GIL while it works; in a process of its own it never delays a rendered frame.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from avatar_gpu.speech.wire import serve
from avatar_gpu.voice import conversion, world
from avatar_gpu.voice.loudness import block_powers
from avatar_gpu.voice.timbre import Shape, Timbre, measure, timbre_from_bytes

KEEP_VOICES = 8


class VoiceAbsent(Exception):
    """The parent must send this voice first (``hold``)."""


class Converter:
    """The operations, with the last few voices kept."""

    def __init__(self) -> None:
        self._voices: dict[str, Timbre] = {}

    def hold(self, key: str, timbre: bytes) -> None:
        """Keeps a voice under ``key``; the oldest goes."""
        self._voices.pop(key, None)
        self._voices[key] = timbre_from_bytes(timbre)
        while len(self._voices) > KEEP_VOICES:
            del self._voices[next(iter(self._voices))]

    def enrol(self, samples: bytes) -> bytes:
        """The saved ``Timbre`` of a recording: float32 at 24 kHz."""
        frames = world.analyse(np.frombuffer(samples, np.float32), careful=True)
        return measure(frames).to_bytes()

    def describe_source(self, pcm: bytes, sample_rate_hz: int) -> bytes:
        """The saved ``Timbre`` of the base voice from 16-bit ``pcm``."""
        samples = conversion.to_work_rate(np.frombuffer(pcm, np.int16), sample_rate_hz)
        return conversion.source_timbre(samples).to_bytes()

    def convert(
        self,
        pcm: bytes,
        sample_rate_hz: int,
        source: str,
        target: str,
        frication: list[list[int]],
        likeness: float,
    ) -> dict[str, Any]:
        """``pcm`` in the enrolled voice ``target``."""
        samples = conversion.to_work_rate(np.frombuffer(pcm, np.int16), sample_rate_hz)
        return _answer(
            conversion.convert(samples, self._voice(source), self._voice(target), _spans(frication), likeness)
        )

    def reshape(
        self,
        pcm: bytes,
        sample_rate_hz: int,
        source: str,
        shape: dict[str, float],
        frication: list[list[int]],
    ) -> dict[str, Any]:
        """``pcm`` in a built-in voice."""
        samples = conversion.to_work_rate(np.frombuffer(pcm, np.int16), sample_rate_hz)
        return _answer(conversion.reshape(samples, self._voice(source), Shape(**shape), _spans(frication)))

    def warm(self) -> None:
        """Imports are done by now; runs WORLD once, so that its tables exist."""
        times = np.arange(world.SAMPLE_RATE_HZ // 2) / world.SAMPLE_RATE_HZ
        buzz = (0.1 * np.sign(np.sin(2 * np.pi * 120 * times))).astype(np.float32)
        timbre = measure(world.analyse(buzz, careful=False))
        conversion.convert(buzz, timbre, timbre, [], 0.5)

    def _voice(self, key: str) -> Timbre:
        if key not in self._voices:
            raise VoiceAbsent(key)
        return self._voices[key]


def _spans(frication: list[list[int]]) -> list[conversion.Span]:
    return [(start, end) for start, end in frication]


def _answer(samples: np.ndarray[Any, np.dtype[np.float32]]) -> dict[str, Any]:
    powers = block_powers(samples, world.SAMPLE_RATE_HZ)
    return {"samples": samples.astype(np.float32).tobytes(), "powers": powers.tobytes()}


def main() -> None:
    """Serves until the parent closes the pipe."""
    converter = Converter()
    serve(
        {
            "hold": converter.hold,
            "enrol": converter.enrol,
            "describe_source": converter.describe_source,
            "convert": converter.convert,
            "reshape": converter.reshape,
            "warm": converter.warm,
        }
    )


if __name__ == "__main__":
    main()
