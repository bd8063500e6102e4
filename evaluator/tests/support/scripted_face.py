"""A provider that needs no network: it says what a script says, whatever the picture."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from synthetic_face import SOUND_HZ, moving_face, speech_like

from avatar_evaluator.faces.provider import Face, RgbImage

SIZE_PX = 160
MARK_PX = 8


class ScriptedFace:
    """Landmarks of ``mouth`` (N, 4), frame after frame, moved as far as the picture's mark moved."""

    name = "scripted"

    def __init__(self, mouth: NDArray[np.float64]) -> None:
        self._points = moving_face(mouth).landmarks * 0.3 + 20
        self._index = 0

    def begin(self) -> None:
        self._index = 0

    def look(self, rgb: RgbImage) -> Face | None:
        points = self._points[min(self._index, len(self._points) - 1)]
        self._index += 1
        corner = rgb[: SIZE_PX // 4, : SIZE_PX // 4].mean(axis=2) > 128
        rows, columns = np.nonzero(corner)
        moved = [columns.mean() - 20, rows.mean() - 20, 0.0] if len(rows) else [0.0, 0.0, 0.0]
        return Face(points + np.array(moved), 1.0)


def talking_video(seed: int, seconds: float) -> tuple[bytes, NDArray[np.float64]]:
    """A video of moving texture with a mark that shows a shake, and the (N, 4) mouth of its sound."""
    mouth, samples = speech_like(seed, seconds)
    samples = 0.4 * samples / np.abs(samples).max()
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as container:
        picture = container.add_stream("libx264", rate=25, options={"crf": "18", "preset": "ultrafast"})
        picture.width = picture.height = SIZE_PX
        picture.pix_fmt = "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=SOUND_HZ, layout="mono")
        for index in range(len(mouth)):
            frame = av.VideoFrame.from_ndarray(_texture(index), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        whole = (samples * 32767).astype(np.int16).reshape(1, -1)
        heard = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
        heard.sample_rate, heard.pts, heard.time_base = SOUND_HZ, 0, Fraction(1, SOUND_HZ)
        container.mux(sound.encode(heard))
        container.mux(sound.encode(None))
    return buffer.getvalue(), mouth


def _texture(index: int) -> RgbImage:
    coarse = np.random.default_rng(3).integers(40, 120, (40, 40, 3)).astype(np.uint8)
    image = np.asarray(cv2.resize(coarse, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_NEAREST), np.uint8)
    image[80:, 40:] = np.roll(image[80:, 40:], round(6 * np.sin(index / 12)), axis=1)
    place = round(20 + 4 * np.sin(index / 15)) - MARK_PX // 2
    image[: SIZE_PX // 4, : SIZE_PX // 4] = 30
    image[16 : 16 + MARK_PX, place : place + MARK_PX] = 255
    return image
