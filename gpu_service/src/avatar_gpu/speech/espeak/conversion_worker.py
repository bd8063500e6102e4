"""The process that changes voices: ``python -m avatar_gpu.speech.espeak.conversion_worker``.

pyworld holds the GIL while it works; in a process of its own it never delays a rendered frame.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from avatar_gpu.speech.wire import serve
from avatar_gpu.voice import exemplars, shaping, world
from avatar_gpu.voice.analysis import pitch_track, speech_activity
from avatar_gpu.voice.loudness import block_powers
from avatar_gpu.voice.pitch import PitchStats, measure_pitch

KEEP_VOICES = 4
"""Each takes about 25 MB."""
MAX_SPEECH_S = 30.0
"""As much speech of a recording as is learnt from; the search costs in proportion."""
MARGIN_S = 0.06


class VoiceAbsent(Exception):
    """The parent must send this voice first (``hold``)."""


class Converter:
    """The operations, with the last few voices kept."""

    def __init__(self) -> None:
        self._voices: dict[str, exemplars.ExemplarVoice] = {}

    def hold(self, key: str, voice: bytes) -> None:
        """Keeps a voice under ``key``; the oldest goes."""
        self._voices.pop(key, None)
        self._voices[key] = exemplars.exemplars_from_bytes(voice)
        while len(self._voices) > KEEP_VOICES:
            del self._voices[next(iter(self._voices))]

    def median_hz(self, samples: bytes) -> float:
        """The pitch of a recording (float32, 24 kHz), 0 where nothing is voiced."""
        f0 = pitch_track(np.frombuffer(samples, np.float32))
        voiced = f0[f0 > 0]
        return float(np.median(voiced)) if len(voiced) else 0.0

    def learn(
        self,
        samples: bytes,
        pitch: int,
        language: str,
        bank: list[dict[str, Any]],
        spoken: list[dict[str, Any]],
    ) -> bytes:
        """The saved voice of a recording (float32, 24 kHz); see ``exemplars.learn``.

        bank: utterances of the base voice, each with ``pcm``, ``sample_rate_hz``. spoken: likewise, what the
            recording says; [] where that is not known. A recording whose speech is cut at ``MAX_SPEECH_S``
            is compared without it, for nothing tells where in the text the cut is.
        """
        speech = _speech_only(np.frombuffer(samples, np.float32))
        frames = world.analyse(_joined(bank), careful=False)
        whole = len(speech) < round(MAX_SPEECH_S * world.SAMPLE_RATE_HZ)
        text = world.analyse(_speech_only(_joined(spoken)), careful=False) if spoken and whole else None
        return exemplars.learn(speech, pitch, language, frames, text).to_bytes()

    def base_pitch(self, pcm: bytes, sample_rate_hz: int) -> tuple[float, float]:
        """Median and deviation of the base voice's log F0 from 16-bit ``pcm``."""
        samples = shaping.to_work_rate(np.frombuffer(pcm, np.int16), sample_rate_hz)
        stats = measure_pitch(world.analyse(samples, careful=False))
        return stats.median, stats.deviation

    def convert(
        self,
        pcm: bytes,
        sample_rate_hz: int,
        base: tuple[float, float],
        voice: str,
        likeness: float,
    ) -> dict[str, Any]:
        """``pcm`` in the enrolled voice under the key ``voice``."""
        if voice not in self._voices:
            raise VoiceAbsent(voice)
        samples = shaping.to_work_rate(np.frombuffer(pcm, np.int16), sample_rate_hz)
        return _answer(exemplars.speak(samples, self._voices[voice], PitchStats(*base), likeness))

    def reshape(
        self,
        pcm: bytes,
        sample_rate_hz: int,
        base: tuple[float, float],
        shape: dict[str, float],
        frication: list[list[int]],
    ) -> dict[str, Any]:
        """``pcm`` in a built-in voice."""
        samples = shaping.to_work_rate(np.frombuffer(pcm, np.int16), sample_rate_hz)
        spans = [(start, end) for start, end in frication]
        return _answer(shaping.reshape(samples, PitchStats(*base), shaping.Shape(**shape), spans))

    def warm(self) -> None:
        """Imports are done by now; runs WORLD and the resampler once, so that their tables exist."""
        times = np.arange(world.SAMPLE_RATE_HZ // 2) / world.SAMPLE_RATE_HZ
        buzz = (0.1 * np.sign(np.sin(2 * np.pi * 120 * times))).astype(np.float32)
        base = measure_pitch(world.analyse(soxr.resample(buzz, 22_050, 24_000), careful=False))
        shaping.reshape(buzz, base, shaping.Shape(120.0, 1.0, 1.0, 0.0, 0.1), [])


def _speech_only(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The stretches of speech with a little room around each, joined, up to ``MAX_SPEECH_S``."""
    activity = speech_activity(samples)
    hop = world.SAMPLE_RATE_HZ // 100
    kept = exemplars.near(activity.speech, round(MARGIN_S * 100))
    mask = np.zeros(len(samples), bool)
    mask[: len(kept) * hop] = np.repeat(kept, hop)[: len(samples)]
    return samples[mask][: round(MAX_SPEECH_S * world.SAMPLE_RATE_HZ)]


def _joined(utterances: list[dict[str, Any]]) -> NDArray[np.float32]:
    """The utterances one after the other."""
    pieces = [
        shaping.to_work_rate(np.frombuffer(utterance["pcm"], np.int16), utterance["sample_rate_hz"])
        for utterance in utterances
    ]
    return np.concatenate(pieces)


def _answer(samples: NDArray[np.float32]) -> dict[str, Any]:
    powers = block_powers(samples, world.SAMPLE_RATE_HZ)
    return {"samples": samples.astype(np.float32).tobytes(), "powers": powers.tobytes()}


def main() -> None:
    """Serves until the parent closes the pipe."""
    converter = Converter()
    serve(
        {
            "hold": converter.hold,
            "median_hz": converter.median_hz,
            "learn": converter.learn,
            "base_pitch": converter.base_pitch,
            "convert": converter.convert,
            "reshape": converter.reshape,
            "warm": converter.warm,
        }
    )


if __name__ == "__main__":
    main()
