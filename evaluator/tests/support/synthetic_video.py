"""Videos of known properties, made with PyAV, for metrics and for the fake runtime."""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np


@dataclass(frozen=True)
class Recipe:
    """What the video shall be."""

    seconds: float = 2.0
    rate: Fraction = Fraction(25)
    size_px: int = 128
    video_codec: str = "libx264"
    sample_rate_hz: int = 24_000
    level: float = 0.15
    lead_ms: int = 200
    tail_ms: int = 300
    audio_longer_s: float = 0.0
    drop_frame: int | None = None
    audio: bool = True
    video: bool = True


def make_video(recipe: Recipe) -> bytes:
    """An MP4 with a moving bar and a tone between two silences."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        picture = _add_picture(container, recipe) if recipe.video else None
        sound = (
            container.add_stream("aac", rate=recipe.sample_rate_hz, layout="mono") if recipe.audio else None
        )
        if picture is not None:
            _write_picture(container, picture, recipe)
        if sound is not None:
            _write_sound(container, sound, recipe)
    return buffer.getvalue()


def tone(recipe: Recipe) -> np.ndarray:
    """(T,) float32: 997 Hz at ``level``, silent at both ends."""
    count = round((recipe.seconds + recipe.audio_longer_s) * recipe.sample_rate_hz)
    samples = recipe.level * np.sin(2 * np.pi * 997 * np.arange(count) / recipe.sample_rate_hz)
    samples[: recipe.lead_ms * recipe.sample_rate_hz // 1000] = 0
    if recipe.tail_ms:
        samples[-(recipe.tail_ms * recipe.sample_rate_hz // 1000) :] = 0
    return samples.astype(np.float32)


def _add_picture(container: av.container.OutputContainer, recipe: Recipe) -> av.VideoStream:
    stream = container.add_stream(recipe.video_codec, rate=recipe.rate)
    stream.width = stream.height = recipe.size_px
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = 1 / recipe.rate
    return stream


def _write_picture(container: av.container.OutputContainer, stream: av.VideoStream, recipe: Recipe) -> None:
    for index in range(round(recipe.seconds * recipe.rate)):
        if index == recipe.drop_frame:
            continue
        picture = np.zeros((recipe.size_px, recipe.size_px, 3), np.uint8)
        picture[:, index % recipe.size_px] = 255
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = index
        frame.time_base = 1 / recipe.rate
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _write_sound(container: av.container.OutputContainer, stream: av.AudioStream, recipe: Recipe) -> None:
    frame = av.AudioFrame.from_ndarray(tone(recipe).reshape(1, -1), format="fltp", layout="mono")
    frame.sample_rate = recipe.sample_rate_hz
    frame.time_base = Fraction(1, recipe.sample_rate_hz)
    frame.pts = 0
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
