"""Timed phones + their audio → gestures: what each articulator aims at, when, and how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar_contracts.timeline import TimedPhone
from avatar_gpu.motion.phonetic.phones import PhoneReader, stress_of
from avatar_gpu.motion.phonetic.visemes import VISEMES, Contact, Viseme

MIN_CLOSURE_S = 0.072
"""With its flanks the lips are then together for 80 ms: two frames at 25 per second, at any phase."""
MIN_TEETH_S = 0.060
SHORT_PAUSE_S = 0.060
"""Pauses below this are part of the speech around them."""

_CLOSED_PART = {"p": 0.7, "b": 0.85}
_NASAL_CLOSED_PART = 0.92
"""The lips part at the burst, before the phone's aspiration is over; a nasal stays closed."""
_ADVANCE_S = 0.006
"""Closures come a little early: late ones are noticed."""
_LOUDNESS_SPAN_DB = 8.0
_LOUDNESS_GAIN = 0.22
_STRESS_GAIN = {0: 0.96, 1: 1.02, 2: 1.12}
_PRIMARY = 2
_BEAT_WEIGHTS = (0.4, 0.7, 1.0)
_USUAL_STRESSED_SHARE = 0.4
"""Part of the syllables that carry primary stress in running English or Spanish."""
_GLIDE_SHARES = {1: (1.0,), 2: (0.58, 0.42), 3: (0.28, 0.42, 0.30)}


@dataclass(frozen=True)
class Gesture:
    """One viseme with its time in seconds since the start of the performance.

    gain: scales jaw and lips; 1 is a phone of the clip's usual loudness.
    closed_from_s, closed_until_s: the stretch during which a contact must hold.
    """

    start_s: float
    end_s: float
    viseme: Viseme
    gain: float = 1.0
    closed_from_s: float = 0.0
    closed_until_s: float = 0.0


@dataclass(frozen=True)
class Beat:
    """A syllable's nucleus: where gestures of head and brows may fall.

    first_sample: since the start of the performance, which names the beat for the random choices.
    weight: 0 … about 1.3, from stress and loudness.
    accent: how likely the voice puts weight on it, 0 … 1: 0 without primary stress, and less where the
        language stresses every syllable, as Mandarin does.
    """

    time_s: float
    first_sample: int
    weight: float
    accent: float


@dataclass(frozen=True)
class Island:
    """Speech without a pause of ``SHORT_PAUSE_S`` or more."""

    start_s: float
    end_s: float


@dataclass(frozen=True)
class Score:
    """Everything in a clip that moves the face."""

    gestures: tuple[Gesture, ...]
    beats: tuple[Beat, ...]
    islands: tuple[Island, ...]


def read_score(
    phones: Sequence[TimedPhone],
    samples: NDArray[np.float32],
    first_sample: int,
    sample_rate_hz: int,
    reader: PhoneReader,
) -> Score:
    """The gestures of a clip whose sample 0 is sample ``first_sample`` of the performance."""
    spoken = [(p, v) for p in phones if p.end > p.start and (v := reader.visemes(p.ipa))]
    gains = _loudness_gains(spoken, samples)
    gestures: list[Gesture] = []
    nuclei: list[tuple[TimedPhone, int, float]] = []
    islands: list[Island] = []
    for (phone, names), loudness in zip(spoken, gains, strict=True):
        start_s = (first_sample + phone.start) / sample_rate_hz
        end_s = (first_sample + phone.end) / sample_rate_hz
        stress = stress_of(phone.ipa, phone.stress)
        visemes = [VISEMES[name] for name in names]
        gain = loudness * _STRESS_GAIN[stress]
        gestures.extend(_spread(phone.ipa, start_s, end_s, visemes, gain))
        if any(v.vowel for v in visemes):
            nuclei.append((phone, stress, loudness))
        if islands and start_s - islands[-1].end_s < SHORT_PAUSE_S:
            islands[-1] = Island(islands[-1].start_s, end_s)
        else:
            islands.append(Island(start_s, end_s))
    return Score(tuple(gestures), _beats(nuclei, first_sample, sample_rate_hz), tuple(islands))


def _beats(
    nuclei: list[tuple[TimedPhone, int, float]], first_sample: int, sample_rate_hz: int
) -> tuple[Beat, ...]:
    stressed = sum(stress == _PRIMARY for _, stress, _ in nuclei)
    accent = min(1.0, _USUAL_STRESSED_SHARE * len(nuclei) / stressed) if stressed else 0.0
    return tuple(
        Beat(
            time_s=(first_sample + (phone.start + phone.end) / 2) / sample_rate_hz,
            first_sample=first_sample + phone.start,
            weight=loudness * _BEAT_WEIGHTS[stress],
            accent=accent if stress == _PRIMARY else 0.0,
        )
        for phone, stress, loudness in nuclei
    )


def _spread(ipa: str, start_s: float, end_s: float, visemes: list[Viseme], gain: float) -> list[Gesture]:
    count = len(visemes)
    shares = _GLIDE_SHARES.get(count, (1.0 / count,) * count)
    edges = start_s + (end_s - start_s) * np.concatenate([[0.0], np.cumsum(shares)])
    gestures = []
    for viseme, begin, finish in zip(visemes, edges[:-1], edges[1:], strict=True):
        closed = _contact(ipa, viseme, float(begin), float(finish))
        gestures.append(Gesture(float(begin), float(finish), viseme, gain, *closed))
    return gestures


def _contact(ipa: str, viseme: Viseme, start_s: float, end_s: float) -> tuple[float, float]:
    if viseme.contact is None:
        return 0.0, 0.0
    if viseme.contact is Contact.CLOSED:
        part = next((share for letter, share in _CLOSED_PART.items() if letter in ipa), _NASAL_CLOSED_PART)
        centre, least_s = start_s + (end_s - start_s) * part / 2 - _ADVANCE_S, MIN_CLOSURE_S
        length = max((end_s - start_s) * part, least_s)
    else:
        centre, least_s = (start_s + end_s) / 2, MIN_TEETH_S
        length = max((end_s - start_s) * 0.8, least_s)
    return centre - length / 2, centre + length / 2


def _loudness_gains(
    spoken: list[tuple[TimedPhone, tuple[str, ...]]], samples: NDArray[np.float32]
) -> list[float]:
    """Each phone's gain by its level against the median of the clip's vowels."""
    if not spoken:
        return []
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    last = len(samples)
    levels = []
    for phone, _ in spoken:
        start, end = min(phone.start, last), min(phone.end, last)
        power = (energy[end] - energy[start]) / max(end - start, 1)
        levels.append(10 * np.log10(max(float(power), 1e-9)))
    vowels = [
        level
        for level, (_, names) in zip(levels, spoken, strict=True)
        if any(VISEMES[n].vowel for n in names)
    ]
    usual = float(np.median(vowels or levels))
    return [
        1.0 + _LOUDNESS_GAIN * float(np.tanh((level - usual) / _LOUDNESS_SPAN_DB))
        if any(VISEMES[n].vowel for n in names)
        else 1.0
        for level, (_, names) in zip(levels, spoken, strict=True)
    ]
