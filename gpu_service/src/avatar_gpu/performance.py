"""One task: text → speech → motion → frames → pictures, each stage on a thread of its own.

    speech ──clips──▶ motion + render ──frames──▶ encode
       │                                            │
       └────────── audio, phones, words ──▶ events ◀┘ video, progress

The channels between the stages are short, so memory does not grow with the length of the text, and a stopped
task ends on all threads within one frame. Audio is the master clock: the frames of a clip follow from the
sample counts before and after it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from avatar_contracts.motion import MotionTrack, frame_span
from avatar_contracts.performance import (
    FrameRate,
    PerformanceDone,
    PerformanceEvent,
    PerformanceRequest,
    PerformanceStarted,
    Progress,
    Video,
)
from avatar_contracts.problems import AvatarError, InternalError
from avatar_contracts.speech import (
    Audio,
    Phones,
    SpeechDone,
    SpeechEvent,
    SpeechRequest,
    SpeechStarted,
    Warned,
    Words,
)
from avatar_contracts.timeline import TimedPhone
from avatar_gpu.catalogue import Catalogue
from avatar_gpu.channel import Channel, Closed, Switch
from avatar_gpu.enrolment import Enrolment
from avatar_gpu.media.h264 import H264Encoder, Picture
from avatar_gpu.motion.tracks import frame_poses
from avatar_gpu.protocols import RgbImage, SpeechClip, SpeechEngine, Voice
from avatar_gpu.settings import Settings

T = TypeVar("T")

_log = logging.getLogger(__name__)

AUDIO_CHUNK_S = 0.5
EVENTS_WAITING = 256
CLIPS_WAITING = 2
FRAMES_WAITING = 8
PROGRESS_STEP = 0.01


@dataclass
class Timings:
    """Milliseconds of work by stage, and of waiting until the first audio and the first picture."""

    started_s: float = field(default_factory=time.monotonic)
    ms: dict[str, float] = field(default_factory=dict)

    def add(self, stage: str, seconds: float) -> None:
        """Adds to the total of ``stage``."""
        self.ms[stage] = self.ms.get(stage, 0.0) + seconds * 1000

    def first(self, what: str) -> None:
        """Notes the first time that ``what`` happened."""
        self.ms.setdefault(what, (time.monotonic() - self.started_s) * 1000)

    def rounded(self) -> dict[str, float]:
        """The figures for the wire, with the total so far."""
        total = (time.monotonic() - self.started_s) * 1000
        return {name: round(value, 1) for name, value in {**self.ms, "total": total}.items()}


class Task:
    """Work on threads whose events one consumer takes. ``start`` once, then ``take`` until it is empty."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        self.switch = Switch()
        self.timings = Timings()
        self._events: Channel[SpeechEvent | PerformanceEvent | AvatarError] = Channel(
            self.switch, EVENTS_WAITING
        )
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Starts the threads of the task."""
        raise NotImplementedError

    def take(self) -> list[SpeechEvent | PerformanceEvent | AvatarError]:
        """The events that are ready, at least one; empty at the end. An error is the last item.

        Raises:
            Closed: the task was stopped.
        """
        return self._events.take()

    def stop(self) -> None:
        """Ends the work within one frame or one sentence's conversion step. Idempotent."""
        self.switch.stop()

    def join(self, timeout_s: float | None = None) -> bool:
        """Waits for the threads; whether all have ended."""
        for thread in self._threads:
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, stage: str, work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except Closed:
                return
            except AvatarError as error:
                self._fail(error)
            except Exception as error:  # noqa: BLE001 — the one broad catch of a task's threads
                _log.error("stage failed", exc_info=error, extra={"task": self.task_id, "stage": stage})
                self._fail(InternalError(f"The {stage} stage failed; the log of the GPU service says more."))

        thread = threading.Thread(target=guarded, name=f"{stage}-{self.task_id[:8]}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _fail(self, error: AvatarError) -> None:
        try:
            self._events.put(error)
        except Closed:
            return
        self._events.end()

    def _emit(self, event: SpeechEvent | PerformanceEvent) -> None:
        self._events.put(event)


class SpeechTask(Task):
    """``POST /v1/speech``: sentences as they become ready."""

    def __init__(
        self, task_id: str, request: SpeechRequest, catalogue: Catalogue, enrolment: Enrolment
    ) -> None:
        super().__init__(task_id)
        self._request = request
        self._catalogue = catalogue
        self._enrolment = enrolment

    def start(self) -> None:
        """Starts the work."""
        self._run("speech", self._speak)

    def _speak(self) -> None:
        with ExitStack() as stack:
            name = self._catalogue.resolve("speech", self._request.engine).name
            engine = stack.enter_context(self._catalogue.speech(name))
            voice = enrolled_voice(self._request, engine, name, self._enrolment)
            samples = 0
            for clip in timed(
                engine.speak(self._request, voice, self.switch.stopped), "speech", self.timings
            ):
                if samples == 0:
                    self.timings.first("first_audio")
                    self._emit(
                        SpeechStarted(
                            task_id=self.task_id,
                            engine=name,
                            language=self._request.language,
                            sample_rate_hz=engine.sample_rate_hz,
                            sentences=clip.sentences,
                        )
                    )
                for event in clip_events(clip, samples, engine.sample_rate_hz):
                    self._emit(event)
                samples += len(clip.samples)
            if self.switch.stopped():
                raise Closed
            self._emit(SpeechDone(samples=samples, timings_ms=self.timings.rounded()))
            self._events.end()


@dataclass(frozen=True)
class _PlacedClip:
    clip: SpeechClip
    first_sample: int
    last: bool


@dataclass(frozen=True)
class _Frame:
    image: RgbImage
    sentence: int
    sentences: int
    fraction: float


class PerformanceTask(Task):
    """``POST /v1/performances``: a portrait says something."""

    def __init__(
        self, request: PerformanceRequest, catalogue: Catalogue, enrolment: Enrolment, settings: Settings
    ) -> None:
        super().__init__(request.task_id)
        self._request = request
        self._catalogue = catalogue
        self._enrolment = enrolment
        self._settings = settings
        self._clips: Channel[_PlacedClip] = Channel(self.switch, CLIPS_WAITING)
        self._frames: Channel[_Frame] = Channel(self.switch, FRAMES_WAITING)
        self._opened: Channel[H264Encoder] = Channel(self.switch, 1)
        self._encoders: Channel[H264Encoder] = Channel(self.switch, 1)
        self._samples = 0
        self._sample_rate_hz = 0

    def start(self) -> None:
        """Starts the three stages."""
        self._run("speech", self._speak)
        self._run("render", self._render)
        self._run("encode", self._encode)

    def _speak(self) -> None:
        speech = self._request.speech
        with ExitStack() as stack:
            name = self._catalogue.resolve("speech", speech.engine).name
            engine = stack.enter_context(self._catalogue.speech(name))
            self._sample_rate_hz = engine.sample_rate_hz
            voice = enrolled_voice(speech, engine, name, self._enrolment)
            spoken = timed(engine.speak(speech, voice, self.switch.stopped), "speech", self.timings)
            first = 0
            for clip, last in self._with_silence(spoken, engine.sample_rate_hz):
                if first == 0:
                    self._emit(self._started())
                for event in clip_events(clip, first, engine.sample_rate_hz):
                    self._emit(event)
                self.timings.first("first_audio")
                self._clips.put(_PlacedClip(clip, first, last))
                first += len(clip.samples)
            if self.switch.stopped():
                raise Closed
            self._samples = first
            self._clips.end()

    def _with_silence(self, spoken: Iterable[SpeechClip], rate_hz: int) -> Iterator[tuple[SpeechClip, bool]]:
        """The clips between the lead-in and the tail, each with whether it is the last one."""
        lead_in, tail = (ms * rate_hz // 1000 for ms in (self._request.lead_in_ms, self._request.tail_ms))
        sentences = 0
        for clip in spoken:
            if sentences == 0 and lead_in:
                yield silence(lead_in, 0, clip.sentences), False
            sentences = clip.sentences
            yield clip, not tail and clip.sentence == sentences - 1
        if sentences and tail:
            yield silence(tail, sentences - 1, sentences), True

    def _render(self) -> None:
        request, rate = self._request, self._request.render.frame_rate
        with ExitStack() as stack:
            motion = stack.enter_context(self._catalogue.motion(request.motion.engine))
            name = self._catalogue.resolve("render", request.render.engine).name
            renderer = stack.enter_context(self._catalogue.render(name))
            started = time.monotonic()
            likeness = self._enrolment.likeness(
                request.portrait, name, renderer, request.render.size_px, request.render.framing
            )
            encoder = H264Encoder(
                likeness.width_px, likeness.height_px, rate.fraction(), self._settings.video_encoder
            )
            self.timings.add("portrait", time.monotonic() - started)
            self._opened.put(encoder)
            self._encoders.put(encoder)
            session = None
            for placed in self._clips:
                clip = placed.clip
                if session is None:
                    session = motion.start(request.motion, self._sample_rate_hz)
                started = time.monotonic()
                track = session.feed(clip, last=placed.last)
                self.timings.add("motion", time.monotonic() - started)
                poses = poses_of(track, placed, self._sample_rate_hz, rate)
                if poses is None:
                    continue
                for index, image in enumerate(
                    timed(renderer.render(likeness, poses), "render", self.timings), start=1
                ):
                    done = (clip.sentence + index / poses.size) / clip.sentences
                    self._frames.put(_Frame(image, clip.sentence, clip.sentences, min(done, 1.0)))
            self._frames.end()

    def _encode(self) -> None:
        encoder = next(iter(self._encoders))
        frames = 0
        reported = -1.0
        for frame in self._frames:
            started = time.monotonic()
            pictures = list(encoder.encode(frame.image))
            self.timings.add("encode", time.monotonic() - started)
            frames += 1
            self._emit_pictures(pictures)
            if frame.fraction - reported >= PROGRESS_STEP:
                reported = frame.fraction
                self._emit(
                    Progress(fraction=frame.fraction, sentence=frame.sentence, sentences=frame.sentences)
                )
        self._emit_pictures(encoder.flush())
        self._emit(PerformanceDone(samples=self._samples, frames=frames, timings_ms=self.timings.rounded()))
        self._events.end()

    def _emit_pictures(self, pictures: Iterable[Picture]) -> None:
        for picture in pictures:
            self.timings.first("first_video")
            self._emit(Video(pts=picture.pts, keyframe=picture.keyframe, data=picture.data))

    def _started(self) -> PerformanceStarted:
        """The opening event, once the portrait is prepared."""
        encoder = next(iter(self._opened))
        request = self._request
        rate = request.render.frame_rate
        return PerformanceStarted(
            task_id=self.task_id,
            sample_rate_hz=self._sample_rate_hz,
            frame_rate_num=rate.num,
            frame_rate_den=rate.den,
            width_px=encoder.width_px,
            height_px=encoder.height_px,
            codec_config=encoder.codec_config,
            engines={
                "speech": self._catalogue.resolve("speech", request.speech.engine).name,
                "motion": self._catalogue.resolve("motion", request.motion.engine).name,
                "render": self._catalogue.resolve("render", request.render.engine).name,
            },
        )


def enrolled_voice(
    request: SpeechRequest, engine: SpeechEngine, engine_name: str, enrolment: Enrolment
) -> Voice | None:
    """The voice that ``request`` names by hash, or None for a built-in voice.

    Raises:
        VoiceNotEnrolled: the recording is not here.
    """
    if request.voice is None or not is_digest(request.voice):
        return None
    return enrolment.voice(request.voice, engine, engine_name)


def is_digest(name: str) -> bool:
    """Whether a voice name is the SHA-256 of a recording."""
    return len(name) == 64 and all(c in "0123456789abcdef" for c in name)


def clip_events(clip: SpeechClip, first: int, rate_hz: int) -> Iterator[SpeechEvent]:
    """What a clip that begins at sample ``first`` tells the client."""
    for detail in clip.warnings:
        yield Warned(code="text", detail=detail)
    if clip.phones:
        yield Phones(phones=tuple(p.model_copy(update=_moved(p.start, p.end, first)) for p in clip.phones))
    if clip.words:
        yield Words(words=tuple(w.model_copy(update=_moved(w.start, w.end, first)) for w in clip.words))
    step = int(AUDIO_CHUNK_S * rate_hz)
    pcm = np.round(np.clip(clip.samples, -1.0, 1.0) * 32767).astype("<i2")
    for start in range(0, len(pcm), step):
        yield Audio(pts=first + start, pcm=pcm[start : start + step].tobytes())


def _moved(start: int, end: int, by: int) -> dict[str, int]:
    return {"start": start + by, "end": end + by}


def silence(samples: int, sentence: int, sentences: int) -> SpeechClip:
    """A clip in which nothing is said."""
    pause = (TimedPhone(start=0, end=samples, ipa=""),)
    return SpeechClip(np.zeros(samples, np.float32), pause, (), sentence, sentences)


def poses_of(
    track: MotionTrack, placed: _PlacedClip, sample_rate_hz: int, rate: FrameRate
) -> MotionTrack | None:
    """One pose for each frame that starts inside the clip; None where no frame does."""
    end = placed.first_sample + len(placed.clip.samples)
    span = frame_span(placed.first_sample, end, sample_rate_hz, rate.num, rate.den)
    if not span:
        return None
    times_s = np.arange(span.start, span.stop, dtype=np.float64) * rate.den / rate.num
    return frame_poses(track, times_s, rate.num / rate.den)


def timed(items: Iterable[T], stage: str, timings: Timings) -> Iterator[T]:
    """``items``, with the time spent inside the iterator added to ``stage``."""
    iterator = iter(items)
    while True:
        started = time.monotonic()
        try:
            item = next(iterator)
        except StopIteration:
            return
        finally:
            timings.add(stage, time.monotonic() - started)
        yield item
