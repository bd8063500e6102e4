"""Scriptable engines for the service's own tests: registered like real ones, instant, no models.

The text tells the fake speech engine what to do: ``[boom]`` in a sentence raises, ``[die]`` raises an
``EngineFailed``, ``[hang]`` waits until the task is stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avatar_contracts.motion import COEFFICIENT_INDEX, MotionTrack
from avatar_contracts.performance import HEAD_SIZE_PX, Framing, MotionOptions
from avatar_contracts.problems import EngineFailed, TextEmpty, UnsupportedLanguage
from avatar_contracts.sentences import split_sentences
from avatar_contracts.speech import SpeechRequest
from avatar_contracts.timeline import TimedPhone, TimedWord
from avatar_gpu.catalogue import EngineSpec
from avatar_gpu.protocols import (
    AudioClip,
    Cancelled,
    EngineContext,
    Likeness,
    Portrait,
    RgbImage,
    SpeechClip,
    Voice,
)

SENTENCE_SAMPLES = 24_000 // 2 + 7
"""Deliberately no whole number of frames."""


@dataclass(frozen=True)
class FakeVoice:
    gain: float
    aligned_to_text: bool = False

    def save(self, path: Path) -> None:
        np.savez(path, gain=self.gain, aligned_to_text=self.aligned_to_text)


class FakeSpeech:
    sample_rate_hz = 24_000
    languages = ("en", "zh", "es")
    voices = ("plain",)

    def __init__(self, context: EngineContext) -> None:
        self.context = context
        self.closed = False

    def warm(self) -> None:
        return None

    def close(self) -> None:
        self.closed = True

    def enrol(
        self, recording: AudioClip, *, language: str | None = None, transcript: str | None = None
    ) -> Voice:
        return FakeVoice(float(np.abs(recording.samples).max()), transcript == "what it says")

    def load_voice(self, path: Path) -> Voice:
        with np.load(path) as file:
            return FakeVoice(float(file["gain"]), bool(file["aligned_to_text"]))

    def speak(
        self, request: SpeechRequest, voice: Voice | None, cancelled: Cancelled
    ) -> Iterator[SpeechClip]:
        if request.language not in self.languages:
            raise UnsupportedLanguage(f"{request.language} is not among {', '.join(self.languages)}")
        sentences = split_sentences(request.text, request.language)
        if not sentences:
            raise TextEmpty("nothing to say")
        for number, sentence in enumerate(sentences):
            if "[boom]" in sentence.text:
                raise RuntimeError("a secret inside")
            if "[die]" in sentence.text:
                raise EngineFailed("the worker died twice")
            while "[hang]" in sentence.text and not cancelled():
                time.sleep(0.005)
            if cancelled():
                return
            tone = np.sin(np.arange(SENTENCE_SAMPLES) * 2 * np.pi * 220 / 24_000)
            half = SENTENCE_SAMPLES // 2
            yield SpeechClip(
                (0.3 * tone).astype(np.float32),
                (
                    TimedPhone(start=0, end=half, ipa="a", stress=2),
                    TimedPhone(start=half, end=SENTENCE_SAMPLES, ipa=""),
                ),
                (
                    TimedWord(
                        start=0,
                        end=half,
                        text=sentence.text,
                        text_start=sentence.start,
                        text_end=sentence.end,
                    ),
                ),
                number,
                len(sentences),
            )


class FakeMotion:
    def __init__(self, context: EngineContext) -> None:
        self.context = context

    def warm(self) -> None:
        return None

    def close(self) -> None:
        return None

    def start(self, options: MotionOptions, sample_rate_hz: int) -> FakeSession:
        return FakeSession(sample_rate_hz)


class FakeSession:
    def __init__(self, sample_rate_hz: int) -> None:
        self._rate = sample_rate_hz
        self._samples = 0

    def feed(self, clip: SpeechClip, *, last: bool) -> MotionTrack:
        start_s = self._samples / self._rate
        self._samples += len(clip.samples)
        track = MotionTrack.rest(len(clip.samples) * 100 // self._rate + 2, start_s)
        track.coeffs[:, COEFFICIENT_INDEX["jawOpen"]] = 0.5
        return track


@dataclass(frozen=True)
class FakeLikeness:
    width_px: int
    height_px: int


class FakeRender:
    prepared = 0

    def __init__(self, context: EngineContext) -> None:
        self.context = context

    def warm(self) -> None:
        return None

    def close(self) -> None:
        return None

    def prepare(self, portrait: Portrait, size_px: int | None = None, framing: Framing = "head") -> Likeness:
        FakeRender.prepared += 1
        side = size_px or HEAD_SIZE_PX
        return FakeLikeness(side, side) if framing == "head" else FakeLikeness(2 * side, side)

    def render(self, likeness: Likeness, poses: MotionTrack) -> Iterator[RgbImage]:
        for index in range(poses.size):
            grey = int(255 * float(poses.coeffs[index].max()))
            yield np.full((likeness.height_px, likeness.width_px, 3), grey, np.uint8)


SPECS = (
    EngineSpec("fake", "speech", "fake_engines:FakeSpeech", "Apache-2.0", "tones"),
    EngineSpec("fake", "motion", "fake_engines:FakeMotion", "Apache-2.0", "rest"),
    EngineSpec("fake", "render", "fake_engines:FakeRender", "Apache-2.0", "grey"),
    EngineSpec("absent", "speech", "no_such_module:Engine", "Apache-2.0", "not installed", extra="absent"),
    EngineSpec(
        "guarded", "speech", "fake_engines:FakeSpeech", "CC-BY-NC-4.0", "non-commercial", commercial=False
    ),
)
