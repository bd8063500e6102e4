"""The inner loops: bend the vertices, rasterise the mesh into a sampling map, lay person on background.

All work on arrays that the caller owns, allocate nothing and release the GIL.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from avatar_gpu.render.mesh.compiled import compiled

UNIT_LIGHT = 128
"""The light map's value where nothing changes."""
SUBPIXELS = 32
"""``cv2.remap`` reads positions in 1/32 pixels (its INTER_BITS is 5)."""


@compiled
def bend(
    rest: NDArray[np.float32],
    displacements: NDArray[np.float32],
    weights: NDArray[np.float32],
    head: NDArray[np.float32],
    matrix: NDArray[np.float32],
    offset: NDArray[np.float32],
    bent: NDArray[np.float32],
    screen: NDArray[np.float32],
) -> None:
    """Vertices of one frame: rest (V, 3) + Σ weights (K,) · displacements (K, V, 3) into bent (V, 3); then
    each is taken along by the head's motion as far as head (V,) says, into screen (V, 2)."""
    count = rest.shape[0]
    for v in range(count):
        bent[v, 0] = rest[v, 0]
        bent[v, 1] = rest[v, 1]
        bent[v, 2] = rest[v, 2]
    for k in range(weights.shape[0]):
        w = weights[k]
        if abs(w) < 1e-5:
            continue
        for v in range(count):
            bent[v, 0] += w * displacements[k, v, 0]
            bent[v, 1] += w * displacements[k, v, 1]
            bent[v, 2] += w * displacements[k, v, 2]
    for v in range(count):
        x, y, z = bent[v, 0], bent[v, 1], bent[v, 2]
        tx = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + offset[0]
        ty = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + offset[1]
        screen[v, 0] = x + head[v] * (tx - x)
        screen[v, 1] = y + head[v] * (ty - y)


@compiled
def rasterise(
    screen: NDArray[np.float32],
    texture: NDArray[np.float32],
    triangles: NDArray[np.int32],
    gain: NDArray[np.float32],
    rim: float,
    whole: NDArray[np.int16],
    fraction: NDArray[np.uint16],
    light: NDArray[np.uint8],
) -> None:
    """For every pixel under the mesh the texture position that it shows, in ``cv2.remap``'s fixed point:
    whole (H, W, 2) int16 and fraction (H, W) uint16; and light (H, W), the vertices' gain (V,) in units of
    1 / ``UNIT_LIGHT``. Later triangles cover earlier ones.

    screen, texture: (V, 2) texture pixels; the picture's origin lies at (rim, rim).
    """
    height, width = fraction.shape
    slack = 1e-5
    for n in range(triangles.shape[0]):
        a, b, c = triangles[n, 0], triangles[n, 1], triangles[n, 2]
        ax, ay = screen[a, 0] - rim, screen[a, 1] - rim
        bx, by = screen[b, 0] - rim, screen[b, 1] - rim
        cx, cy = screen[c, 0] - rim, screen[c, 1] - rim
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) <= 1e-6:
            continue
        x0 = max(0, math.ceil(min(ax, bx, cx)))
        x1 = min(width - 1, math.floor(max(ax, bx, cx)))
        y0 = max(0, math.ceil(min(ay, by, cy)))
        y1 = min(height - 1, math.floor(max(ay, by, cy)))
        if x0 > x1 or y0 > y1:
            continue
        inverse = 1.0 / area
        # Barycentric weights of b and c grow by these per pixel.
        bdx, bdy = (cy - ay) * inverse, -(cx - ax) * inverse
        cdx, cdy = -(by - ay) * inverse, (bx - ax) * inverse
        ua, va = texture[a, 0] * SUBPIXELS, texture[a, 1] * SUBPIXELS
        ub, vb = texture[b, 0] * SUBPIXELS - ua, texture[b, 1] * SUBPIXELS - va
        uc, vc = texture[c, 0] * SUBPIXELS - ua, texture[c, 1] * SUBPIXELS - va
        du, dv = bdx * ub + cdx * uc, bdx * vb + cdx * vc
        la = gain[a] * UNIT_LIGHT
        lb, lc = gain[b] * UNIT_LIGHT - la, gain[c] * UNIT_LIGHT - la
        dl = bdx * lb + cdx * lc
        for y in range(y0, y1 + 1):
            wb = (x0 - ax) * bdx + (y - ay) * bdy
            wc = (x0 - ax) * cdx + (y - ay) * cdy
            low, high = 0.0, float(x1 - x0)
            if bdx > 1e-12:
                low = max(low, (-slack - wb) / bdx)
            elif bdx < -1e-12:
                high = min(high, (-slack - wb) / bdx)
            elif wb < -slack:
                continue
            if cdx > 1e-12:
                low = max(low, (-slack - wc) / cdx)
            elif cdx < -1e-12:
                high = min(high, (-slack - wc) / cdx)
            elif wc < -slack:
                continue
            total, rise = wb + wc, bdx + cdx
            if rise > 1e-12:
                high = min(high, (1 + slack - total) / rise)
            elif rise < -1e-12:
                low = max(low, (1 + slack - total) / rise)
            elif total > 1 + slack:
                continue
            first, last = math.ceil(low), math.floor(high)
            u = ua + wb * ub + wc * uc + du * first + 0.5
            v = va + wb * vb + wc * vc + dv * first + 0.5
            lit = la + wb * lb + wc * lc + dl * first + 0.5
            for x in range(x0 + first, x0 + last + 1):
                iu, iv = int(u), int(v)
                whole[y, x, 0] = iu >> 5
                whole[y, x, 1] = iv >> 5
                fraction[y, x] = ((iv & 31) << 5) | (iu & 31)
                light[y, x] = int(lit)
                u += du
                v += dv
                lit += dl


@compiled
def compose(
    person: NDArray[np.uint8],
    background: NDArray[np.uint8],
    light: NDArray[np.uint8],
    frame: NDArray[np.uint8],
) -> None:
    """person (H, W, 4) lit by light (H, W) over background (H, W, 3) into frame (H, W, 3)."""
    height, width = frame.shape[0], frame.shape[1]
    for y in range(height):
        for x in range(width):
            alpha = np.int32(person[y, x, 3])
            lit = np.int32(light[y, x])
            if alpha == 255 and lit == UNIT_LIGHT:
                frame[y, x, 0] = person[y, x, 0]
                frame[y, x, 1] = person[y, x, 1]
                frame[y, x, 2] = person[y, x, 2]
            elif alpha == 0:
                frame[y, x, 0] = background[y, x, 0]
                frame[y, x, 1] = background[y, x, 1]
                frame[y, x, 2] = background[y, x, 2]
            else:
                rest = 255 - alpha
                for channel in range(3):
                    own = min(255, (person[y, x, channel] * lit + UNIT_LIGHT // 2) // UNIT_LIGHT)
                    mixed = own * alpha + background[y, x, channel] * rest
                    frame[y, x, channel] = (mixed + 127) // 255


@compiled
def illuminate(frame: NDArray[np.uint8], light: NDArray[np.uint8]) -> None:
    """frame (H, W, 3) multiplied by light (H, W), in place."""
    for y in range(frame.shape[0]):
        for x in range(frame.shape[1]):
            lit = np.int32(light[y, x])
            if lit != UNIT_LIGHT:
                for channel in range(3):
                    value = (frame[y, x, channel] * lit + UNIT_LIGHT // 2) // UNIT_LIGHT
                    frame[y, x, channel] = min(255, value)


@compiled
def edge_profile(
    screen: NDArray[np.float32],
    edge: NDArray[np.int64],
    rim: float,
    origin_x: float,
    origin_y: float,
    axis_x: float,
    axis_y: float,
    first: float,
    step: float,
    profile: NDArray[np.float32],
) -> None:
    """One edge of an opening as heights over its axis: profile[i] at ``first + i · step`` along the axis.

    Points that fall back along the axis are skipped, so the edge is a function of the position.
    """
    count = profile.shape[0]
    previous_t = 0.0
    previous_s = 0.0
    index = 0
    for i in range(edge.shape[0]):
        x = screen[edge[i], 0] - rim - origin_x
        y = screen[edge[i], 1] - rim - origin_y
        t = (x * axis_x + y * axis_y - first) / step
        s = -x * axis_y + y * axis_x
        if i > 0 and t <= previous_t + 1e-4:
            continue
        while index < count and index <= t:
            if i == 0:
                profile[index] = s
            else:
                share = (index - previous_t) / (t - previous_t)
                profile[index] = previous_s + share * (s - previous_s)
            index += 1
        previous_t, previous_s = t, s
    while index < count:
        profile[index] = previous_s
        index += 1


@compiled
def strip_bounds(
    frame: NDArray[np.uint8],
    origin: NDArray[np.float64],
    along: NDArray[np.float64],
    length: float,
    top: float,
    bottom: float,
) -> tuple[int, int, int, int]:
    """Columns [left, right) and rows [high, low) of ``frame`` that hold a strip turned about ``origin``.

    It reaches from 0 to ``length`` along the unit vector ``along``, and from ``top`` to ``bottom`` across it.
    """
    low_x, high_x, low_y, high_y = 1e9, -1e9, 1e9, -1e9
    for i in range(4):
        t = length if i & 1 else 0.0
        s = bottom if i & 2 else top
        x, y = origin[0] + t * along[0] - s * along[1], origin[1] + t * along[1] + s * along[0]
        low_x, high_x, low_y, high_y = min(low_x, x), max(high_x, x), min(low_y, y), max(high_y, y)
    return (
        max(0, int(low_x)),
        min(frame.shape[1], int(high_x) + 2),
        max(0, int(low_y)),
        min(frame.shape[0], int(high_y) + 2),
    )


@compiled
def smooth_step(t: float) -> float:
    """0 … 1 with vanishing slope at both ends."""
    u = min(1.0, max(0.0, t))
    return u * u * (3 - 2 * u)
