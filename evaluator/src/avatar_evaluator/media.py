"""A video file → what metrics look at. Times come from packets' timestamps, never from counting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

MIN_HOLE_S, MAX_HOLE_S = 0.02, 60.0
"""A jump of the sound's timestamps between these is a hole; a longer one is a broken clock."""


class MediaUnreadable(Exception):
    """The file is no container, or one of its streams cannot be decoded."""


@dataclass(frozen=True)
class VideoStream:
    """The picture.

    times_s: (N,) presentation time of each frame, ascending, seconds on the container's clock.
    rate: frames per second as the container declares it; None where it does not.
    duration_s: from the first frame's start to the last frame's end.
    """

    codec: str
    pixel_format: str
    width_px: int
    height_px: int
    rate: Fraction | None
    times_s: NDArray[np.float64]
    duration_s: float


@dataclass(frozen=True)
class AudioStream:
    """The sound.

    samples: (T, C) float32 in [-1, 1] without holes: where packets are missing there is silence.
    start_s: when the first sample is heard, on the container's clock.
    duration_s: as the container says, else T / rate.
    """

    codec: str
    sample_rate_hz: int
    samples: NDArray[np.float32]
    start_s: float
    duration_s: float


@dataclass(frozen=True)
class Media:
    """One file. A missing stream is None."""

    container: str
    size_bytes: int
    video: VideoStream | None
    audio: AudioStream | None


def read_media(path: Path) -> Media:
    """Everything that metrics need of the file, with its sound decoded and its picture only indexed.

    Raises:
        MediaUnreadable: not a media file, or broken.
    """
    try:
        with av.open(str(path)) as container:
            video = _index_video(container) if container.streams.video else None
        # Opened anew: going back to the first picture would lose sound that begins before it.
        with av.open(str(path)) as container:
            audio = _decode_audio(container) if container.streams.audio else None
            if not (video and len(video.times_s)) and not (audio and len(audio.samples)):
                raise MediaUnreadable(f"{path.name} holds neither pictures nor sound")
            return Media(container.format.name, path.stat().st_size, video, audio)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaUnreadable(f"{path.name} cannot be read as a video") from error


def _index_video(container: av.container.InputContainer) -> VideoStream:
    stream = container.streams.video[0]
    times: list[float] = []
    ends: list[float] = []
    for packet in container.demux(stream):
        if packet.pts is None or packet.time_base is None:
            continue
        times.append(float(packet.pts * packet.time_base))
        ends.append(times[-1] + float((packet.duration or 0) * packet.time_base))
    rate = Fraction(stream.average_rate) if stream.average_rate else None
    context = stream.codec_context
    return VideoStream(
        codec=context.name,
        pixel_format=context.pix_fmt or "",
        width_px=context.width,
        height_px=context.height,
        rate=rate,
        times_s=np.sort(np.array(times)),
        duration_s=max(ends) - min(times) if times else 0.0,
    )


def _decode_audio(container: av.container.InputContainer) -> AudioStream:
    stream = container.streams.audio[0]
    resampler = av.AudioResampler(format="fltp")
    pieces: list[NDArray[np.float32]] = []
    rate = stream.codec_context.sample_rate
    start_s: float | None = None
    heard = 0
    for frame in container.decode(stream):
        if frame.time is not None:
            start_s = frame.time if start_s is None else start_s
            hole = round((frame.time - start_s) * rate) - heard
            if pieces and MIN_HOLE_S * rate < hole < MAX_HOLE_S * rate:
                pieces.append(np.zeros((len(pieces[0]), hole), np.float32))
                heard += hole
        for piece in resampler.resample(frame):
            pieces.append(piece.to_ndarray())
            heard += pieces[-1].shape[1]
    samples = np.concatenate(pieces, axis=1).T if pieces else np.zeros((0, 1), np.float32)
    declared = stream.duration is not None and stream.time_base is not None
    return AudioStream(
        codec=stream.codec_context.name,
        sample_rate_hz=rate,
        samples=np.ascontiguousarray(samples, dtype=np.float32),
        start_s=start_s or 0.0,
        duration_s=float(stream.duration * stream.time_base) if declared else len(samples) / rate,
    )


def read_audio(path: Path) -> AudioStream:
    """The sound of an audio or video file.

    Raises:
        MediaUnreadable: not a media file, broken, or without sound.
    """
    try:
        with av.open(str(path)) as container:
            if container.streams.audio:
                return _decode_audio(container)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaUnreadable(f"{path.name} cannot be read as sound") from error
    raise MediaUnreadable(f"{path.name} has no sound")


def frames(path: Path, *, untimed: bool = False) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Each frame's time on the container's clock and its picture (H, W, 3), one at a time.

    Frames without a time are left out, unless they may be ``untimed``, as a photo is.

    Raises:
        MediaUnreadable: not a media file, broken, or without picture.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise MediaUnreadable(f"{path.name} has no picture")
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            for frame in container.decode(stream):
                if frame.time is not None or untimed:
                    yield frame.time or 0.0, frame.to_ndarray(format="rgb24")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaUnreadable(f"{path.name} cannot be read as a video") from error
