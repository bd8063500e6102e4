"""eSpeak NG's events → timed phones and words at the engine's rate.

An event marks where the sound of a phone begins. For a voiceless stop that is the burst: the closure before
it is digital silence that eSpeak counts to the phone before. Here the closure belongs to the stop, so that
lips meet when the sound stops, and every phone lasts at least ``MIN_PHONE_S``.

Phone inventory: IPA as eSpeak writes it with its ASCII leftovers replaced (``s.`` → ``ʂ``, ``tsh`` →
``tsʰ``), one or more segments a phone (``aɪ``, ``ɔːɹ``, ``iɛ``, ``əl``), stress marks moved to ``stress``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from avatar_contracts.timeline import TimedPhone, TimedWord

EVENT_WORD, EVENT_PHONE = 1, 7
MIN_PHONE_S = 0.010
"""A shorter phone takes time from a neighbour: eSpeak gives ``l`` and ``v`` of "twelve" one start."""
MIN_PAUSE_S = 0.070
"""A shorter silence in a phrase is the closure of the next stop, or a syllable boundary of Mandarin."""
LONGEST_CLOSURE_S = 0.12
SILENCE_LEVEL = 6
"""16-bit level up to which eSpeak's output counts as digital silence."""

_STOPS = tuple("pbtdkɡgcɟqʈɖʔ")
_STRESS = {"ˈ": 2, "ˌ": 1}
_REWRITES = (
    ("ts.h", "ʈʂʰ"), ("ts.", "ʈʂ"), ("s.", "ʂ"), ("z.", "ʐ"), ("tsh", "tsʰ"), ("tɕh", "tɕʰ"), ("ph", "pʰ"),
    ("th", "tʰ"), ("kh", "kʰ"), ("onɡ", "ʊŋ"), ("ong", "ʊŋ"), ("i.", "ɨ"), ("o-", "ɤ"), ("g", "ɡ"),
)  # fmt: skip

Event = tuple[int, int, int, int, str]
"""Kind, sample, position in the markup, length in characters, phone text."""


@dataclass
class _Phone:
    start: int
    text: str


def timed_phones(
    events: list[Event], pcm: NDArray[np.int16], sample_rate_hz: int, target_rate_hz: int
) -> tuple[TimedPhone, ...]:
    """The phones of eSpeak's ``events`` over all of ``pcm``, in samples at ``target_rate_hz``."""
    marks = _phone_marks(events, len(pcm), sample_rate_hz)
    _claim_closures(marks, pcm, sample_rate_hz)
    bounds = [mark.start for mark in marks] + [len(pcm)]
    _give_minimum(bounds, round(MIN_PHONE_S * sample_rate_hz))
    scaled = [rescale(bound, sample_rate_hz, target_rate_hz) for bound in bounds]
    phones: list[TimedPhone] = []
    for mark, start, end in zip(marks, scaled, scaled[1:], strict=False):
        if end <= start:
            continue
        if not mark.text and phones and not phones[-1].ipa:
            phones[-1] = phones[-1].model_copy(update={"end": end})
            continue
        ipa, stress = canonical_phone(mark.text)
        phones.append(TimedPhone(start=start, end=end, ipa=ipa, stress=stress))
    return tuple(phones)


def canonical_phone(text: str) -> tuple[str, int]:
    """IPA and stress of eSpeak's phone text: ``ˈs.`` → ``("ʂ", 2)``."""
    stress = max((_STRESS.get(char, 0) for char in text), default=0)
    ipa = "".join(char for char in text if char not in _STRESS)
    for written, proper in _REWRITES:
        if ipa.startswith(written) or (written in ("onɡ", "ong", "i.", "o-", "g") and written in ipa):
            ipa = ipa.replace(written, proper, 1)
            break
    return ipa.strip("-._|;"), stress


def rescale(sample: int, rate_hz: int, target_rate_hz: int) -> int:
    """The nearest sample at another rate, in integers."""
    return (sample * target_rate_hz * 2 + rate_hz) // (2 * rate_hz)


def timed_words(
    events: list[Event],
    phones: tuple[TimedPhone, ...],
    origins: list[tuple[int, int] | None],
    original: str,
    sample_rate_hz: int,
    target_rate_hz: int,
) -> tuple[TimedWord, ...]:
    """The words of eSpeak's ``events``; words that share their place in ``original`` are one.

    eSpeak marks only the first character of a Mandarin word of several; the word takes them all.

    origins: for each character of the markup, the stretch of ``original`` it came from, None where it
        stands for nothing.
    """
    found: list[tuple[int, int, int]] = []
    for kind, sample, position, length, _ in events:
        if kind != EVENT_WORD:
            continue
        places = [place for place in origins[position : position + max(length, 1)] if place is not None]
        if not places:
            continue
        start, end = min(p[0] for p in places), max(p[1] for p in places)
        if found and start < found[-1][2]:
            found[-1] = (found[-1][0], min(found[-1][1], start), max(found[-1][2], end))
        else:
            found.append((rescale(sample, sample_rate_hz, target_rate_hz), start, end))
    words: list[TimedWord] = []
    total = phones[-1].end if phones else 0
    for index, (start, text_start, text_end) in enumerate(found):
        next_start = found[index + 1][0] if index + 1 < len(found) else total
        spoken = [p for p in phones if p.ipa and p.start < next_start and p.end > start]
        end = min(next_start, spoken[-1].end) if spoken else next_start
        limit = found[index + 1][1] if index + 1 < len(found) else len(original)
        while text_end < limit and original[text_end].isalnum():
            text_end += 1
        if end <= start:
            continue
        words.append(
            TimedWord(
                start=start,
                end=end,
                text=original[text_start:text_end],
                text_start=text_start,
                text_end=text_end,
            )
        )
    return tuple(words)


def _phone_marks(events: list[Event], samples: int, sample_rate_hz: int) -> list[_Phone]:
    marks: list[_Phone] = []
    for kind, sample, _, _, text in events:
        if kind != EVENT_PHONE or (text.startswith("(") and text.endswith(")")):
            continue
        mark = _Phone(min(max(sample, marks[-1].start if marks else 0), samples), text)
        if not text and marks and marks[-1].start == mark.start and marks[-1].text:
            marks.insert(len(marks) - 1, _Phone(mark.start, ""))
            continue
        marks.append(mark)
    kept: list[_Phone] = []
    short = round(MIN_PAUSE_S * sample_rate_hz)
    for index, mark in enumerate(marks):
        if not mark.text:
            later = marks[index + 1 :]
            following = next((m for m in later if m.start > mark.start or m.text), None)
            end = following.start if following else samples
            if end <= mark.start and following is not None:
                continue
            if following is not None and following.text and kept and end - mark.start < short:
                if canonical_phone(following.text)[0].startswith(_STOPS):
                    following.start = mark.start
                continue
        kept.append(mark)
    if not kept or kept[0].start > 0:
        if kept and kept[0].text and kept[0].start < short:
            kept[0].start = 0
        else:
            kept.insert(0, _Phone(0, ""))
    return kept


def _claim_closures(marks: list[_Phone], pcm: NDArray[np.int16], sample_rate_hz: int) -> None:
    """Moves the start of each stop to the start of the digital silence before its burst."""
    slack = round(0.004 * sample_rate_hz)
    reach = round(LONGEST_CLOSURE_S * sample_rate_hz)
    shortest = round(2 * MIN_PHONE_S * sample_rate_hz)
    for before, mark in pairwise(marks):
        if not before.text or not canonical_phone(mark.text)[0].startswith(_STOPS):
            continue
        first = max(before.start + shortest, mark.start - reach)
        quiet = np.abs(pcm[first : mark.start].astype(np.int32)) <= SILENCE_LEVEL
        loud = np.flatnonzero(~quiet[: len(quiet) - slack] if len(quiet) > slack else ~quiet)
        start = first + (int(loud[-1]) + 1 if len(loud) else 0)
        if mark.start - start > slack:
            mark.start = start


def _give_minimum(bounds: list[int], shortest: int) -> None:
    """Moves bounds forward, then back, so that each interval lasts ``shortest`` where the total allows."""
    total = bounds[-1]
    for index in range(1, len(bounds) - 1):
        bounds[index] = max(bounds[index], min(bounds[index - 1] + shortest, total))
    for index in range(len(bounds) - 2, 0, -1):
        bounds[index] = min(bounds[index], max(bounds[index + 1] - shortest, 0))
