"""RGB frames → H.264 access units, ready to be joined with others of the same options.

No B-frames, so decoding order is display order; parameter sets travel once, outside the pictures; every
encoder with equal options writes the same parameter sets. Colours are BT.601, limited range, tagged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import av
import cv2
import numpy as np
from av.codec.context import Flags
from numpy.typing import NDArray

ENCODERS: dict[str, dict[str, str]] = {
    "libx264": {
        "preset": "veryfast",
        "crf": "20",
        "x264-params": "bframes=0:rc-lookahead=8:scenecut=0:colorprim=smpte170m:transfer=smpte170m"
        ":colormatrix=smpte170m:range=tv",
    },
    "h264_nvenc": {"preset": "p4", "rc": "vbr", "cq": "21", "bf": "0"},
}
KEYFRAME_INTERVAL_S = 2


@dataclass(frozen=True)
class Picture:
    """One encoded picture: ``pts`` counts frames, ``data`` is an Annex B access unit."""

    pts: int
    keyframe: bool
    data: bytes


class H264Encoder:
    """Encodes one stream of equally large frames. One thread at a time."""

    def __init__(
        self,
        width_px: int,
        height_px: int,
        frame_rate: Fraction,
        encoder: Literal["libx264", "h264_nvenc"] = "libx264",
    ) -> None:
        context = av.CodecContext.create(encoder, "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height = width_px, height_px
        context.pix_fmt = "yuv420p"
        context.framerate = frame_rate
        context.time_base = 1 / frame_rate
        context.gop_size = max(1, round(KEYFRAME_INTERVAL_S * frame_rate))
        context.thread_count = 1
        context.flags |= Flags.global_header.value
        context.options = ENCODERS[encoder]
        context.open()
        self.width_px, self.height_px = width_px, height_px
        self._context = context
        self._time_base = 1 / frame_rate
        self._frames = 0

    @property
    def codec_config(self) -> bytes:
        """SPS and PPS in Annex B form."""
        return bytes(self._context.extradata or b"")

    def encode(self, rgb: NDArray[np.uint8]) -> Iterator[Picture]:
        """The pictures that became ready when ``rgb`` (height, width, 3) uint8 was added."""
        i420 = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)
        frame = av.VideoFrame.from_ndarray(i420, format="yuv420p")
        frame.pts = self._frames
        frame.time_base = self._time_base
        self._frames += 1
        yield from self._pictures(frame)

    def flush(self) -> Iterator[Picture]:
        """The rest. Nothing can be encoded afterwards."""
        yield from self._pictures(None)

    def _pictures(self, frame: av.VideoFrame | None) -> Iterator[Picture]:
        for packet in self._context.encode(frame):
            if packet.pts is None:
                raise ValueError("the encoder returned a picture without a time")
            yield Picture(packet.pts, packet.is_keyframe, bytes(packet))
