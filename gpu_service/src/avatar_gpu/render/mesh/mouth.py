"""The mouth behind the lips: what one face shows there, and how a frame is drawn.

The upper teeth are fixed to the skull, lower teeth and tongue to the jaw. Where the photo shows its own
teeth, these are used. At rest the photo's own mouth is left untouched.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from avatar_gpu.portrait import topology as face
from avatar_gpu.protocols import RgbImage
from avatar_gpu.render.mesh.compiled import compiled
from avatar_gpu.render.mesh.eyes import Eyeball
from avatar_gpu.render.mesh.geometry import FaceMesh, FloatMatrix
from avatar_gpu.render.mesh.interior import ENAMEL, Sprites, paint_sprites
from avatar_gpu.render.mesh.kernels import edge_profile, smooth_step, strip_bounds
from avatar_gpu.render.mesh.layers import push_pull
from avatar_gpu.render.mesh.relief import HeadMotion

FloatImage = NDArray[np.float32]

LUMA = np.array([0.299, 0.587, 0.114])
CHEEKS = (50, 280, 205, 425, 101, 330)
UPPER_TEETH_TOP = -0.17
"""Where the upper sprite begins, in mouth widths below the line of closed lips."""
LOWER_TEETH_EDGE = -0.04
TONGUE_TOP = -0.17
MAX_GRAIN = 0.06
PARTED = 0.07
"""A rest gap above this many mouth widths may show teeth."""
LIP_LINE = 0.32
"""Darkness of the line between lips that the photo shows parted."""


@dataclass(frozen=True)
class MouthLook:
    """What one face's mouth looks like inside.

    light: brightness of its teeth 0…1; tint: (3,) colour of its light; cavity: (3,) darkest colour;
    teeth: (h, w, 4) float32 premultiplied photo teeth at ``teeth_corner`` of the texture, or an empty array;
    lower_edge: where the lower teeth begin, mouth widths below the line of closed lips.
    """

    sprites: Sprites
    light: float
    tint: NDArray[np.float64]
    colorfulness: float
    cavity: NDArray[np.float64]
    teeth: FloatImage
    teeth_corner: tuple[int, int]
    lower_edge: float
    line: FloatMatrix
    parted: bool


@dataclass(frozen=True)
class MouthState:
    """What the frame asks of the mouth.

    jaw: (2,) right and down, mouth widths; tongue_up, rounding, rest: 0…1, ``rest`` being how much of the
    photo's own mouth is shown; seal: 0…1.
    """

    jaw: FloatMatrix
    tongue_up: float
    tongue_out: float
    rounding: float
    rest: float
    seal: float


def look_into_mouth(mesh: FaceMesh, texture: RgbImage, eyeballs: tuple[Eyeball, Eyeball]) -> MouthLook:
    """Colours from eye whites and cheeks, sharpness from the lips, teeth from the photo if it shows any."""
    points, frame = mesh.landmarks, mesh.frame
    photo = np.asarray(texture / np.float32(255), np.float32)
    side = texture.shape[0]
    cheek = np.median([photo[_pixel(points[i], side)] for i in CHEEKS], axis=0)
    skin_light = float(cheek @ LUMA)
    white = _eye_white(eyeballs)
    light = float(np.clip(max(float(white @ LUMA), skin_light * 1.12), 0.35, 0.92))
    tint = np.clip(white / max(float(white @ LUMA), 1e-3), 0.75, 1.3) * 0.5
    tint = tint + 0.35 * np.clip(cheek / max(skin_light, 1e-3), 0.5, 1.4) + 0.15
    line = (points[face.UPPER_LIP_INNER[5]] + points[face.LOWER_LIP_INNER[5]]) / 2
    gap = float(np.hypot(*(points[14, :2] - points[13, :2])))
    teeth = np.zeros((0, 0, 4), np.float32)
    corner = (0, 0)
    lower_edge = LOWER_TEETH_EDGE
    if gap > PARTED * frame.mouth_width:
        found = _photo_teeth(mesh, photo, light)
        if found is not None:
            teeth, corner, color, edge = found
            brightness = float(color @ LUMA)
            light = float(np.clip(brightness * 1.02, skin_light * 0.9, 0.95))
            tint = np.clip(color / max(brightness, 1e-3) / np.array(ENAMEL) * 0.92, 0.8, 1.15)
            lower_edge = max(
                lower_edge, float((edge - line[:2]) @ frame.down[:2]) / frame.mouth_width - 0.012
            )
    return MouthLook(
        paint_sprites(frame.mouth_width, _blur(mesh, texture), _grain(points, texture, light)),
        light,
        np.asarray(tint, np.float64),
        _colorfulness(mesh, photo),
        np.array([0.24, 0.085, 0.08]) * light,
        teeth,
        corner,
        lower_edge,
        line,
        gap > 0.02 * frame.mouth_width,
    )


def _pixel(point: FloatMatrix, side: int) -> tuple[int, int]:
    return int(np.clip(point[1], 0, side - 1)), int(np.clip(point[0], 0, side - 1))


def _eye_white(eyeballs: tuple[Eyeball, Eyeball]) -> NDArray[np.float64]:
    """The brighter part of what surrounds the irises, 0…1."""
    found = []
    for ball in eyeballs:
        rows, columns = np.mgrid[0 : ball.patch.shape[0], 0 : ball.patch.shape[1]]
        x, y = columns + ball.corner[0] - ball.iris[0], rows + ball.corner[1] - ball.iris[1]
        ring = (np.hypot(x, y) > 1.15 * ball.iris_radius) & (np.hypot(x, y) < 2.2 * ball.iris_radius)
        ring &= np.abs(y) < 0.3 * ball.gap
        pixels = ball.patch[ring] / 255
        if len(pixels) > 5:
            bright = np.argsort(pixels.sum(1))[int(len(pixels) * 0.6) :]
            found.append(pixels[bright].mean(0))
    return np.asarray(np.mean(found, axis=0) if found else [0.85, 0.83, 0.80], np.float64)


def _colorfulness(mesh: FaceMesh, photo: FloatImage) -> float:
    """0 for a black-and-white photo … 1 for ordinary skin colours."""
    outline = mesh.landmarks[list(face.FACE_OVAL), :2]
    x0, y0 = np.maximum(outline.min(0), 0).astype(int)
    x1, y1 = outline.max(0).astype(int)
    skin = photo[y0:y1, x0:x1]
    return float(np.clip((skin.max(-1) - skin.min(-1)).mean() / 0.12, 0, 1))


def _blur(mesh: FaceMesh, texture: RgbImage) -> float:
    """Picture pixels of blur that make painted teeth as soft as the photo around the mouth."""
    center, reach = (mesh.landmarks[13, :2] + mesh.landmarks[14, :2]) / 2, mesh.frame.mouth_width
    side = texture.shape[0]
    x0, y0 = np.clip(center - reach, 0, side - 8).astype(int)
    x1, y1 = np.clip(center + reach, 8, side).astype(int)
    grey = cv2.cvtColor(texture[y0:y1, x0:x1], cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = float(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1)).mean())
    return float(np.clip(1.7 - 0.45 * detail, 0.5, 1.5)) * mesh.crop.size_px / 512


def _grain(points: FloatMatrix, texture: RgbImage, light: float) -> float:
    """The photo's noise and brush marks on the cheeks, as a deviation relative to the teeth's brightness."""
    side = texture.shape[0]
    reach = max(4, side // 40)
    found = []
    for mark in CHEEKS:
        y, x = _pixel(points[mark], side)
        patch = texture[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach]
        grey = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY).astype(np.float32)
        found.append(float((grey - cv2.GaussianBlur(grey, (0, 0), 1.5)).std()))
    return float(np.clip(np.median(found) / 255 / light, 0, MAX_GRAIN))


def _photo_teeth(
    mesh: FaceMesh, photo: FloatImage, light: float
) -> tuple[FloatImage, tuple[int, int], NDArray[np.float64], FloatMatrix] | None:
    """The photo's teeth continued behind the lips: patch, corner, mean colour, lower edge (2,); or None."""
    frame = mesh.frame
    upper, lower = mesh.vertices[mesh.mouth.upper, :2], mesh.vertices[mesh.mouth.lower, :2]
    outline = np.concatenate([upper, lower[-2:0:-1]])
    margin = 0.25 * frame.mouth_width
    side = photo.shape[0]
    x0, y0 = np.maximum(np.floor(outline.min(0) - margin), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(outline.max(0) + margin), side).astype(int)
    patch = np.ascontiguousarray(photo[y0:y1, x0:x1])
    mask = np.zeros(patch.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round((outline - [x0, y0]) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    inside = cv2.erode((mask > 200).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    value = patch.max(-1)
    saturation = (value - patch.min(-1)) / np.maximum(value, 1e-3)

    def ramp(t: FloatImage) -> FloatImage:
        u = np.clip(t, 0, 1)
        return np.asarray(u * u * (3 - 2 * u), np.float32)

    likely = ramp((value - 0.45 * light) / (0.25 * light)) * ramp((0.55 - saturation) / 0.2) * inside
    sure = likely > 0.6
    if likely.sum() < 0.25 * max(float(inside.sum()), 1.0) or sure.sum() < 20:
        return None
    color = patch[sure].mean(0).astype(np.float64)
    rows, columns = np.nonzero(sure)
    where = np.column_stack([columns + x0, rows + y0]).astype(np.float64)
    middle = (mesh.landmarks[13, :2] + mesh.landmarks[14, :2]) / 2
    central = where[np.abs((where - middle) @ frame.right[:2]) < 0.12 * frame.mouth_width]
    reach = np.percentile((central - middle) @ frame.down[:2], 97) if len(central) > 10 else 0.0
    edge = middle + frame.down[:2] * reach
    alpha = np.asarray(cv2.GaussianBlur(likely, (0, 0), 1.0 * side / 512), np.float32)
    extended = push_pull(patch, sure.astype(np.float32))
    teeth = np.dstack([extended * alpha[..., None], alpha]).astype(np.float32)
    return np.ascontiguousarray(teeth), (int(x0), int(y0)), color, edge


def draw_mouth(
    frame: RgbImage,
    mesh: FaceMesh,
    look: MouthLook,
    screen: NDArray[np.float32],
    motion: HeadMotion,
    state: MouthState,
) -> None:
    """Lays the inside of the mouth into the opening between the bent lips, in place."""
    rim = mesh.crop.rim_px
    ends = screen[mesh.mouth.upper[[0, -1]]].astype(np.float64) - rim
    along = ends[1] - ends[0]
    length = float(np.hypot(*along))
    if length < 4:
        return
    along /= length
    count = max(16, int(length) + 2)
    step = length / (count - 1)
    upper, lower = np.empty(count, np.float32), np.empty(count, np.float32)
    for edge, profile in ((mesh.mouth.upper, upper), (mesh.mouth.lower, lower)):
        edge_profile(screen, edge, rim, ends[0, 0], ends[0, 1], along[0], along[1], 0.0, step, profile)
    gap = float((lower - upper).max())
    line = LIP_LINE * state.seal if look.parted else 0.0
    if gap < 0.4 and line < 0.01:
        return
    face_frame = mesh.frame
    width = face_frame.mouth_width
    plane = np.column_stack([face_frame.right[:2], face_frame.down[:2]]) * width
    matrix = motion.matrix[:2, :2].astype(np.float64)
    depth = motion.matrix[:2, 2] * look.line[2] + motion.offset[:2] - rim
    to_photo = np.linalg.inv(matrix)
    photo_offset = -to_photo @ depth
    to_mouth = np.linalg.inv(plane) @ to_photo
    mouth_offset = np.linalg.inv(plane) @ (photo_offset - look.line[:2])
    tongue_lift = (
        0.16 * state.tongue_up + 0.06 * state.tongue_out - 0.10 * (1 - min(1.0, gap / (0.25 * width)))
    )
    _draw(
        frame,
        upper,
        lower,
        ends[0],
        along,
        step,
        np.column_stack([to_mouth, mouth_offset]),
        np.column_stack([to_photo, photo_offset - np.array(look.teeth_corner)]),
        look.sprites.upper,
        look.sprites.lower,
        look.sprites.tongue,
        look.sprites.texels,
        look.teeth,
        np.array([UPPER_TEETH_TOP, look.lower_edge + 0.182 - 0.5, TONGUE_TOP - tongue_lift]),
        state.jaw.astype(np.float64),
        look.cavity,
        look.tint,
        look.light,
        look.colorfulness,
        width,
        state.rounding,
        state.rest,
        line,
    )


@compiled
def _sample(sprite: NDArray[np.float32], u: float, v: float, out: NDArray[np.float64]) -> None:
    """Bilinear premultiplied RGBA at column u, row v; transparent outside."""
    height, width = sprite.shape[0], sprite.shape[1]
    if u < 0 or v < 0 or u >= width - 1 or v >= height - 1:
        out[0] = out[1] = out[2] = out[3] = 0.0
        return
    iu, iv = int(u), int(v)
    fu, fv = u - iu, v - iv
    for channel in range(4):
        near = sprite[iv, iu, channel] * (1 - fu) + sprite[iv, iu + 1, channel] * fu
        far = sprite[iv + 1, iu, channel] * (1 - fu) + sprite[iv + 1, iu + 1, channel] * fu
        out[channel] = near * (1 - fv) + far * fv


@compiled
def _draw(
    frame: NDArray[np.uint8],
    upper: NDArray[np.float32],
    lower: NDArray[np.float32],
    origin: NDArray[np.float64],
    along: NDArray[np.float64],
    step: float,
    to_mouth: NDArray[np.float64],
    to_photo: NDArray[np.float64],
    upper_teeth: NDArray[np.float32],
    lower_teeth: NDArray[np.float32],
    tongue: NDArray[np.float32],
    texels: float,
    photo_teeth: NDArray[np.float32],
    tops: NDArray[np.float64],
    jaw: NDArray[np.float64],
    cavity: NDArray[np.float64],
    tint: NDArray[np.float64],
    light: float,
    colorfulness: float,
    mouth_width: float,
    rounding: float,
    rest: float,
    line: float,
) -> None:
    count = upper.shape[0]
    length = step * (count - 1)
    top, bottom = min(upper.min(), lower.min()) - 3, max(lower.max(), upper.max()) + 3
    left, right, high, low = strip_bounds(frame, origin, along, length, top, bottom)
    sample = np.zeros(4)
    color = np.zeros(3)
    middle_u = 0.55 * texels
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
            lip = upper[i] + share * (upper[i + 1] - upper[i])
            floor = lower[i] + share * (lower[i + 1] - lower[i])
            off_center = abs(2 * t / length - 1)
            if line > 0 and floor - lip < 1.5:
                near = 1 - abs(s - 0.5 * (lip + floor)) / 1.1
                if near > 0:
                    dark = line * near * (1 - max(0.0, floor - lip) / 1.5) * (1 - off_center**3)
                    for channel in range(3):
                        frame[y, x, channel] = int(frame[y, x, channel] * (1 - dark) + 0.5)
            cover = min(1.0, max(0.0, s - lip + 0.5)) * min(1.0, max(0.0, floor - s + 0.5))
            cover *= min(1.0, max(0.0, (floor - lip) * 1.3 - 0.3)) * (1 - rest)
            if cover <= 0:
                continue
            u = to_mouth[0, 0] * x + to_mouth[0, 1] * y + to_mouth[0, 2]
            v = to_mouth[1, 0] * x + to_mouth[1, 1] * y + to_mouth[1, 2]
            deep = 0.35 + 0.65 * min(1.0, max(0.0, (s - lip) / max(1.0, bottom - top - 6)))
            for channel in range(3):
                color[channel] = cavity[channel] * deep
            _sample(tongue, (u - jaw[0]) * texels + middle_u, (v - jaw[1] - tops[2]) * texels, sample)
            for channel in range(3):
                color[channel] = color[channel] * (1 - sample[3]) + sample[channel] * light * 1.15
            _sample(lower_teeth, (u - jaw[0]) * texels + middle_u, (v - jaw[1] - tops[1]) * texels, sample)
            for channel in range(3):
                color[channel] = (
                    color[channel] * (1 - sample[3]) + sample[channel] * tint[channel] * light * 0.78
                )
            _sample(upper_teeth, u * texels + middle_u, (v - tops[0]) * texels, sample)
            for channel in range(3):
                color[channel] = color[channel] * (1 - sample[3]) + sample[channel] * tint[channel] * light
            # Less light close to the lips, most of all under the upper lip and in the corners.
            to_edge = min(s - lip, floor - s) / mouth_width
            occlusion = 0.80 + 0.20 * smooth_step(to_edge / 0.06)
            by_floor = smooth_step(1 - (floor - s) / (0.12 * mouth_width))
            occlusion += (1 - occlusion) * 0.75 * by_floor
            under_lip = 0.84 + 0.16 * smooth_step((s - lip) / (0.11 * mouth_width))
            shade = max(occlusion * under_lip, 0.12)
            shade *= (1 - 0.5 * smooth_step((off_center - 0.5) / 0.5)) * (1 - 0.6 * rounding * rounding)
            # What light is left has met lips and gums: the red of it is the last to go.
            color[0] *= shade**0.8
            color[1] *= shade
            color[2] *= shade**1.1
            if photo_teeth.shape[0] > 0:
                pu = to_photo[0, 0] * x + to_photo[0, 1] * y + to_photo[0, 2]
                pv = to_photo[1, 0] * x + to_photo[1, 1] * y + to_photo[1, 2]
                _sample(photo_teeth, pu, pv, sample)
                for channel in range(3):
                    # Light that comes out of a rounded mouth has met lips and tongue: it is warm.
                    dim = 1 - (0.6 if channel == 0 else 0.72) * rounding * rounding
                    own = sample[channel] * (0.32 * shade + 0.68) * dim
                    color[channel] = color[channel] * (1 - sample[3]) + own
            grey = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
            for channel in range(3):
                value = 255 * (grey + (color[channel] - grey) * colorfulness)
                mixed = frame[y, x, channel] * (1 - cover) + value * cover
                frame[y, x, channel] = int(min(255.0, max(0.0, mixed)) + 0.5)
