"""Other forms of the same frames: a PNG still, a looping GIF, and a WebM in which the person is cut out.

Each takes the iterator that a renderer gives, one frame at a time, and returns the bytes of a whole file.
Mattes are (H, W) uint8, 255 where the person is; ``MeshEngine.cut_outs`` yields frames together with them.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar_gpu.protocols import RgbImage

Matte = NDArray[np.uint8]

GIF_MAX_RATE = Fraction(50)
"""Browsers slow down pictures that are to stay for less than two hundredths of a second."""
GIF_TICK_S = Fraction(1, 100)
GIF_COLORS = 255
WEBM_CODEC = "libvpx-vp9"
WEBM_OPTIONS = {
    "crf": "30",
    "b": "0",
    "deadline": "good",
    "cpu-used": "5",
    "row-mt": "0",
    "auto-alt-ref": "0",
}
"""Alternate reference frames have no alpha, so there are none."""
SAMPLE_RATE_HZ = 48_000
OPUS_BIT_RATE = 96_000


def png_still(frame: RgbImage, matte: Matte | None = None) -> bytes:
    """One frame as PNG, transparent outside the person where a matte is given."""
    pixels = frame if matte is None else np.dstack([frame, matte])
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def gif(frames: Iterable[RgbImage], frame_rate: Fraction) -> bytes:
    """An endlessly looping GIF that keeps the time of ``frame_rate``: rates beyond 50 Hz lose frames, and
    every frame stays for a whole number of hundredths whose sum never strays by more than one.

    Raises:
        ValueError: there is no frame.
    """
    kept = list(_for_gif(frames, frame_rate))
    if not kept:
        raise ValueError("a GIF needs at least one frame")
    pictures, times_ms = [picture for picture, _ in kept], [ms for _, ms in kept]
    file = io.BytesIO()
    first, *others = pictures
    first.save(
        file,
        "GIF",
        save_all=True,
        append_images=others,
        duration=times_ms,
        loop=0,
        optimize=False,
        disposal=1,
    )
    return file.getvalue()


def _for_gif(frames: Iterable[RgbImage], rate: Fraction) -> Iterator[tuple[Image.Image, int]]:
    step = max(1, -(-rate // GIF_MAX_RATE))
    palette: Image.Image | None = None
    for number, frame in enumerate(frames):
        if number % step:
            continue
        picture = Image.fromarray(frame)
        if palette is None:
            # One palette for all, so that still parts do not flicker.
            palette = picture.quantize(GIF_COLORS, method=Image.Quantize.MEDIANCUT)
        start, end = (round(Fraction(n) / rate / GIF_TICK_S) for n in (number, number + step))
        yield picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG), 10 * (end - start)


def transparent_webm(
    cut_outs: Iterable[tuple[RgbImage, Matte]],
    frame_rate: Fraction,
    audio: NDArray[np.float32] | None = None,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
) -> bytes:
    """VP9 with alpha (yuva420p) in WebM, as browsers play it over any page; with Opus where there is audio.

    ``audio`` is (T,) in [-1, 1]. Frames have even sides and are equally large.

    Raises:
        ValueError: there is no frame.
    """
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as container:
        stream = container.add_stream(WEBM_CODEC, rate=frame_rate)
        stream.pix_fmt = "yuva420p"
        stream.options = WEBM_OPTIONS
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = 1 / frame_rate
        sound = None
        if audio is not None:
            sound = container.add_stream("libopus", rate=SAMPLE_RATE_HZ, layout="mono")
            sound.bit_rate = OPUS_BIT_RATE
        number = -1
        for number, (frame, matte) in enumerate(cut_outs):
            if number == 0:
                stream.width, stream.height = frame.shape[1], frame.shape[0]
            picture = _with_alpha(frame, matte)
            picture.pts, picture.time_base = number, 1 / frame_rate
            container.mux(stream.encode(picture))
        if number < 0:
            raise ValueError("a video needs at least one frame")
        container.mux(stream.encode(None))
        if sound is not None and audio is not None:
            for piece in _sound(audio, sample_rate_hz):
                container.mux(sound.encode(piece))
            container.mux(sound.encode(None))
    return file.getvalue()


def _with_alpha(frame: RgbImage, matte: Matte) -> av.VideoFrame:
    """The planes Y, U, V, A; what nobody sees is grey, which costs nothing to encode."""
    shown = np.where(cv2.dilate(matte, np.ones((5, 5), np.uint8))[..., None] > 0, frame, np.uint8(128))
    i420 = cv2.cvtColor(np.ascontiguousarray(shown), cv2.COLOR_RGB2YUV_I420)
    height, width = matte.shape
    picture = av.VideoFrame(width, height, "yuva420p")
    chroma = height * width // 4
    flat = i420.reshape(-1)
    luma = height * width
    planes = (
        flat[:luma].reshape(height, width),
        flat[luma : luma + chroma].reshape(height // 2, width // 2),
        flat[luma + chroma :].reshape(height // 2, width // 2),
        matte,
    )
    for plane, values in zip(picture.planes, planes, strict=True):
        padded = np.zeros((values.shape[0], plane.line_size), np.uint8)
        padded[:, : values.shape[1]] = values
        plane.update(padded.tobytes())
    return picture


def _sound(audio: NDArray[np.float32], rate_hz: int) -> Iterator[av.AudioFrame]:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio[None], np.float32), "flt", "mono")
    frame.sample_rate = rate_hz
    frame.pts = 0
    yield from resampler.resample(frame)
    yield from resampler.resample(None)
