"""A performance: a portrait says something. The request and the events of its stream."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal
from uuid import uuid4

from pydantic import AfterValidator, Field, StringConstraints

from avatar_contracts.model import Reply, Request, Sha256
from avatar_contracts.speech import (
    Audio,
    Emotion,
    Failed,
    Phones,
    SpeechRequest,
    Warned,
    Words,
)

TaskId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


def _even(size: int) -> int:
    if size % 2:
        raise ValueError("must be even: H.264 with 4:2:0 chroma needs even dimensions")
    return size


class FrameRate(Request):
    """Frames per second as an exact ratio: 30000/1001 is 29.97."""

    num: int = Field(default=25, ge=1, le=120_000)
    den: int = Field(default=1, ge=1, le=1001)

    def fraction(self) -> Fraction:
        return Fraction(self.num, self.den)


class MotionOptions(Request):
    """How lively the portrait moves. The same seed and speech give the same motion."""

    engine: str | None = None
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    expressiveness: float = Field(default=0.5, ge=0.0, le=1.0)
    head_motion: float = Field(default=0.5, ge=0.0, le=1.0)
    emotion: Emotion = "neutral"


Framing = Literal["head", "full"]
HEAD_SIZE_PX = 512
"""Side of the square around the head where ``RenderOptions.size_px`` is absent."""


class RenderOptions(Request):
    """What the frames look like.

    ``framing`` "head" shows a square around the head, of side ``size_px`` (absent: ``HEAD_SIZE_PX``); "full"
    shows the whole photo at its own aspect ratio, with ``size_px`` on the shorter side (absent: the photo's
    own size, at most 1920 × 1080 or 1080 × 1920).
    """

    engine: str | None = None
    size_px: Annotated[int, AfterValidator(_even), Field(ge=128, le=1080)] | None = None
    framing: Framing = "head"
    frame_rate: FrameRate = FrameRate()


class PerformanceRequest(Request):
    """Body of ``POST /v1/performances``."""

    task_id: TaskId = Field(default_factory=lambda: uuid4().hex)
    speech: SpeechRequest
    portrait: Sha256
    motion: MotionOptions = MotionOptions()
    render: RenderOptions = RenderOptions()
    lead_in_ms: int = Field(default=250, ge=0, le=10_000, description="silence before the first word")
    tail_ms: int = Field(default=450, ge=0, le=10_000, description="silence after the last word")


class PerformanceStarted(Reply):
    type: Literal["performance.started"] = "performance.started"
    task_id: str
    sample_rate_hz: int
    frame_rate_num: int
    frame_rate_den: int
    width_px: int
    height_px: int
    codec: Literal["h264"] = "h264"
    codec_config: bytes = Field(description="SPS and PPS in Annex B form, the same for equal options")
    engines: dict[str, str] = Field(description="speech, motion, render → engine name")


class Video(Reply):
    """One encoded picture. ``pts`` counts frames from 0; there are no B-frames, so dts equals pts."""

    type: Literal["video"] = "video"
    pts: int = Field(ge=0)
    keyframe: bool
    data: bytes = Field(description="one access unit, Annex B")


class Progress(Reply):
    type: Literal["progress"] = "progress"
    fraction: float = Field(ge=0.0, le=1.0)
    sentence: int
    sentences: int


class PerformanceDone(Reply):
    """The end. ``frames == ceil(samples × frame rate / sample rate)``: audio is the master clock."""

    type: Literal["performance.done"] = "performance.done"
    samples: int
    frames: int
    timings_ms: dict[str, float] = Field(default_factory=dict)


PerformanceEvent = Annotated[
    PerformanceStarted | Audio | Phones | Words | Warned | Video | Progress | PerformanceDone | Failed,
    Field(discriminator="type"),
]
