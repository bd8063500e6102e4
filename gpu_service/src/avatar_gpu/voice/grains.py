"""Speech from a recording's own pitch periods: placed at new times, filtered to a wanted envelope.

Pitch-synchronous overlap and add (E. Moulines, F. Charpentier, 1990) over grains that a path through the
recording selects. Phase and noise stay natural, which a vocoder loses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar_gpu.voice.smoothing import gaussian
from avatar_gpu.voice.world import FFT_SIZE, FRAME_SAMPLES, SAMPLE_RATE_HZ

FILTER_LIMIT = 28 / (10 * np.log10(np.e))
"""28 dB in natural log power: a grain's band is moved no further."""
SEARCH = 0.2
"""The next pitch mark is searched this share of a period around where it is expected."""
JITTER = 0.004
LEVEL_PULL = 0.7
LEVEL_MEMORY = 0.97
PAD = 2 * FFT_SIZE
MARK_BAND_HZ = (60.0, 1_000.0)
SEED = 0


@dataclass(frozen=True)
class Marks:
    """Pitch marks of a recording: sample and local period of each, in order."""

    samples: NDArray[np.int32]
    periods: NDArray[np.float32]


def pitch_marks(samples: NDArray[np.float32], f0: NDArray[np.float64]) -> Marks:
    """One mark a period at the main excitation, in every voiced stretch of at least four frames."""
    low = _band_passed(samples)
    voiced_samples = low[np.repeat(f0 > 0, FRAME_SAMPLES)[: len(low)].nonzero()[0]]
    if len(voiced_samples) and (voiced_samples**3).mean() < 0:
        low = -low
    marks: list[int] = []
    periods: list[float] = []
    voiced = np.concatenate([[False], f0 > 0, [False]])
    edges = np.flatnonzero(voiced[1:] != voiced[:-1])
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if last - first < 4:
            continue
        start, end = first * FRAME_SAMPLES, min(last * FRAME_SAMPLES, len(low) - 1)
        if end - start < FRAME_SAMPLES:
            continue
        found = _marks_in(low, f0, first, last, start, end)
        marks += found
        periods += [SAMPLE_RATE_HZ / f0[min(max(mark // FRAME_SAMPLES, first), last - 1)] for mark in found]
    return Marks(np.array(marks, np.int32), np.array(periods, np.float32))


def _marks_in(
    low: NDArray[np.float64], f0: NDArray[np.float64], first: int, last: int, start: int, end: int
) -> list[int]:
    origin = start + int(np.argmax(low[start:end]))
    found = {origin}
    for direction in (1, -1):
        place = origin
        while True:
            period = SAMPLE_RATE_HZ / f0[min(max(place // FRAME_SAMPLES, first), last - 1)]
            expected = place + direction * period
            low_end, high_end = int(expected - SEARCH * period), int(expected + SEARCH * period) + 1
            if low_end < start or high_end >= end:
                break
            window = low[low_end:high_end]
            offset = np.abs(np.arange(low_end, high_end) - expected) / (SEARCH * period + 1)
            place = low_end + int(np.argmax((window - window.min()) * (1 - 0.8 * offset)))
            found.add(place)
    return sorted(found)


def _band_passed(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Zero-phase second-order band-pass over ``MARK_BAND_HZ``."""
    size = 1 << (len(samples) + SAMPLE_RATE_HZ // 4).bit_length()
    frequency = np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ)
    bottom, top = MARK_BAND_HZ
    with np.errstate(divide="ignore"):
        gain = 1 / (1 + (bottom / frequency) ** 4) / (1 + (frequency / top) ** 4)
    return np.asarray(np.fft.irfft(np.fft.rfft(samples, size) * gain, size)[: len(samples)])


@dataclass(frozen=True)
class Recording:
    """What grains are taken from: samples (T,), envelopes (N, 513) on the 5 ms grid, voicing (N,), marks."""

    samples: NDArray[np.float32]
    envelope: NDArray[np.float32]
    voiced: NDArray[np.bool_]
    marks: Marks


def natural_f0(f0: NDArray[np.float64], drift: float = 0.012) -> NDArray[np.float64]:
    """``f0`` with the slow drift of a human voice (about a hundredth), the same on every call."""
    count = len(f0)
    noise = np.random.default_rng(SEED).standard_normal((2, count))
    fast, slow = gaussian(noise[0], 12.0), gaussian(noise[1], 40.0)
    wander = 0.5 * fast / max(fast.std(), 1e-9) + 0.86 * slow / max(slow.std(), 1e-9)
    return np.asarray(f0 * np.exp(drift * wander))


class _Canvas:
    """Overlap and add with room at both ends."""

    def __init__(self, samples: int) -> None:
        self.sound = np.zeros(samples + 2 * PAD)

    def add(self, centre: int, grain: NDArray[np.float64]) -> None:
        start = PAD + centre - len(grain) // 2
        if start >= 0 and start + len(grain) <= len(self.sound):
            self.sound[start : start + len(grain)] += grain


def assemble(
    recording: Recording,
    path: NDArray[np.int64],
    envelope: NDArray[np.float32],
    f0: NDArray[np.float64],
    samples: int,
) -> NDArray[np.float32]:
    """Speech of ``samples`` samples.

    path: (T,) frame of the recording for each 5 ms frame, -1 where there is silence. envelope: (T, 513)
    wanted log power. f0: (T,) Hz, 0 where unvoiced.
    """
    rng = np.random.default_rng(SEED)
    canvas = _Canvas(samples)
    source = np.pad(recording.samples.astype(np.float64), PAD)
    time = 0.0
    level: float | None = None
    last_mark, last_grain, shift = -9, None, 0
    frames = len(path)
    while time < samples:
        frame = min(int(time / FRAME_SAMPLES), frames - 1)
        chosen = int(path[frame])
        if chosen < 0:
            time += FRAME_SAMPLES
            last_grain = None
            continue
        if f0[frame] > 0 and len(recording.marks.samples):
            period = SAMPLE_RATE_HZ / f0[frame] * (1 + JITTER * rng.standard_normal())
            wanted = chosen * FRAME_SAMPLES + (time - frame * FRAME_SAMPLES)
            mark = _nearest(recording.marks.samples, wanted)
            grain = _voiced_grain(recording, source, mark, envelope[frame], period)
            grain, level = _levelled(grain, envelope[frame], period, level)
            if last_grain is None:
                shift = 0
            elif mark != last_mark + 1:
                shift = _best_shift(last_grain, grain, period)
            canvas.add(round(time) - shift, grain)
            last_grain, last_mark = np.roll(grain, -shift), mark
            time += period
        else:
            last_grain = None
            repeated = frame > 0 and path[frame] == path[frame - 1]
            canvas.add(round(time), _noise_grain(recording, source, chosen, repeated, envelope[frame], rng))
            time += 2 * FRAME_SAMPLES
    return canvas.sound[PAD : PAD + samples].astype(np.float32)


def _nearest(marks: NDArray[np.int32], wanted: float) -> int:
    after = int(np.searchsorted(marks, wanted))
    if after == 0:
        return 0
    if after == len(marks) or wanted - marks[after - 1] < marks[after] - wanted:
        return after - 1
    return after


def _filtered(grain: NDArray[np.float64], half: int, change: NDArray[np.float32]) -> NDArray[np.float64]:
    """``grain`` (2·half + 1,) through the zero-phase filter of log power gain ``change``; (FFT_SIZE,) with
    its centre at index 0."""
    centred = np.zeros(FFT_SIZE)
    centred[: half + 1] = grain[half:]
    centred[FFT_SIZE - half :] = grain[:half]
    gain = np.exp(np.clip(change, -FILTER_LIMIT, FILTER_LIMIT) / 2)
    return np.asarray(np.fft.irfft(np.fft.rfft(centred) * gain, FFT_SIZE))


def _voiced_grain(
    recording: Recording,
    source: NDArray[np.float64],
    mark: int,
    wanted: NDArray[np.float32],
    period: float,
) -> NDArray[np.float64]:
    own_period = float(recording.marks.periods[mark])
    place = int(recording.marks.samples[mark])
    half = int(min(own_period, 1.3 * period, FFT_SIZE // 2 - 1))
    cut = source[PAD + place - half : PAD + place + half + 1] * np.hanning(2 * half + 1)
    frame = min(round(place / FRAME_SAMPLES), len(recording.envelope) - 1)
    filtered = _filtered(cut, half, wanted - recording.envelope[frame]) * np.sqrt(period / own_period)
    reach = min(int(half * 1.5), FFT_SIZE // 2 - 1)
    window = np.ones(2 * reach + 1)
    edge = reach - half
    if edge > 0:
        window[:edge] = np.linspace(0, 1, edge)
        window[-edge:] = np.linspace(1, 0, edge)
    return np.concatenate([filtered[-reach:], filtered[: reach + 1]]) * window


def _levelled(
    grain: NDArray[np.float64], wanted: NDArray[np.float32], period: float, level: float | None
) -> tuple[NDArray[np.float64], float]:
    """The grain drawn to the level of the wanted envelope, relative to the running offset between both."""
    reached = np.sqrt((grain**2).sum() / max(period, 1))
    offset = float(np.log(max(reached, 1e-9) / max(np.sqrt(np.exp(wanted).mean()), 1e-12)))
    level = offset if level is None else LEVEL_MEMORY * level + (1 - LEVEL_MEMORY) * offset
    return grain * np.exp(LEVEL_PULL * (level - offset)), level


def _best_shift(before: NDArray[np.float64], grain: NDArray[np.float64], period: float) -> int:
    """Samples by which ``grain`` must move to be in phase with the grain before it."""
    limit = int(SEARCH * period)
    centre_before, centre = len(before) // 2, len(grain) // 2
    half = int(min(centre, centre_before, period) * 0.8)
    if half < 8 or limit < 2:
        return 0
    pattern = before[centre_before - half : centre_before + half + 1]
    limit = min(limit, centre - half)
    if limit < 1:
        return 0
    window = grain[centre - half - limit : centre + half + limit + 1]
    match = np.correlate(window, pattern, "valid")
    energy = np.convolve(window**2, np.ones(2 * half + 1), "valid")
    shifts = np.arange(-limit, limit + 1)
    score = match / np.sqrt(np.maximum(energy, 1e-12) * max(float((pattern**2).sum()), 1e-12))
    return int(shifts[np.argmax(score - 0.05 * np.abs(shifts) / limit)])


def _noise_grain(
    recording: Recording,
    source: NDArray[np.float64],
    chosen: int,
    repeated: bool,
    wanted: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    half = 2 * FRAME_SAMPLES
    window = np.hanning(2 * half + 1)
    if recording.voiced[chosen]:
        phase = np.exp(2j * np.pi * rng.random(FFT_SIZE // 2 + 1))
        noise = np.fft.irfft(np.exp(wanted / 2) * phase, FFT_SIZE) * np.sqrt(FFT_SIZE) * 0.5
        return np.concatenate([noise[-half:], noise[: half + 1]]) * window
    place = chosen * FRAME_SAMPLES + (int(rng.uniform(-FRAME_SAMPLES, FRAME_SAMPLES)) if repeated else 0)
    cut = source[PAD + place - half : PAD + place + half + 1]
    if len(cut) < 2 * half + 1:
        return np.zeros(2 * half + 1)
    filtered = _filtered(cut * window, half, wanted - recording.envelope[chosen])
    return np.concatenate([filtered[-half:], filtered[: half + 1]])
