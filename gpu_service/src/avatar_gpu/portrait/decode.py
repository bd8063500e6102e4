"""Image bytes → upright RGB, whatever the camera or the designer wrote, within stated limits."""

from __future__ import annotations

import importlib.util
import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms

from avatar_contracts.problems import ImageTooLarge, ImageUnreadable
from avatar_gpu.protocols import RgbImage

MAX_IMAGE_BYTES = 32 * 2**20
MAX_IMAGE_PIXELS = 40_000_000
MIN_SIDE_PX = 32

NEUTRAL_GREY = (200, 200, 200)
"""What shows through where the image is transparent."""

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "HEIF")
"""Pillow's decoders that run no other program; the rest (EPS, PDF …) are not asked."""

EXIF_ORIENTATION = 0x0112
TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

BROKEN_FILE = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, struct.error, zlib.error)
"""What Pillow's decoders raise on damaged files."""


def decode_image(data: bytes) -> RgbImage:
    """(H, W, 3) uint8 RGB, upright by EXIF, in sRGB, transparency over neutral grey.

    Raises:
        ImageTooLarge: more than ``MAX_IMAGE_BYTES`` or ``MAX_IMAGE_PIXELS``.
        ImageUnreadable: no image, a damaged one, or one side shorter than ``MIN_SIDE_PX``.
    """
    if len(data) > MAX_IMAGE_BYTES:
        raise ImageTooLarge(
            f"The image has {len(data) / 2**20:.1f} MiB; the limit is {MAX_IMAGE_BYTES // 2**20} MiB."
        )
    if not data:
        raise ImageUnreadable("The upload is empty. Send a JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF image.")
    _register_heif()
    try:
        with Image.open(io.BytesIO(data), formats=_known_formats()) as image:
            width, height = image.size
            if width * height > MAX_IMAGE_PIXELS:
                raise ImageTooLarge(
                    f"The image has {width} × {height} pixels; the limit is {MAX_IMAGE_PIXELS:,} in all."
                )
            if min(width, height) < MIN_SIDE_PX:
                raise ImageUnreadable(
                    f"The image has {width} × {height} pixels; each side needs at least {MIN_SIDE_PX}."
                )
            image.load()
            rgb = _to_srgb(image)
            turn = TRANSPOSE.get(int(image.getexif().get(EXIF_ORIENTATION, 1)))
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(f"The image is larger than {MAX_IMAGE_PIXELS:,} pixels.") from error
    except BROKEN_FILE as error:
        raise ImageUnreadable(
            "The file is not an image that can be read: it is damaged, cut off, or of another type. "
            "Send a JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF image."
        ) from error
    if turn is not None:
        rgb = rgb.transpose(turn)
    return np.ascontiguousarray(np.asarray(rgb, dtype=np.uint8))


def _known_formats() -> list[str]:
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _register_heif() -> None:
    if "HEIF" in Image.OPEN or importlib.util.find_spec("pillow_heif") is None:
        return
    import pillow_heif

    pillow_heif.register_heif_opener()


def _to_srgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I;16", "I;16L", "I;16B", "I", "F"):
        return _from_wide_grey(image)
    has_alpha = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    if not has_alpha:
        return _apply_profile(image, image.convert("RGB"))
    layered = image.convert("RGBA")
    backdrop = Image.new("RGBA", layered.size, (*NEUTRAL_GREY, 255))
    backdrop.alpha_composite(layered)
    return _apply_profile(image, backdrop.convert("RGB"))


def _from_wide_grey(image: Image.Image) -> Image.Image:
    """16-bit grey by its full range; 32-bit integer and float by what they hold."""
    values = np.asarray(image, dtype=np.float64)
    values = np.nan_to_num(values)
    if image.mode in ("I;16", "I;16L", "I;16B") or (image.mode == "I" and values.max() <= 65_535):
        top = 65_535.0
    elif image.mode == "F" and values.max() <= 1.0:
        top = 1.0
    else:
        top = max(float(values.max()), 255.0)
    grey = np.clip(values / top * 255.0 + 0.5, 0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def _apply_profile(source: Image.Image, rgb: Image.Image) -> Image.Image:
    """Wide-gamut and CMYK colours as sRGB where the file carries a usable profile; else as they are."""
    profile = source.info.get("icc_profile")
    if not profile or source.mode not in ("RGB", "RGBA", "CMYK"):
        return rgb
    picture = source if source.mode == "CMYK" else rgb
    try:
        embedded = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(
            picture, embedded, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        # A profile that does not fit its picture is common and harmless: the pixels are shown unconverted.
        return rgb
    return rgb if converted is None else converted
