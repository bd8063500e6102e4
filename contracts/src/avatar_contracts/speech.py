"""Speech: what is asked for, and the events of a speech stream."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from avatar_contracts.languages import LanguageTag
from avatar_contracts.model import Reply, Request
from avatar_contracts.problems import Problem
from avatar_contracts.timeline import TimedPhone, TimedWord

MAX_SPEECH_CHARS = 5_000
"""Longest text of one speech request; the runtime cuts longer scripts into several."""

VoiceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,127}$")]
"""The SHA-256 of an enrolled recording, or the name of an engine's built-in voice."""

Emotion = Literal["neutral", "happy", "serious", "sad", "surprised", "angry"]


class SpeechRequest(Request):
    """Body of ``POST /v1/speech``."""

    text: str = Field(min_length=1, max_length=MAX_SPEECH_CHARS)
    language: LanguageTag
    voice: VoiceName | None = Field(default=None, description="absent: the engine's default voice")
    engine: str | None = Field(default=None, description="absent: the service's default engine")
    speed: float = Field(default=1.0, ge=0.5, le=2.0)
    likeness: float = Field(default=0.5, ge=0.0, le=1.0, description="0 clear … 1 alike")
    emotion: Emotion = "neutral"


class SpeechStarted(Reply):
    type: Literal["speech.started"] = "speech.started"
    task_id: str
    engine: str
    language: str
    sample_rate_hz: int
    sentences: int


class Audio(Reply):
    """A chunk of mono PCM. ``pts`` is the first sample's index; chunks are contiguous."""

    type: Literal["audio"] = "audio"
    pts: int = Field(ge=0)
    pcm: bytes = Field(description="16-bit signed little-endian")


class Phones(Reply):
    type: Literal["phones"] = "phones"
    phones: tuple[TimedPhone, ...]


class Words(Reply):
    type: Literal["words"] = "words"
    words: tuple[TimedWord, ...]


class Warned(Reply):
    """Something a person may want to change although the work goes on."""

    type: Literal["warning"] = "warning"
    code: str
    detail: str


class SpeechDone(Reply):
    type: Literal["speech.done"] = "speech.done"
    samples: int
    timings_ms: dict[str, float] = Field(default_factory=dict)


class Failed(Reply):
    """The stream ends here because of ``problem``; nothing follows."""

    type: Literal["failed"] = "failed"
    problem: Problem


SpeechEvent = Annotated[
    SpeechStarted | Audio | Phones | Words | Warned | SpeechDone | Failed,
    Field(discriminator="type"),
]
