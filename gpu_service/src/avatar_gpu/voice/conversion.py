"""Synthetic speech → the same speech in another voice, on an unchanged time axis.

F0 is mapped in mean and range, formants by the vocal tract length that the F0 suggests, and the spectral
envelope of voiced and unvoiced frames in mean and deviation; aperiodicity is the target's. Text-free.
Sources: T. Toda, A. Black, K. Tokuda (2007) for mean and variance mapping; WORLD for analysis and synthesis.
"""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from avatar_gpu.voice import world
from avatar_gpu.voice.smoothing import gaussian
from avatar_gpu.voice.timbre import Shape, SpectralStats, Timbre, level, measure

FORMANT_EXPONENT = 0.22
"""Formants scale with F0 to this power between adult speakers: an octave up shortens the tract by 14 %."""
FORMANT_LIMITS = (0.88, 1.2)
F0_RANGE_LIMITS = (0.7, 2.2)
GAIN_LIMIT = 20 / (10 * np.log10(np.e))
"""20 dB in natural log power: no band is moved further than this."""
DEVIATION_LIMITS = (0.75, 1.35)
CORNER_FRAMES = 3.0
"""Deviation of the smoothing that rounds the corners of eSpeak's F0 contour (15 ms)."""
VOICING_FRAMES = 1.5
WARP_KNEE = 0.85
"""Share of the band up to which formants are warped linearly; above, the warp returns to the band's edge."""
FRICATION_FROM_HZ, FRICATION_FULL_HZ, FRICATION_LEVEL = 1_500.0, 4_000.0, 0.92
EDGE_S = 0.004

Span = tuple[int, int]


def to_work_rate(pcm: NDArray[np.int16], sample_rate_hz: int) -> NDArray[np.float32]:
    """16-bit audio at any rate as float32 at 24 kHz, of exactly the rescaled length."""
    samples = soxr.resample(pcm.astype(np.float32) / 32768, sample_rate_hz, world.SAMPLE_RATE_HZ)
    wanted = (len(pcm) * world.SAMPLE_RATE_HZ * 2 + sample_rate_hz) // (2 * sample_rate_hz)
    fitted = np.zeros(wanted, np.float32)
    count = min(wanted, len(samples))
    fitted[:count] = samples[:count]
    return fitted


def source_timbre(samples: NDArray[np.float32]) -> Timbre:
    """The statistics of the base voice from some seconds of it at 24 kHz."""
    return measure(world.analyse(samples, careful=False))


def convert(
    samples: NDArray[np.float32], source: Timbre, target: Timbre, frication: list[Span], likeness: float
) -> NDArray[np.float32]:
    """``samples`` (T,) at 24 kHz in the voice ``target``; (T,).

    source: the base voice in the language of ``samples``. frication: spans of voiced fricatives, which keep
    their noise. likeness: 0 moves F0 and half of the timbre, 1 all of it.
    """
    frames = world.analyse(samples, careful=False)
    strength = 0.5 + 0.5 * likeness
    ratio = np.exp(target.log_f0 - source.log_f0)
    formants = float(np.clip(ratio ** (FORMANT_EXPONENT * strength), *FORMANT_LIMITS))
    envelope = warp(frames.envelope, formants)
    weight = _voicing_weight(frames.f0)
    here = level(envelope)[:, None]
    shape = envelope - here
    mapped = weight * _mapped(shape, source.voiced, target.voiced, formants, strength)
    mapped += (1 - weight) * _mapped(shape, source.unvoiced, target.unvoiced, formants, strength)
    f0 = _mapped_f0(frames.f0, source, target.log_f0, target.log_f0_sd / source.log_f0_sd)
    aperiodicity = _aperiodicity(f0, target.aperiodicity, frication)
    return _edges(world.synthesise(f0, mapped + here, aperiodicity, len(samples)))


def reshape(
    samples: NDArray[np.float32], source: Timbre, shape: Shape, frication: list[Span]
) -> NDArray[np.float32]:
    """``samples`` (T,) at 24 kHz as the made-up voice ``shape`` says them; (T,)."""
    frames = world.analyse(samples, careful=False)
    frequency = np.linspace(0, world.SAMPLE_RATE_HZ / 2, world.BINS)
    octaves = np.log2(np.clip(frequency, 500, 8_000) / 500) / 4
    tilt = shape.tilt_db * octaves / (10 * np.log10(np.e))
    envelope = warp(frames.envelope, shape.formants) + tilt.astype(np.float32)
    f0 = _mapped_f0(frames.f0, source, float(np.log(shape.median_hz)), shape.range)
    noise = 0.03 + (0.25 + 0.6 * shape.breath) * np.clip((frequency - 1_000) / 7_000, 0, 1)
    noise += 0.08 * shape.breath
    aperiodicity = _aperiodicity(f0, noise.astype(np.float32), frication)
    return _edges(world.synthesise(f0, envelope, aperiodicity, len(samples)))


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


def _mapped(
    shape: NDArray[np.float32],
    source: SpectralStats,
    target: SpectralStats,
    formants: float,
    strength: float,
) -> NDArray[np.float32]:
    mean = warp(source.mean, formants)
    deviation = warp(source.deviation, formants)
    shift = np.clip(target.mean - mean, -GAIN_LIMIT, GAIN_LIMIT) * strength
    gain = np.clip(target.deviation / deviation, *DEVIATION_LIMITS)
    gain = (1 + (gain - 1) * strength).astype(np.float32)
    return np.asarray((shape - mean) * gain + mean + shift, dtype=np.float32)


def _mapped_f0(
    f0: NDArray[np.float64], source: Timbre, log_f0: float, range_ratio: float
) -> NDArray[np.float64]:
    """F0 with median and range moved and its corners rounded inside each voiced stretch."""
    voiced = f0 > 0
    if not voiced.any():
        return f0
    places = np.flatnonzero(voiced)
    contour = np.interp(np.arange(len(f0)), places, np.log(f0[voiced]))
    contour = gaussian(contour, CORNER_FRAMES)
    moved = (contour - source.log_f0) * np.clip(range_ratio, *F0_RANGE_LIMITS) + log_f0
    hz = np.clip(np.exp(moved), world.F0_FLOOR_HZ, 800.0)
    return np.asarray(np.where(voiced, hz, 0.0))


def _voicing_weight(f0: NDArray[np.float64]) -> NDArray[np.float32]:
    """(N, 1) 1 in voiced frames, 0 in unvoiced ones, smooth between."""
    smooth = gaussian((f0 > 0).astype(np.float64), VOICING_FRAMES)
    return np.asarray(smooth[:, None], dtype=np.float32)


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


def _edges(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Both ends faded over 4 ms, so that clips join without a click."""
    count = min(round(EDGE_S * world.SAMPLE_RATE_HZ), len(samples) // 2)
    if count:
        ramp = np.linspace(0, 1, count, dtype=np.float32)
        samples[:count] *= ramp
        samples[len(samples) - count :] *= ramp[::-1]
    return samples
