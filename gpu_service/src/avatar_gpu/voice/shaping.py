"""Synthetic speech in a made-up voice, on an unchanged time axis: pitch, vocal tract length, tilt, breath."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from avatar_gpu.voice import world
from avatar_gpu.voice.pitch import PitchStats
from avatar_gpu.voice.smoothing import gaussian

RANGE_LIMITS = (0.7, 2.4)
CORNER_FRAMES = 3.0
"""Deviation of the smoothing that rounds the corners of eSpeak's F0 contour (15 ms)."""
WARP_KNEE = 0.85
"""Share of the band up to which formants are warped linearly; above, the warp returns to the band's edge."""
FRICATION_FROM_HZ, FRICATION_FULL_HZ, FRICATION_LEVEL = 1_500.0, 4_000.0, 0.92
EDGE_S = 0.004
DB = 1 / (10 * np.log10(np.e))
"""A decibel in natural logarithm of power."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Shape:
    """A voice made from nothing.

    median_hz: F0. range: deviation of F0 relative to the base voice's.
    formants: factor on formant frequencies; above 1 is a shorter vocal tract.
    tilt_db: change of level from 500 Hz to 8 kHz. breath: 0 none … 1 aspirated.
    """

    median_hz: float
    range: float
    formants: float
    tilt_db: float
    breath: float

    def to_map(self) -> dict[str, float]:
        """As a plain map, for a worker process."""
        return asdict(self)


def to_work_rate(pcm: NDArray[np.int16], sample_rate_hz: int) -> NDArray[np.float32]:
    """16-bit audio at any rate as float32 at 24 kHz, of exactly the rescaled length."""
    samples = soxr.resample(pcm.astype(np.float32) / 32768, sample_rate_hz, world.SAMPLE_RATE_HZ)
    wanted = (len(pcm) * world.SAMPLE_RATE_HZ * 2 + sample_rate_hz) // (2 * sample_rate_hz)
    fitted = np.zeros(wanted, np.float32)
    count = min(wanted, len(samples))
    fitted[:count] = samples[:count]
    return fitted


def reshape(
    samples: NDArray[np.float32], base: PitchStats, shape: Shape, frication: list[Span]
) -> NDArray[np.float32]:
    """``samples`` (T,) of the base voice at 24 kHz as ``shape`` says them; (T,).

    base: pitch of the base voice in this language. frication: spans of voiced fricatives, which keep noise.
    """
    frames = world.analyse(samples, careful=False)
    frequency = np.linspace(0, world.SAMPLE_RATE_HZ / 2, world.BINS)
    octaves = np.log2(np.clip(frequency, 500, 8_000) / 500) / 4
    envelope = warp(frames.envelope, shape.formants) + (shape.tilt_db * DB * octaves).astype(np.float32)
    f0 = moved_f0(frames.f0, base, PitchStats(float(np.log(shape.median_hz)), base.deviation * shape.range))
    hiss = (0.25 + 0.6 * shape.breath) * np.clip((frequency - 1_000) / 7_000, 0, 1)
    noise = 0.03 + 0.08 * shape.breath + hiss
    aperiodicity = _aperiodicity(f0, noise.astype(np.float32), frication)
    return faded_edges(world.synthesise(f0, envelope, aperiodicity, len(samples)))


def warp(envelope: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Log spectra (…, 513) with formant frequencies multiplied by ``factor``."""
    if abs(factor - 1) < 1e-3:
        return envelope
    place = np.arange(world.BINS) / (world.BINS - 1)
    knee = WARP_KNEE / max(factor, 1.0)
    above = knee + (place - knee * factor) * (1 - knee) / (1 - knee * factor)
    wanted = np.clip(np.where(place <= knee * factor, place / factor, above), 0, 1) * (world.BINS - 1)
    low = np.minimum(wanted.astype(np.int64), world.BINS - 2)
    part = (wanted - low).astype(np.float32)
    return np.asarray(envelope[..., low] * (1 - part) + envelope[..., low + 1] * part)


def moved_f0(f0: NDArray[np.float64], base: PitchStats, target: PitchStats) -> NDArray[np.float64]:
    """F0 (N,) with its median and range moved from ``base`` to ``target``, corners rounded; 0 stays 0."""
    voiced = f0 > 0
    if not voiced.any():
        return f0
    contour = np.interp(np.arange(len(f0)), np.flatnonzero(voiced), np.log(f0[voiced]))
    contour = gaussian(contour, CORNER_FRAMES)
    spread = float(np.clip(target.deviation / base.deviation, *RANGE_LIMITS))
    hz = np.exp((contour - base.median) * spread + target.median)
    return np.asarray(np.where(voiced, np.clip(hz, world.F0_FLOOR_HZ, 800.0), 0.0))


def faded_edges(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """``samples`` with both ends faded over 4 ms, so that clips join without a click; in place."""
    count = min(round(EDGE_S * world.SAMPLE_RATE_HZ), len(samples) // 2)
    if count:
        ramp = np.linspace(0, 1, count, dtype=np.float32)
        samples[:count] *= ramp
        samples[len(samples) - count :] *= ramp[::-1]
    return samples


def _aperiodicity(
    f0: NDArray[np.float64], voiced: NDArray[np.float32], frication: list[Span]
) -> NDArray[np.float32]:
    """(N, 513): ``voiced`` (513,) in voiced frames, with noise above 1.5 kHz inside ``frication``."""
    frames = np.broadcast_to(voiced, (len(f0), world.BINS)).copy()
    frequency = np.linspace(0, world.SAMPLE_RATE_HZ / 2, world.BINS)
    ramp = np.clip((frequency - FRICATION_FROM_HZ) / (FRICATION_FULL_HZ - FRICATION_FROM_HZ), 0, 1)
    noise = (FRICATION_LEVEL * ramp).astype(np.float32)
    for start, end in frication:
        inside = slice(start // world.FRAME_SAMPLES + 1, end // world.FRAME_SAMPLES)
        frames[inside] = np.maximum(frames[inside], noise)
    frames[f0 <= 0] = 1.0
    return frames
