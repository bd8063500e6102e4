"""The eyeball under the lids: the photo's own eye, turned by the gaze, shaded as the lid comes down."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from avatar_gpu.protocols import RgbImage
from avatar_gpu.render.mesh.compiled import compiled
from avatar_gpu.render.mesh.geometry import Eye, FaceMesh, Opening
from avatar_gpu.render.mesh.kernels import edge_profile, smooth_step, strip_bounds
from avatar_gpu.render.mesh.layers import push_pull
from avatar_gpu.render.mesh.relief import HeadMotion

EYEBALL_IN_IRISES = 2.05
"""The eyeball's radius in radii of the iris (12 mm to 5.85 mm): an angle's sine times this moves the iris."""
PATCH_MARGIN = 0.14
"""Inter-ocular distances of texture kept around the lids."""
LID_SHADOW = 0.35
SEAM_FROM, SEAM_GAP_PX = 0.7, 0.8
"""Lids this far shut and this close together are drawn with a smooth seam."""


@dataclass(frozen=True)
class Eyeball:
    """patch: (h, w, 3) float32 0…255, the eye continued behind the lids; corner: its origin in the texture;
    iris: centre in the texture with depth; gap: height of the open eye."""

    opening: Opening
    patch: NDArray[np.float32]
    corner: tuple[int, int]
    iris: NDArray[np.float64]
    iris_radius: float
    gap: float


def build_eyeball(mesh: FaceMesh, eye: Eye, texture: RgbImage) -> Eyeball:
    """The eye cut from the photo."""
    margin = PATCH_MARGIN * mesh.frame.interocular
    upper, lower = mesh.vertices[eye.opening.upper, :2], mesh.vertices[eye.opening.lower, :2]
    outline = np.concatenate([upper, lower[-2:0:-1]])
    side = texture.shape[0]
    x0, y0 = np.maximum(np.floor(outline.min(0) - margin), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(outline.max(0) + margin), side).astype(int)
    photo = texture[y0:y1, x0:x1].astype(np.float32)
    mask = np.zeros(photo.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round((outline - [x0, y0]) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    inner = cv2.erode((mask > 200).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    patch = np.where((mask > 200)[..., None], photo, push_pull(photo, inner))
    gap = float(np.hypot(*(upper - lower).T).max())
    center = np.array([*eye.iris[:2], float(mesh.vertices[eye.opening.upper, 2].mean())])
    return Eyeball(
        eye.opening,
        np.ascontiguousarray(patch, dtype=np.float32),
        (int(x0), int(y0)),
        center,
        max(1.0, eye.iris_radius),
        max(1.0, gap),
    )


def draw_eye(
    frame: RgbImage,
    ball: Eyeball,
    screen: NDArray[np.float32],
    rim: float,
    motion: HeadMotion,
    gaze: NDArray[np.float32],
    closed: float,
) -> None:
    """Lays the eyeball into the opening between the bent lids, in place.

    gaze: yaw and pitch in radians, positive to image right and up; closed: 0 open … 1 shut.
    """
    ends = screen[ball.opening.upper[[0, -1]]].astype(np.float64) - rim
    along = ends[1] - ends[0]
    length = float(np.hypot(*along))
    if length < 3:
        return
    along /= length
    count = max(8, int(length) + 2)
    step = length / (count - 1)
    upper, lower = np.empty(count, np.float32), np.empty(count, np.float32)
    for edge, profile in ((ball.opening.upper, upper), (ball.opening.lower, lower)):
        edge_profile(screen, edge, rim, ends[0, 0], ends[0, 1], along[0], along[1], 0.0, step, profile)
    if closed > SEAM_FROM:
        soften_seam(frame, upper, lower, ends[0], along, step)
    if float((lower - upper).max()) < 0.3:
        return
    matrix = motion.matrix[:2, :2].astype(np.float64)
    inverse = np.asarray(np.linalg.inv(matrix), np.float64)
    depth = motion.matrix[:2, 2] * ball.iris[2] + motion.offset[:2] - rim
    shift = np.array([np.sin(gaze[0]), -np.sin(gaze[1])]) * EYEBALL_IN_IRISES * ball.iris_radius
    _draw(
        frame,
        ball.patch,
        upper,
        lower,
        ends[0],
        along,
        step,
        inverse,
        depth.astype(np.float64),
        np.array(ball.corner, np.float64),
        ball.iris[:2].copy(),
        ball.iris_radius,
        shift,
        LID_SHADOW * closed,
        0.45 * ball.gap,
    )


@compiled
def soften_seam(
    frame: NDArray[np.uint8],
    upper: NDArray[np.float32],
    lower: NDArray[np.float32],
    origin: NDArray[np.float64],
    along: NDArray[np.float64],
    step: float,
) -> None:
    """Where the lids touch, the pixel that the seam runs through takes its share of both sides."""
    count = upper.shape[0]
    if along[0] < 0.5:
        return
    last_x = origin[0] + along[0] * step * (count - 1)
    for x in range(max(0, math.ceil(origin[0])), min(frame.shape[1] - 1, math.floor(last_x)) + 1):
        s, t, gap = 0.0, 0.0, 0.0
        for _ in range(2):
            t = (x - origin[0] + s * along[1]) / along[0]
            position = min(max(t / step, 0.0), count - 1.001)
            i = int(position)
            share = position - i
            lid = upper[i] + share * (upper[i + 1] - upper[i])
            floor = lower[i] + share * (lower[i + 1] - lower[i])
            s, gap = 0.5 * (lid + floor), floor - lid
        weight = 1 - abs(gap) / SEAM_GAP_PX
        seam = origin[1] + t * along[1] + s * along[0]
        y = math.floor(seam + 0.5)
        if weight <= 0 or y < 1 or y >= frame.shape[0] - 1:
            continue
        below = y + 0.5 - seam
        for channel in range(3):
            mixed = frame[y - 1, x, channel] * (1 - below) + frame[y + 1, x, channel] * below
            frame[y, x, channel] = int(frame[y, x, channel] * (1 - weight) + mixed * weight + 0.5)


@compiled
def _draw(
    frame: NDArray[np.uint8],
    patch: NDArray[np.float32],
    upper: NDArray[np.float32],
    lower: NDArray[np.float32],
    origin: NDArray[np.float64],
    along: NDArray[np.float64],
    step: float,
    inverse: NDArray[np.float64],
    depth: NDArray[np.float64],
    corner: NDArray[np.float64],
    iris: NDArray[np.float64],
    radius: float,
    shift: NDArray[np.float64],
    shadow: float,
    shadow_reach: float,
) -> None:
    patch_height, patch_width = patch.shape[0], patch.shape[1]
    count = upper.shape[0]
    length = step * (count - 1)
    top, bottom = upper.min() - 2, lower.max() + 2
    left, right, high, low = strip_bounds(frame, origin, along, length, top, bottom)
    for y in range(high, low):
        for x in range(left, right):
            px, py = x - origin[0], y - origin[1]
            t = px * along[0] + py * along[1]
            if t <= 0 or t >= length:
                continue
            s = -px * along[1] + py * along[0]
            position = t / step
            i = min(int(position), count - 2)
            share = position - i
            lid = upper[i] + share * (upper[i + 1] - upper[i])
            floor = lower[i] + share * (lower[i + 1] - lower[i])
            cover = min(1.0, max(0.0, s - lid + 0.5)) * min(1.0, max(0.0, floor - s + 0.5))
            cover *= min(1.0, max(0.0, (floor - lid) * 1.5 - 0.2))
            if cover <= 0:
                continue
            rx, ry = x - depth[0], y - depth[1]
            u = inverse[0, 0] * rx + inverse[0, 1] * ry
            v = inverse[1, 0] * rx + inverse[1, 1] * ry
            distance = math_hypot(u - shift[0] - iris[0], v - shift[1] - iris[1]) / radius
            follow = 1 - smooth_step((distance - 1.05) / 0.95)
            u -= shift[0] * follow + corner[0]
            v -= shift[1] * follow + corner[1]
            u = min(max(u, 0.0), patch_width - 1.001)
            v = min(max(v, 0.0), patch_height - 1.001)
            iu, iv = int(u), int(v)
            fu, fv = u - iu, v - iv
            light = 1.0
            if shadow > 0:
                light = 1 - shadow * (1 - smooth_step((s - lid) / shadow_reach))
            for channel in range(3):
                near = patch[iv, iu, channel] * (1 - fu) + patch[iv, iu + 1, channel] * fu
                far = patch[iv + 1, iu, channel] * (1 - fu) + patch[iv + 1, iu + 1, channel] * fu
                color = (near * (1 - fv) + far * fv) * light
                frame[y, x, channel] = int(frame[y, x, channel] * (1 - cover) + color * cover + 0.5)


@compiled
def math_hypot(x: float, y: float) -> float:
    """Length of (x, y)."""
    return float(np.sqrt(x * x + y * y))
