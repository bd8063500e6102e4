"""Sound and mouth as two series of vectors on one clock of 100 Hz, ready to be correlated.

Sound: 24 log-mel bands at eleven moments within ±240 ms. Mouth: aperture, width, jaw and outer height at five
moments within ±80 ms. Both are smoothed below 12 Hz, freed of what is slower than 0.3 Hz, and standardised,
so that loudness, camera and face do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from avatar_evaluator.media import AudioStream

GRID_HZ = 100
SOUND_HZ = 16_000
HOP = SOUND_HZ // GRID_HZ
WINDOW = 400
FFT = 512
BANDS = 24
LOWEST_HZ, HIGHEST_HZ = 80.0, 7600.0
FLOOR_DB = 60.0
"""What is this far below the loudest band is silence: digital silence and a quiet room become alike."""
SMOOTH_BELOW_HZ, STEADY_BELOW_HZ = 12.0, 0.3
SOUND_CONTEXT = (-24, -18, -12, -8, -4, 0, 4, 8, 12, 18, 24)
MOUTH_CONTEXT = (-8, -4, 0, 4, 8)
SHORTEST_S = 1.0

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Features:
    """mouth: (T, 20), sound: (T, 264), both at 100 Hz and beginning at the same instant."""

    mouth: Matrix
    sound: Matrix

    def __len__(self) -> int:
        return len(self.mouth)

    def shifted(self, offset_ms: float) -> Features:
        """As though the sound, which is ``offset_ms`` late, were in time."""
        steps = round(offset_ms * GRID_HZ / 1000)
        mouth, sound = self.mouth, self.sound
        if steps > 0:
            mouth, sound = mouth[:-steps], sound[steps:]
        elif steps < 0:
            mouth, sound = mouth[-steps:], sound[:steps]
        return Features(mouth, sound)

    def window(self, start: int, length: int) -> Features:
        """``length`` steps from ``start``."""
        part = slice(start, start + length)
        return Features(self.mouth[part], self.sound[part])


def features(times_s: Matrix, mouth: Matrix, audio: AudioStream) -> Features | None:
    """The features of a clip from when both picture and sound are there, or None where that is under 1 s.

    times_s: (N,) when each frame is shown; mouth: (N, 4), NaN where no face was found; both on the clock of
    ``audio.start_s``.
    """
    seen = np.isfinite(mouth).all(axis=1)
    if seen.sum() < 3:
        return None
    bands = log_mel(resampled(audio))
    begin = max(float(times_s[seen][0]), audio.start_s)
    end = min(float(times_s[seen][-1]), audio.start_s + (len(bands) - 1) / GRID_HZ)
    count = int((end - begin) * GRID_HZ)
    if count < SHORTEST_S * GRID_HZ:
        return None
    clock = begin + np.arange(count) / GRID_HZ
    lips = np.column_stack([np.interp(clock, times_s[seen], series) for series in mouth[seen].T])
    heard_at = audio.start_s + np.arange(len(bands)) / GRID_HZ
    heard = np.column_stack([np.interp(clock, heard_at, band) for band in bands.T])
    return Features(_context(_standard(lips), MOUTH_CONTEXT), _context(_standard(heard), SOUND_CONTEXT))


def resampled(audio: AudioStream) -> Matrix:
    """(T,) one channel at 16 kHz."""
    mono = audio.samples.mean(axis=1, dtype=np.float64)
    ratio = Fraction(SOUND_HZ, audio.sample_rate_hz)
    return np.asarray(signal.resample_poly(mono, ratio.numerator, ratio.denominator), np.float64)


def log_mel(samples: Matrix) -> Matrix:
    """(T, 24) natural logarithm of mel-band power; row k is centred at 10·k ms."""
    count = len(samples) // HOP + 1
    padded = np.pad(samples, (WINDOW // 2, WINDOW // 2 + HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:count]
    bank = _mel_bank()
    taper = np.hanning(WINDOW)
    power = np.concatenate(
        [
            np.square(np.abs(np.fft.rfft(block * taper, FFT, axis=1))) @ bank.T
            for block in np.array_split(frames, max(count // 1000, 1))
        ]
    )
    floor = max(float(power.max()) * 10 ** (-FLOOR_DB / 10), 1e-10)
    return np.asarray(np.log(np.maximum(power, floor)))


def _mel_bank() -> Matrix:
    """(24, 257) triangles, evenly spaced in mel = 2595·log10(1 + f/700)."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    edges = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    hz = np.fft.rfftfreq(FFT, 1 / SOUND_HZ)
    rising = (hz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - hz) / np.diff(edges)[1:, None]
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)))


def _standard(series: Matrix) -> Matrix:
    """Band-limited to 0.3…12 Hz without delay, each column with mean 0 and deviation 1."""
    nyquist = GRID_HZ / 2
    smooth = signal.butter(2, SMOOTH_BELOW_HZ / nyquist)
    steady = signal.butter(2, STEADY_BELOW_HZ / nyquist, "high")
    for (b, a), pad in ((smooth, 40), (steady, 90)):
        series = signal.filtfilt(b, a, series, axis=0, padlen=min(len(series) - 1, pad))
    return np.asarray((series - series.mean(axis=0)) / (series.std(axis=0) + 1e-6))


def _context(series: Matrix, steps: tuple[int, ...]) -> Matrix:
    """Each row with its neighbours at ``steps``; the ends repeat."""
    index = np.clip(np.arange(len(series))[:, None] + np.array(steps), 0, len(series) - 1)
    return np.asarray(series[index].reshape(len(series), -1))
