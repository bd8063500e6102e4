"""A GPU service that speaks the real protocol and does what a test tells it to.

A performance is a grey picture that flashes white, and a click in the sound at the start of each flash, so
that a decoded film shows whether sound and picture still belong together.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256
from urllib.parse import unquote

import av
import numpy as np
import uvicorn
from av.codec.context import Flags
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from numpy.typing import NDArray

from avatar_contracts.enrolment import (
    SEVERAL_FACES,
    TRANSCRIPT_HEADER,
    Box,
    HeadPose,
    Notice,
    PortraitSummary,
    VoiceSummary,
)
from avatar_contracts.health import EngineInfo, EngineList, GpuHealth
from avatar_contracts.performance import (
    HEAD_SIZE_PX,
    PerformanceDone,
    PerformanceRequest,
    PerformanceStarted,
    Progress,
    Video,
)
from avatar_contracts.problems import (
    AtCapacity,
    AvatarError,
    ImageUnreadable,
    NoFace,
    PortraitNotEnrolled,
    SeveralFaces,
    SpeechTooShort,
    VoiceNotEnrolled,
)
from avatar_contracts.server import install_problem_handlers
from avatar_contracts.speech import Audio, Failed, Phones, Warned, Words
from avatar_contracts.stream import CONTENT_TYPE, encode_event
from avatar_contracts.timeline import TimedPhone, TimedWord

RATE_HZ = 24_000
SAMPLES_PER_CHARACTER = 289
"""Odd, so that segments rarely end on a picture."""

AUDIO_CHUNK_SAMPLES = 5_000
FLASH_EVERY_FRAMES = 15
FIRST_FLASH_FRAME = 7

Event = PerformanceStarted | Audio | Phones | Words | Warned | Video | Progress | PerformanceDone | Failed


@dataclass
class FakeGpu:
    """What the service shall do, and what it has seen."""

    voices: dict[str, bytes] = field(default_factory=dict)
    portraits: dict[str, bytes] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    several_faces: bool = False
    """Every photo shows two people."""

    performed: list[PerformanceRequest] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    disconnected: list[str] = field(default_factory=list)
    busy: int = 0
    """So many performances are answered 503 first."""

    break_after: list[int] = field(default_factory=list)
    """Each number cuts one performance off after so many events."""

    fail_with: list[AvatarError] = field(default_factory=list)
    """Each error ends one performance in-band, after its first events."""

    hold_after: int | None = None
    """Every performance stops after so many events until ``released`` is set."""

    hold_from: int = 0
    """The first performance that ``hold_after`` stops."""

    forget_before: int = 0
    """So many performances find every enrolment gone first."""

    released: asyncio.Event = field(default_factory=asyncio.Event)

    def app(self) -> FastAPI:
        app = FastAPI()
        install_problem_handlers(app)

        @app.get("/health")
        async def health() -> GpuHealth:
            return GpuHealth(status="ok", version="fake", device="cpu", running=0, waiting=0, capacity=1)

        @app.get("/v1/engines")
        async def engines() -> EngineList:
            return ENGINES

        @app.put("/v1/voices/{digest}")
        async def voice(digest: str, request: Request) -> VoiceSummary:
            self.voices[digest] = await self._received(digest, request)
            words = request.headers.get(TRANSCRIPT_HEADER)
            return voice_summary(digest, self.voices[digest]).model_copy(
                update={
                    "language": request.headers.get("Content-Language"),
                    "transcript": None if words is None else unquote(words),
                }
            )

        @app.put("/v1/portraits/{digest}")
        async def portrait(digest: str, request: Request, pick: str = "only") -> PortraitSummary:
            data = await self._received(digest, request)
            summary = portrait_summary(digest, data)
            if self.several_faces:
                if pick != "largest":
                    raise SeveralFaces("The photo shows 2 faces.", faces=2)
                notice = Notice(code=SEVERAL_FACES, detail="The photo shows 2 faces.")
                summary = summary.model_copy(update={"warnings": (notice,)})
            self.portraits[digest] = data
            return summary

        @app.post("/v1/performances")
        async def perform(body: PerformanceRequest) -> Response:
            if self.busy > 0:
                self.busy -= 1
                raise AtCapacity("Every place is taken.", retry_after_s=1)
            if self.forget_before > 0:
                self.forget_before -= 1
                self.voices.clear()
                self.portraits.clear()
            if body.portrait not in self.portraits:
                raise PortraitNotEnrolled("This portrait is not enrolled here.")
            voice = body.speech.voice
            if voice is not None and len(voice) == 64 and voice not in self.voices:
                raise VoiceNotEnrolled("This voice is not enrolled here.")
            self.performed.append(body)
            return StreamingResponse(self._stream(body), media_type=CONTENT_TYPE)

        @app.delete("/v1/tasks/{task_id}", status_code=204)
        async def cancel(task_id: str) -> None:
            self.cancelled.append(task_id)

        return app

    async def _received(self, digest: str, request: Request) -> bytes:
        data = await request.body()
        assert sha256(data).hexdigest() == digest
        self.uploads.append(digest)
        return data

    async def _stream(self, request: PerformanceRequest) -> AsyncIterator[bytes]:
        cut = self.break_after.pop(0) if self.break_after else None
        failure = self.fail_with.pop(0) if self.fail_with else None
        hold = self.hold_after if len(self.performed) > self.hold_from else None
        try:
            for number, event in enumerate(performance(request)):
                if number == cut:
                    raise ConnectionAbortedError("the test cuts this stream")
                if failure is not None and number == 3:
                    yield encode_event(Failed(problem=failure.problem()))
                    return
                if number == hold:
                    await self.released.wait()
                yield encode_event(event)
        except (asyncio.CancelledError, GeneratorExit):
            self.disconnected.append(request.task_id)
            raise


ENGINES = EngineList(
    engines=(
        EngineInfo(
            name="fake",
            capability="speech",
            available=True,
            licence="Apache-2.0",
            description="clicks",
            languages=("en", "zh", "es"),
            voices=("clicker", "clacker"),
        ),
        EngineInfo(
            name="grand",
            capability="speech",
            available=False,
            reason="pip install 'realtime-avatar-gpu[grand]'",
            licence="Apache-2.0",
            description="",
        ),
        EngineInfo(
            name="still", capability="motion", available=True, licence="Apache-2.0", description="no motion"
        ),
        EngineInfo(
            name="grey", capability="render", available=True, licence="Apache-2.0", description="flashes"
        ),
    ),
    defaults={"speech": "fake", "motion": "still", "render": "grey"},
)


def voice_summary(digest: str, data: bytes) -> VoiceSummary:
    if b"SHORT" in data:
        raise SpeechTooShort("The recording holds 0.2 s of speech; send at least 3 s.")
    return VoiceSummary(
        sha256=digest, duration_s=6.0, speech_s=5.0, sample_rate_hz=24_000, f0_median_hz=180.0
    )


def portrait_summary(digest: str, data: bytes) -> PortraitSummary:
    if b"NOFACE" in data:
        raise NoFace("No face was found; send a photo that shows one face from the front.")
    if b"CORRUPT" in data:
        raise ImageUnreadable("The image is damaged.")
    return PortraitSummary(
        sha256=digest,
        width_px=512,
        height_px=512,
        face=Box(x=100, y=100, width=300, height=300),
        pose=HeadPose(yaw_deg=0, pitch_deg=0, roll_deg=0),
        interocular_px=120,
        score=0.99,
        warnings=(Notice(code="dark", detail="The photo is dark."),),
    )


def performance(request: PerformanceRequest) -> Iterator[Event]:
    """The events of a whole performance."""
    rate = request.render.frame_rate.fraction()
    size = request.render.size_px or HEAD_SIZE_PX
    spoken = len(request.speech.text) * SAMPLES_PER_CHARACTER
    samples = spoken + (request.lead_in_ms + request.tail_ms) * RATE_HZ // 1000
    frames = -(-samples * rate.numerator // (RATE_HZ * rate.denominator))
    flashes = range(FIRST_FLASH_FRAME, frames - 1, FLASH_EVERY_FRAMES)
    pcm = _clicks(samples, rate, flashes)
    encoder = _encoder(size, rate)
    yield PerformanceStarted(
        task_id=request.task_id,
        sample_rate_hz=RATE_HZ,
        frame_rate_num=rate.numerator,
        frame_rate_den=rate.denominator,
        width_px=size,
        height_px=size,
        codec_config=bytes(encoder.extradata or b""),
        engines=dict(ENGINES.defaults),
    )
    first = request.lead_in_ms * RATE_HZ // 1000
    word = request.speech.text.split()[0]
    yield Phones(phones=(TimedPhone(start=first, end=first + spoken, ipa="a"),))
    yield Words(
        words=(TimedWord(start=first, end=first + spoken, text=word, text_start=0, text_end=len(word)),)
    )
    yield Warned(code="fake", detail="Nothing of this is real.")
    for start in range(0, samples, AUDIO_CHUNK_SAMPLES):
        yield Audio(pts=start, pcm=pcm[start : start + AUDIO_CHUNK_SAMPLES].tobytes())
    for number in range(frames + 1):
        for packet in encoder.encode(_picture(number, number in flashes, size) if number < frames else None):
            assert packet.pts is not None
            yield Video(pts=packet.pts, keyframe=packet.is_keyframe, data=bytes(packet))
        if number % 25 == 0:
            yield Progress(fraction=number / max(frames, 1), sentence=0, sentences=1)
    yield PerformanceDone(
        samples=samples, frames=frames, timings_ms={"speech": 1.0, "render": 2.0, "first_audio": 3.0}
    )


def _clicks(samples: int, rate: Fraction, flashes: range) -> NDArray[np.int16]:
    pcm = np.zeros(samples, np.dtype("<i2"))
    for frame in flashes:
        start = round(frame * RATE_HZ / rate)
        pcm[start : start + 48] = 20_000
    return pcm


def _encoder(size: int, rate: Fraction) -> av.VideoCodecContext:
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width = context.height = size
    context.pix_fmt = "yuv420p"
    context.framerate = rate
    context.time_base = 1 / rate
    context.gop_size = 50
    context.thread_count = 1
    context.flags |= Flags.global_header.value
    context.options = {"preset": "ultrafast", "bf": "0", "crf": "30"}
    context.open()
    return context


def _picture(number: int, flash: bool, size: int) -> av.VideoFrame:
    level = 235 if flash else 60
    planes = np.full((size * 3 // 2, size), 128, np.uint8)
    planes[:size] = level
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    frame.pts = number
    return frame


def serve(port: int, hold_after: int | None) -> None:
    """Serves until the process ends. ``python -c`` runs this where a test needs a service to kill."""
    app = FakeGpu(hold_after=hold_after).app()
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical")


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """The address at which ``app`` listens on a loopback socket, served by a thread of this process."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
