"""Segments → one MP4 file, without decoding or encoding a picture.

Audio is the master clock. A segment of S samples at R Hz comes with ceil(S·F/R) pictures at F pictures a
second, so its last picture may outlive its audio by less than one picture. Joined as they are, those
remainders would add up; therefore every segment begins where its first picture stands: before segment k,
whose first picture is number N of the film, the sound is filled with silence up to sample round(N·R/F). The
positions follow from integers over the whole film, so the error stays below half a sample for any length.

The sound is AAC-LC at 48 kHz, in packets of 1024 samples. Its end is rounded to whole packets (at most
10.7 ms), so that players which ignore the edit list of the container find the same length as those that
honour it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from avatar_contracts.performance import PerformanceDone, PerformanceEvent, PerformanceStarted, Video
from avatar_contracts.problems import EngineFailed
from avatar_contracts.speech import Audio
from avatar_runtime.segment_file import PART_SUFFIX

AUDIO_RATE_HZ = 48_000
AUDIO_BIT_RATE = 128_000
AAC_FRAME_SAMPLES = 1024
AAC_OPTIONS = {"aac_coder": "fast"}
"""At this bit rate FFmpeg's fast coder is nearer to the source than its two-loop coder (on 30 s of speech at
48 kHz: 43 against 33 dB) and takes 60 % of the time."""

PCM_DTYPE = np.dtype("<i2")
SILENCE_BLOCK_SAMPLES = 48_000


@dataclass(frozen=True)
class Film:
    """What was written. ``samples`` counts the source's rate, silence between the segments included."""

    frames: int
    samples: int
    sample_rate_hz: int
    frame_rate: Fraction
    width_px: int
    height_px: int
    engines: dict[str, str]
    first_samples: tuple[int, ...]
    """Where each segment begins, in samples."""

    @property
    def duration_s(self) -> float:
        return float(self.frames / self.frame_rate)


class Cancelled(Exception):
    """Somebody asked to stop."""


Segments = Iterable[Iterable[PerformanceEvent]]


def assemble(
    segments: Segments,
    path: Path,
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> Film:
    """Writes ``path`` from the events of its segments. The file appears when it is whole. Blocking.

    Raises:
        EngineFailed: the segments do not fit together, or one is not what its closing event says.
        Cancelled: ``stopped`` answered true.
        OSError: the disk is full.
    """
    part = path.with_name(path.name + PART_SUFFIX)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            film = _write(container, segments, stopped)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return film


def _write(container: Any, segments: Segments, stopped: Callable[[], bool]) -> Film:
    joint: _Joint | None = None
    for events in segments:
        for event in events:
            if stopped():
                raise Cancelled
            if isinstance(event, PerformanceStarted):
                if joint is None:
                    joint = _Joint(container, event)
                joint.begin(event)
            elif joint is not None:
                joint.take(event)
    if joint is None:
        raise EngineFailed("The GPU service performed nothing.")
    return joint.finish()


class _Joint:
    """The film so far."""

    def __init__(self, container: Any, started: PerformanceStarted) -> None:
        self._container = container
        self._started = started
        self._rate = Fraction(started.frame_rate_num, started.frame_rate_den)
        self._video = container.add_mux_stream(
            "h264",
            rate=self._rate,
            width=started.width_px,
            height=started.height_px,
            time_base=1 / self._rate,
        )
        self._sound = _Sound(container, started.sample_rate_hz)
        self._frames = 0
        self._segment_frames = 0
        self._segment_samples = 0
        self._first_samples: list[int] = []

    def begin(self, started: PerformanceStarted) -> None:
        if _shape(started) != _shape(self._started):
            raise EngineFailed("Two segments of the film differ in picture size, rates or encoder settings.")
        self._fill_up_to_pictures()
        self._first_samples.append(self._sound.samples)
        self._segment_frames = 0
        self._segment_samples = 0

    def take(self, event: PerformanceEvent) -> None:
        if isinstance(event, Video):
            self._picture(event)
        elif isinstance(event, Audio):
            if event.pts != self._segment_samples:
                raise EngineFailed("A segment's audio is not contiguous.")
            pcm = np.frombuffer(event.pcm, PCM_DTYPE)
            self._segment_samples += len(pcm)
            self._sound.write(pcm)
        elif isinstance(event, PerformanceDone):
            expected = -(
                -event.samples * self._rate.numerator // (self._sound.rate_hz * self._rate.denominator)
            )
            counted = (self._segment_samples, self._segment_frames, self._segment_frames)
            if counted != (event.samples, event.frames, expected):
                raise EngineFailed(
                    f"A segment has {self._segment_frames} pictures and {self._segment_samples} samples, "
                    f"but {expected} pictures and {event.samples} samples belong to it."
                )

    def _picture(self, event: Video) -> None:
        if event.pts != self._segment_frames:
            raise EngineFailed("A segment's pictures are not contiguous.")
        data = event.data
        if self._frames == 0 and not data.startswith(self._started.codec_config):
            data = self._started.codec_config + data
        packet = av.Packet(data)
        packet.stream = self._video
        packet.time_base = 1 / self._rate
        packet.pts = packet.dts = self._frames
        packet.duration = 1
        packet.is_keyframe = event.keyframe
        self._container.mux(packet)
        self._frames += 1
        self._segment_frames += 1

    def _fill_up_to_pictures(self) -> None:
        self._sound.silence(round(self._frames * self._sound.rate_hz / self._rate))

    def finish(self) -> Film:
        self._fill_up_to_pictures()
        self._sound.finish()
        return Film(
            frames=self._frames,
            samples=self._sound.samples,
            sample_rate_hz=self._sound.rate_hz,
            frame_rate=self._rate,
            width_px=self._started.width_px,
            height_px=self._started.height_px,
            engines=dict(self._started.engines),
            first_samples=tuple(self._first_samples),
        )


def _shape(started: PerformanceStarted) -> tuple[int, int, int, int, int, bytes]:
    return (
        started.sample_rate_hz,
        started.frame_rate_num,
        started.frame_rate_den,
        started.width_px,
        started.height_px,
        started.codec_config,
    )


class _Sound:
    """PCM at ``rate_hz`` → AAC at 48 kHz."""

    def __init__(self, container: Any, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.samples = 0
        self._container = container
        self._stream = container.add_stream("aac", rate=AUDIO_RATE_HZ, layout="mono", options=AAC_OPTIONS)
        self._stream.bit_rate = AUDIO_BIT_RATE
        self._resampler = av.AudioResampler("flt", "mono", AUDIO_RATE_HZ)
        self._waiting: list[NDArray[np.float32]] = []
        self._waiting_samples = 0
        self._encoded = 0

    def write(self, pcm: NDArray[np.int16]) -> None:
        if len(pcm) == 0:
            return
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm)[None], "s16", "mono")
        frame.sample_rate = self.rate_hz
        frame.pts = self.samples
        frame.time_base = Fraction(1, self.rate_hz)
        self.samples += len(pcm)
        self._collect(self._resampler.resample(frame))
        self._encode_whole_frames()

    def silence(self, until_sample: int) -> None:
        """Silence up to ``until_sample``; nothing where the sound is already that long."""
        while (missing := until_sample - self.samples) > 0:
            self.write(np.zeros(min(missing, SILENCE_BLOCK_SAMPLES), PCM_DTYPE))

    def finish(self) -> None:
        self._collect(self._resampler.resample(None))
        total = round(self.samples * AUDIO_RATE_HZ / self.rate_hz)
        target = max(round(total / AAC_FRAME_SAMPLES), 1) * AAC_FRAME_SAMPLES
        missing = target - self._encoded - self._waiting_samples
        if missing > 0:
            self._append(np.zeros(missing, np.float32))
        self._encode_whole_frames(until=target)
        self._container.mux(self._stream.encode(None))

    def _collect(self, frames: Iterable[Any]) -> None:
        for frame in frames:
            self._append(frame.to_ndarray()[0])

    def _append(self, samples: NDArray[np.float32]) -> None:
        self._waiting.append(samples)
        self._waiting_samples += len(samples)

    def _encode_whole_frames(self, until: int | None = None) -> None:
        if self._waiting_samples < AAC_FRAME_SAMPLES:
            return
        waiting = np.concatenate(self._waiting)
        position = 0
        while len(waiting) - position >= AAC_FRAME_SAMPLES and (until is None or self._encoded < until):
            block = waiting[position : position + AAC_FRAME_SAMPLES]
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block)[None], "fltp", "mono")
            frame.sample_rate = AUDIO_RATE_HZ
            frame.pts = self._encoded
            frame.time_base = Fraction(1, AUDIO_RATE_HZ)
            self._container.mux(self._stream.encode(frame))
            self._encoded += AAC_FRAME_SAMPLES
            position += AAC_FRAME_SAMPLES
        self._waiting = [waiting[position:]]
        self._waiting_samples = len(waiting) - position
