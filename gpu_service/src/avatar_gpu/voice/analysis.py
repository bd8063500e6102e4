"""A recording as it arrives → samples and what a person should know about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyworld
from numpy.typing import NDArray

from avatar_contracts.enrolment import Notice, VoiceSummary
from avatar_contracts.problems import SpeechTooShort
from avatar_gpu.media.audio import decode_audio
from avatar_gpu.protocols import AudioClip

SAMPLE_RATE_HZ = 24_000
MIN_SPEECH_S = 3.0
GOOD_SPEECH_S = 10.0
MAX_RECORDING_S = 600.0
POOR_SNR_DB = 20.0
CLIPPED_LEVEL = 0.985
CLIPPED_FRACTION = 1e-4
NARROW_BANDWIDTH_HZ = 5_000.0
F0_FLOOR_HZ, F0_CEILING_HZ = 60.0, 450.0
FRAME_S, HOP_S = 0.040, 0.010
ABSOLUTE_FLOOR_DB = -60.0
ACTIVE_RANGE_DB = 35.0
"""Speech lies within this range under the loud frames (95th percentile)."""
LEAST_CONTRAST_DB, FLOOR_SHARE = 12.0, 0.35
"""Where loud frames stand this far above the floor, speech begins at this share of the way up."""
HANGOVER_S = 0.1


@dataclass(frozen=True)
class Activity:
    """Speech activity on 10 ms frames.

    speech: (N,) bool. level_db: (N,) frame levels. noise_db: the level between the words, None without a
    pause to measure it in.
    """

    speech: NDArray[np.bool_]
    level_db: NDArray[np.float64]
    noise_db: float | None

    @property
    def speech_s(self) -> float:
        return float(self.speech.sum() * HOP_S)


def analyse_recording(data: bytes, sha256: str) -> tuple[AudioClip, VoiceSummary]:
    """The recording at 24 kHz mono, and what was measured in it.

    Raises:
        AudioUnreadable: nothing that FFmpeg decodes.
        AudioTooLong: longer than ten minutes.
        SpeechTooShort: less than three seconds of speech.
    """
    samples = decode_audio(data, SAMPLE_RATE_HZ, max_s=MAX_RECORDING_S)
    clip = AudioClip(samples, SAMPLE_RATE_HZ)
    activity = speech_activity(samples)
    f0 = pitch_track(samples)
    count = min(len(f0), len(activity.speech))
    voiced = f0[:count][(f0[:count] > 0) & activity.speech[:count]]
    voiced_s = len(voiced) * HOP_S
    if activity.speech_s < MIN_SPEECH_S or voiced_s < MIN_SPEECH_S / 4:
        found_s = min(activity.speech_s, 4 * voiced_s)
        raise SpeechTooShort(
            f"Only {found_s:.1f} s of speech was found in {clip.duration_s:.1f} s; "
            f"send at least {MIN_SPEECH_S:.0f} s, better 20 to 30 s, of one person speaking."
        )
    summary = VoiceSummary(
        sha256=sha256,
        duration_s=round(clip.duration_s, 3),
        speech_s=round(activity.speech_s, 2),
        sample_rate_hz=SAMPLE_RATE_HZ,
        f0_median_hz=round(float(np.median(voiced)), 1),
        f0_range_semitones=round(_range_semitones(voiced), 2),
        snr_db=_snr_db(activity),
        clipped_fraction=round(clipped_fraction(samples), 6),
    )
    notices = tuple(notice for check in CHECKS if (notice := check(samples, activity, summary)) is not None)
    return clip, summary.model_copy(update={"warnings": notices})


def speech_activity(samples: NDArray[np.float32]) -> Activity:
    """Where the speech is, by level between the noise floor and the loud frames."""
    level = frame_levels_db(samples)
    if not len(level):
        return Activity(np.zeros(0, bool), level, None)
    loud = float(np.percentile(level, 95))
    floor = float(np.percentile(level, 5))
    threshold = max(ABSOLUTE_FLOOR_DB, loud - ACTIVE_RANGE_DB)
    if loud - floor > LEAST_CONTRAST_DB:
        threshold = max(threshold, floor + FLOOR_SHARE * (loud - floor))
    raw = level > threshold
    width = round(HANGOVER_S / HOP_S)
    speech = ~_near(~_near(raw, width), width) | raw
    if loud < ABSOLUTE_FLOOR_DB + 10:
        speech = np.zeros(len(level), bool)
    away = ~_near(speech, 2)
    noise = float(10 * np.log10(np.mean(10 ** (level[away] / 10)))) if away.sum() >= 20 else None
    return Activity(speech, level, noise)


def _near(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """True within ``width`` frames of a true frame."""
    spread = np.convolve(mask, np.ones(2 * width + 1))
    return np.asarray(spread[width : width + len(mask)] > 0.5)


def frame_levels_db(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """RMS of 40 ms frames every 10 ms, dB re full scale; (N,) with N = floor(T / hop)."""
    hop, frame = round(HOP_S * SAMPLE_RATE_HZ), round(FRAME_S * SAMPLE_RATE_HZ)
    count = len(samples) // hop
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    centre = np.arange(count) * hop + hop // 2
    first = np.clip(centre - frame // 2, 0, len(samples))
    last = np.clip(centre + frame // 2, 0, len(samples))
    mean = (energy[last] - energy[first]) / np.maximum(last - first, 1)
    return np.asarray(10 * np.log10(np.maximum(mean, 1e-12)))


def pitch_track(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """F0 in Hz every 10 ms, 0 where unvoiced; (N,). DIO refined by StoneMask, see ``voice.world``."""
    if len(samples) < FRAME_S * SAMPLE_RATE_HZ:
        return np.zeros(0)
    x = samples.astype(np.float64)
    f0, times = pyworld.dio(
        x, SAMPLE_RATE_HZ, f0_floor=F0_FLOOR_HZ, f0_ceil=F0_CEILING_HZ, frame_period=1000 * HOP_S, speed=2
    )
    refined: NDArray[np.float64] = pyworld.stonemask(x, f0, times, SAMPLE_RATE_HZ)
    return refined


def clipped_fraction(samples: NDArray[np.float32]) -> float:
    """The share of samples that stand in runs of three or more at the recording's own highest level."""
    level = np.abs(samples)
    top = float(level.max(initial=0.0))
    if top < 0.25:
        return 0.0
    at_top = level >= max(top * 0.995, CLIPPED_LEVEL * top)
    runs = at_top[:-2] & at_top[1:-1] & at_top[2:]
    return float(runs.sum() / max(len(samples), 1))


def bandwidth_hz(samples: NDArray[np.float32], activity: Activity) -> float:
    """The frequency above which the speech's spectrum falls to nothing (60 dB under its highest part)."""
    hop = round(HOP_S * SAMPLE_RATE_HZ)
    chosen = np.flatnonzero(activity.speech)[::4] * hop
    chosen = chosen[chosen + 1024 <= len(samples)]
    if not len(chosen):
        return SAMPLE_RATE_HZ / 2
    frames = samples[chosen[:, None] + np.arange(1024)] * np.hanning(1024)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1))).mean(axis=0)
    smooth = np.convolve(power, np.ones(9) / 9, "same")
    above = np.flatnonzero(smooth > smooth.max() * 1e-6)
    return float(above[-1] * SAMPLE_RATE_HZ / 1024) if len(above) else 0.0


def _range_semitones(voiced_hz: NDArray[np.float64]) -> float:
    low, high = np.percentile(voiced_hz, [10, 90])
    return float(12 * np.log2(high / low))


def _snr_db(activity: Activity) -> float | None:
    if activity.noise_db is None:
        return None
    speech = 10 * np.log10(np.mean(10 ** (activity.level_db[activity.speech] / 10)))
    return round(float(min(speech - activity.noise_db, 99.0)), 1)


Check = Callable[[NDArray[np.float32], Activity, VoiceSummary], Notice | None]


def _short(_samples: NDArray[np.float32], _activity: Activity, summary: VoiceSummary) -> Notice | None:
    if summary.speech_s >= GOOD_SPEECH_S:
        return None
    return Notice(
        code="voice-short",
        detail=f"{summary.speech_s:.1f} s of speech; the voice becomes more alike with 20 to 30 s.",
    )


def _noisy(_samples: NDArray[np.float32], _activity: Activity, summary: VoiceSummary) -> Notice | None:
    if summary.snr_db is None or summary.snr_db >= POOR_SNR_DB:
        return None
    return Notice(
        code="voice-noisy",
        detail=f"Noise or music is only {summary.snr_db:.0f} dB below the speech; record in a quiet room.",
    )


def _clipped(_samples: NDArray[np.float32], _activity: Activity, summary: VoiceSummary) -> Notice | None:
    if summary.clipped_fraction < CLIPPED_FRACTION:
        return None
    return Notice(
        code="voice-clipped",
        detail="The recording is overdriven (its peaks are cut off); lower the input level.",
    )


def _narrow(samples: NDArray[np.float32], activity: Activity, _summary: VoiceSummary) -> Notice | None:
    width = bandwidth_hz(samples, activity)
    if width >= NARROW_BANDWIDTH_HZ:
        return None
    return Notice(
        code="voice-narrowband",
        detail=f"Nothing above {width / 1000:.1f} kHz, like a telephone; use a better microphone.",
    )


CHECKS: tuple[Check, ...] = (_short, _noisy, _clipped, _narrow)
"""Each gives a warning or None."""
