from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from avatar_gpu.media.h264 import H264Encoder, Picture


def moving_square(index: int, side: int = 64) -> NDArray[np.uint8]:
    image = np.full((side, side, 3), (40, 90, 160), np.uint8)
    image[8:24, index % 40 : index % 40 + 16] = (230, 200, 30)
    return image


def encode(frames: int, rate: Fraction = Fraction(25)) -> tuple[bytes, list[Picture]]:
    encoder = H264Encoder(64, 64, rate)
    pictures = [p for i in range(frames) for p in encoder.encode(moving_square(i))]
    return encoder.codec_config, pictures + list(encoder.flush())


def decode(config: bytes, pictures: list[Picture]) -> list[NDArray[np.uint8]]:
    with av.open(io.BytesIO(config + b"".join(p.data for p in pictures)), format="h264") as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("frames", [1, 2, 51])
def test_every_frame_comes_out_once_and_in_order(frames: int) -> None:
    config, pictures = encode(frames)
    assert [p.pts for p in pictures] == list(range(frames))
    assert pictures[0].keyframe
    decoded = decode(config, pictures)
    assert len(decoded) == frames


def test_colours_survive() -> None:
    config, pictures = encode(3)
    difference = np.abs(decode(config, pictures)[2][40:60, 40:60].astype(int) - (40, 90, 160))
    assert difference.max() <= 6


def test_equal_options_give_equal_parameter_sets_and_streams_can_be_joined() -> None:
    config_a, first = encode(10)
    config_b, second = encode(7)
    assert config_a == config_b
    assert config_a.startswith(b"\x00\x00\x00\x01")
    assert len(decode(config_a, first + second)) == 17


def test_a_key_frame_comes_at_least_every_two_seconds() -> None:
    _, pictures = encode(60, Fraction(10))
    keys = [p.pts for p in pictures if p.keyframe]
    assert keys == [0, 20, 40]
