"""What is refused as an image, and that every honest image arrives upright in plain RGB."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from avatar_contracts.problems import ImageTooLarge, ImageUnreadable
from avatar_gpu.portrait import decode
from avatar_gpu.portrait.decode import NEUTRAL_GREY, decode_image


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def corners() -> Image.Image:
    """Red, green, blue and white quarters, 64 × 48 px."""
    array = np.zeros((48, 64, 3), np.uint8)
    array[:24, :32], array[:24, 32:], array[24:, :32], array[24:, 32:] = (
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (255, 255, 255),
    )
    return Image.fromarray(array)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"This is a letter, not a picture.\n" * 20,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 64,
        b"\xff\xd8\xff\xe0" + b"\0" * 64,
        b"%PDF-1.7\n1 0 obj\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n",
        b"RIFF\0\0\0\0WEBPVP8 ",
    ],
)
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(ImageUnreadable):
        decode_image(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_cut_off_image_is_refused(kind: str) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8))
    data = encoded(noise, kind)
    with pytest.raises(ImageUnreadable):
        decode_image(data[: len(data) // 2])


def test_a_damaged_checksum_is_refused() -> None:
    data = bytearray(encoded(corners()))
    data[data.index(b"IDAT") + 6] ^= 0xFF
    with pytest.raises(ImageUnreadable):
        decode_image(bytes(data))


def test_more_bytes_than_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_IMAGE_BYTES", 100)
    with pytest.raises(ImageTooLarge):
        decode_image(encoded(corners()) + b"\0" * 100)


@pytest.mark.parametrize("side", [7_000, 30_000])
def test_a_small_file_that_unpacks_to_a_huge_picture_is_refused_before_unpacking(side: int) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(ImageTooLarge):
        decode_image(bomb)


def test_a_picture_of_a_few_pixels_is_refused() -> None:
    with pytest.raises(ImageUnreadable, match="16"):
        decode_image(encoded(Image.new("RGB", (16, 16))))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_arrives_upright(orientation: int) -> None:
    upright = corners()
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = upright if undo is None else upright.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(decode_image(encoded(stored, exif=exif)), np.asarray(upright))


def test_transparency_shows_neutral_grey() -> None:
    layered = corners().convert("RGBA")
    layered.putalpha(Image.new("L", layered.size, 0))
    assert (decode_image(encoded(layered)) == NEUTRAL_GREY).all()


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "I;16"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    if mode == "I;16":
        ramp = np.linspace(0, 65_535, 64 * 48).reshape(48, 64).astype(np.uint16)
        image = Image.fromarray(ramp)
    else:
        image = corners().convert(mode)
    rgb = decode_image(encoded(image))
    assert rgb.shape == (48, 64, 3)
    assert rgb.dtype == np.uint8
    assert rgb.min() < 35
    assert rgb.max() > 245


def test_cmyk_keeps_its_colours() -> None:
    rgb = decode_image(encoded(corners().convert("CMYK"), "JPEG", quality=95))
    assert np.abs(rgb[4:20, 4:28].reshape(-1, 3).mean(0) - [255, 0, 0]).max() < 12
    assert np.abs(rgb[30:44, 36:60].reshape(-1, 3).mean(0) - [255, 255, 255]).max() < 12


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF"])
def test_common_file_types_are_read(kind: str) -> None:
    if kind not in Image.SAVE and not (Image.init() and kind in Image.SAVE):
        pytest.skip(f"this Pillow does not write {kind}")
    rgb = decode_image(encoded(corners(), kind))
    assert np.abs(rgb[4:20, 4:28].reshape(-1, 3).mean(0) - [255, 0, 0]).max() < 20


def test_heic_is_read_where_the_plug_in_is_installed() -> None:
    heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    heif.register_heif_opener()
    rgb = decode_image(encoded(corners(), "HEIF", quality=90))
    assert np.abs(rgb[4:20, 4:28].reshape(-1, 3).mean(0) - [255, 0, 0]).max() < 20


def test_a_broken_colour_profile_does_not_refuse_the_picture() -> None:
    data = encoded(corners(), icc_profile=b"no profile at all")
    assert np.array_equal(decode_image(data), np.asarray(corners()))
