"""What is inside a mouth: teeth, gums and tongue, painted once per face as premultiplied RGBA sprites.

Sprites are drawn in mouth widths; row 0 is the top. Their colour is neutral and is tinted when laid into a
face. ``blur`` matches their sharpness to the photo's.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]

SPRITE_WIDTH, SPRITE_HEIGHT = 1.1, 0.5
"""Mouth widths."""
GUM_LINE = 0.07
UPPER_LENGTH, LOWER_LENGTH = 0.15, 0.112
"""Visible length of the longest tooth below and above the gum line."""

UPPER_WIDTHS = (0.098, 0.078, 0.080, 0.072, 0.066, 0.05)
UPPER_HEIGHTS = (0.150, 0.132, 0.142, 0.122, 0.11, 0.10)
LOWER_WIDTHS = (0.064, 0.066, 0.072, 0.070, 0.062, 0.05)
LOWER_HEIGHTS = (0.112, 0.112, 0.118, 0.108, 0.10, 0.09)
ENAMEL = (0.95, 0.91, 0.83)
GUM = (0.55, 0.26, 0.25)
TONGUE = (0.66, 0.33, 0.33)


@dataclass(frozen=True)
class Sprites:
    """upper, lower, tongue: (h, w, 4) float32 premultiplied 0…1; texels: per mouth width."""

    upper: FloatImage
    lower: FloatImage
    tongue: FloatImage
    texels: float


def paint_sprites(mouth_width_px: float, blur_px: float, grain: float) -> Sprites:
    """Sprites at twice the mouth's size in the picture, blurred by ``blur_px`` picture pixels.

    ``grain`` is the deviation of their brightness from pixel to pixel, as a part of it.
    """
    texels = max(60.0, 2.0 * mouth_width_px)
    blur = max(1.4, blur_px * texels / mouth_width_px)
    random = np.random.default_rng(3)
    upper_row = _row(texels, UPPER_WIDTHS, UPPER_HEIGHTS, -0.22, 2.6, 0.85, 0.62, random)
    lower_row = _row(texels, LOWER_WIDTHS, LOWER_HEIGHTS, -0.20, 2.2, 0.75, 0.70, random)[::-1]
    upper, lower, tongue = (
        _with_grain(_soften(sprite, blur), grain, texels / mouth_width_px, random)
        for sprite in (upper_row, lower_row, _tongue(texels, random))
    )
    return Sprites(upper, lower, tongue, texels)


def _soften(sprite: FloatImage, blur: float) -> FloatImage:
    return np.ascontiguousarray(cv2.GaussianBlur(sprite, (0, 0), blur), dtype=np.float32)


def _with_grain(
    sprite: FloatImage, grain: float, texels_per_pixel: float, random: np.random.Generator
) -> FloatImage:
    """The sprite with noise as coarse as a picture's pixel, fixed to it as paint is."""
    noise = random.normal(size=sprite.shape[:2]).astype(np.float32)
    noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), 0.6 * texels_per_pixel), np.float32)
    grainy = sprite.copy()
    grainy[..., :3] *= np.clip(1 + grain * noise / noise.std(), 0, 2)[..., None]
    return np.ascontiguousarray(grainy, dtype=np.float32)


def _ramp(t: NDArray[np.floating]) -> FloatImage:
    u = np.clip(t, 0, 1)
    return np.asarray(u * u * (3 - 2 * u), np.float32)


def _plane(texels: float) -> tuple[FloatImage, FloatImage]:
    """x from the middle and y from the top, in mouth widths."""
    width, height = int(SPRITE_WIDTH * texels), int(SPRITE_HEIGHT * texels)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return (x - (width - 1) / 2) / np.float32(texels), y / np.float32(texels)


def _row(
    texels: float,
    widths: tuple[float, ...],
    heights: tuple[float, ...],
    curve: float,
    roundness: float,
    gum: float,
    arch: float,
    random: np.random.Generator,
) -> FloatImage:
    """A row of teeth hanging from the gum line; ``arch`` darkens them towards the corners."""
    x, y = _plane(texels)
    color = np.zeros((*x.shape, 3), np.float32)
    alpha = np.zeros(x.shape, np.float32)
    edges = np.concatenate([[0.0], np.cumsum(widths)])
    for sign in (1, -1):
        for i, (width, height) in enumerate(zip(widths, heights, strict=True)):
            center = sign * float(edges[i] + width / 2)
            base = GUM_LINE + curve * center**2
            across, down = np.abs(x - center) / (width / 2), (y - base) / height
            body = across**6 + np.clip((np.clip(down, 0, 1.4) - 0.55) / 0.45, 0, 9) ** roundness
            mask = _ramp((1.0 - body) * 3.2) * (down > -0.25)
            shade = 0.80 + 0.20 * np.sqrt(np.clip(1 - across**2 * 0.85, 0, 1))
            shade *= (1 - 0.10 * np.clip(1 - down * 1.3, 0, 1)) * (1 - 0.10 * np.clip(down - 0.8, 0, 1))
            depth = max(1 - arch * (abs(center) / 0.42) ** 1.6, 0.1)
            tone = np.array(ENAMEL) * [1, 1 - 0.02 * i, 1 - 0.045 * i] * (1 + random.uniform(-0.025, 0.025))
            visible = (mask * (1 - alpha))[..., None]
            color += (visible * (shade * depth)[..., None] * tone).astype(np.float32)
            alpha += mask * (1 - alpha)
    # Behind the teeth stands a darker row, so that no gap between two of them is black.
    deep = 0.8 * max(heights)
    arc = GUM_LINE + curve * x**2
    band = _ramp((y - arc) / 0.02 + 1) * _ramp((arc + deep - y) / 0.02) * _ramp((0.42 - np.abs(x)) / 0.06)
    band = band * (1 - alpha)
    band_depth = np.clip(1 - arch * (np.abs(x) / 0.42) ** 1.6, 0.1, 1)
    color += (band * band_depth * 0.62)[..., None] * np.array(ENAMEL, np.float32)
    alpha += band
    edge = GUM_LINE + 0.02 + curve * x**2
    flesh = gum * _ramp((edge - y) / 0.03 + 0.5) * _ramp((0.5 - np.abs(x)) / 0.08)
    depth_map = np.clip(1 - arch * (np.abs(x) / 0.42) ** 1.6, 0.1, 1)
    color = color * (1 - flesh[..., None]) + (flesh * depth_map)[..., None] * np.array(GUM, np.float32)
    return np.dstack([color, np.maximum(alpha, flesh)]).astype(np.float32)


def _tongue(texels: float, random: np.random.Generator) -> FloatImage:
    x, y = _plane(texels)
    distance = np.hypot(x / 0.34, (y - 0.30) / 0.24)
    alpha = _ramp((1 - distance) * 6)
    groove = np.exp(-((x / 0.018) ** 2)) * _ramp((y - 0.1) / 0.1)
    shade = 0.62 + 0.38 * np.clip(1 - distance, 0, 1) ** 0.6 - 0.10 * groove
    grain = cv2.GaussianBlur(random.normal(size=x.shape).astype(np.float32), (0, 0), texels * 0.008)
    shade = np.clip(shade * (1 + 0.04 * grain / grain.std()), 0, 1.2)
    shine = np.exp(-(((x + 0.05) / 0.10) ** 2) - ((y - 0.14) / 0.03) ** 2) * 0.12
    color = shade[..., None] * np.array(TONGUE, np.float32) + shine[..., None]
    return np.dstack([color * alpha[..., None], alpha]).astype(np.float32)
