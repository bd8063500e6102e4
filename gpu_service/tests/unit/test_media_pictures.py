"""PNG, GIF and WebM with alpha: decoded again, they show what went in."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from PIL import Image, ImageSequence

from avatar_contracts.motion import COEFFICIENT_INDEX, MotionTrack
from avatar_gpu.media.pictures import gif, png_still, transparent_webm
from avatar_gpu.protocols import EngineContext
from avatar_gpu.render.mesh.engine import MeshEngine, MeshLikeness
from avatar_gpu.render.mesh.rehearsal import drawn_portrait

SIZE = 128


def squares(count: int) -> Iterator[np.ndarray]:
    """A bright square that moves right over blue."""
    for i in range(count):
        frame = np.full((SIZE, SIZE, 3), (20, 40, 160), np.uint8)
        frame[40:80, 4 * i + 10 : 4 * i + 50] = (220, 200, 60)
        yield frame


def cut_outs(count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for i, frame in enumerate(squares(count)):
        matte = np.zeros((SIZE, SIZE), np.uint8)
        matte[40:80, 4 * i + 10 : 4 * i + 50] = 255
        yield frame, matte


def alpha_planes(data: bytes) -> list[np.ndarray]:
    """Alpha by libvpx: the native decoder of VP9 leaves it out."""
    planes = []
    decoder = av.CodecContext.create("libvpx-vp9", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    with av.open(io.BytesIO(data)) as container:
        for packet in container.demux(video=0):
            for frame in decoder.decode(packet if packet.size else None):
                assert frame.format.name == "yuva420p"
                plane = frame.planes[3]
                rows = np.frombuffer(bytes(plane), np.uint8).reshape(-1, plane.line_size)
                planes.append(rows[: frame.height, : frame.width])
    return planes


def test_without_a_frame_there_is_no_file() -> None:
    with pytest.raises(ValueError, match="frame"):
        gif(iter(()), Fraction(25))
    with pytest.raises(ValueError, match="frame"):
        transparent_webm(iter(()), Fraction(25))


def test_a_png_is_the_frame_itself() -> None:
    frame, matte = next(cut_outs(1))
    with Image.open(io.BytesIO(png_still(frame))) as opened:
        assert np.array_equal(np.asarray(opened), frame)
    with Image.open(io.BytesIO(png_still(frame, matte))) as opened:
        assert opened.mode == "RGBA"
        assert np.array_equal(np.asarray(opened)[..., 3], matte)


@pytest.mark.parametrize(
    ("rate", "given", "shown"),
    [(Fraction(25), 10, 10), (Fraction(30_000, 1001), 12, 12), (Fraction(60), 12, 6)],
)
def test_a_gif_keeps_the_time_and_loops(rate: Fraction, given: int, shown: int) -> None:
    with Image.open(io.BytesIO(gif(squares(given), rate))) as opened:
        assert opened.info["loop"] == 0
        pictures = [
            (np.asarray(p.convert("RGB")), p.info["duration"]) for p in ImageSequence.Iterator(opened)
        ]
    assert len(pictures) == shown
    assert sum(ms for _, ms in pictures) == pytest.approx(float(given / rate) * 1000, abs=10)
    expected = list(squares(given))[:: given // shown]
    for (seen, _), frame in zip(pictures, expected, strict=True):
        assert np.abs(seen.astype(int) - frame).mean() < 6


def test_a_webm_has_the_colours_the_alpha_and_the_times() -> None:
    rate = Fraction(30_000, 1001)
    data = transparent_webm(cut_outs(8), rate)
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.metadata.get("alpha_mode")) == ("vp9", "1")
        frames = list(container.decode(video=0))
    times = [float(frame.time or 0) for frame in frames]
    assert times == pytest.approx([float(i / rate) for i in range(8)], abs=0.0011)
    for frame, alpha, (picture, matte) in zip(frames, alpha_planes(data), cut_outs(8), strict=True):
        assert np.abs(alpha.astype(int) - matte).mean() < 4
        inner = cv2.erode(matte, np.ones((9, 9), np.uint8)) > 0
        seen = frame.to_ndarray(format="rgb24")
        assert np.abs(seen[inner].astype(int) - picture[inner]).mean() < 8


def test_a_webm_carries_its_sound() -> None:
    rate_hz = 24_000
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)).astype(np.float32)
    data = transparent_webm(cut_outs(25), Fraction(25), tone, rate_hz)
    with av.open(io.BytesIO(data)) as container:
        assert container.streams.audio[0].codec_context.name == "opus"
        heard = np.concatenate([f.to_ndarray().mean(0) for f in container.decode(audio=0)])
    assert len(heard) / 48_000 == pytest.approx(1.0, abs=0.04)
    assert np.argmax(np.abs(np.fft.rfft(heard[4_800:43_200]))) == pytest.approx(440 * 0.8, abs=2)


@pytest.fixture(scope="module")
def likeness(tmp_path_factory: pytest.TempPathFactory) -> tuple[MeshEngine, MeshLikeness]:
    engine = MeshEngine(EngineContext("cpu", tmp_path_factory.mktemp("models"), 1))
    return engine, engine.prepare(drawn_portrait(), SIZE)


def test_only_a_head_with_a_matte_is_cut_out(likeness: tuple[MeshEngine, MeshLikeness]) -> None:
    engine, _ = likeness
    whole = engine.prepare(drawn_portrait(), SIZE, "full")
    with pytest.raises(ValueError, match="cut out"):
        engine.cut_outs(whole, MotionTrack.rest(1))


def test_cut_outs_over_the_background_are_the_frames(likeness: tuple[MeshEngine, MeshLikeness]) -> None:
    engine, face = likeness
    poses = MotionTrack.rest(2)
    poses.coeffs[1, COEFFICIENT_INDEX["jawOpen"]] = 0.4
    poses.rotation[1, 0] = 0.15
    background = face.layers.background
    assert background is not None
    pairs = zip(engine.render(face, poses), engine.cut_outs(face, poses), strict=True)
    for frame, (person, matte) in pairs:
        share = matte[..., None] / 255
        over = person * share + background * (1 - share)
        assert np.abs(over - frame).mean() < 0.5
        assert 0 < (matte > 128).mean() < 0.9
