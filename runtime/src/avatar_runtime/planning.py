"""Script → segments: stretches of whole sentences, each of which is one performance."""

from __future__ import annotations

import unicodedata

from pydantic import Field

from avatar_contracts.model import Reply
from avatar_contracts.performance import PerformanceRequest
from avatar_contracts.problems import TextEmpty, TextTooLong
from avatar_contracts.sentences import Sentence, split_sentences
from avatar_contracts.speech import SpeechRequest
from avatar_runtime.jobs import JobSpec

SEGMENT_WEIGHT = 1_500
"""Longest segment in letters; about 100 s of speech. A resumed job repeats at most this much."""

IDEOGRAPH_WEIGHT = 4
"""A Chinese character is a syllable: it takes about as long to say as four letters."""

LEAD_IN_MS = 250
TAIL_MS = 450
INNER_LEAD_IN_MS = 60
INNER_TAIL_MS = 300
"""Between segments the face returns to rest; the pause is that of a paragraph."""

_SEED_STEP = 0x9E3779B1
_SEED_MASK = 2**31 - 1


class Segment(Reply):
    """Characters [start, end) of the script."""

    index: int
    start: int
    end: int
    text: str
    weight: int = Field(description="how long it takes to say, in letters")


class Plan(Reply):
    """The segments of a script, in order."""

    segments: tuple[Segment, ...]

    @property
    def weight(self) -> int:
        """Of the whole script."""
        return sum(segment.weight for segment in self.segments)


def clean_script(text: str, *, max_chars: int) -> str:
    """``text`` without control characters, which no voice can say.

    Raises:
        TextEmpty: nothing is left that can be said.
        TextTooLong: more than ``max_chars`` characters.
    """
    if len(text) > max_chars:
        raise TextTooLong(
            f"The text has {len(text)} characters; the limit is {max_chars}. Split it into several requests.",
            characters=len(text),
            limit=max_chars,
        )
    cleaned = "".join(
        character if character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cs"} else " "
        for character in text
    ).strip()
    if not any(character.isalnum() for character in cleaned):
        raise TextEmpty("The text holds no letter or digit; write what the avatar shall say.")
    return cleaned


def plan_script(text: str, language: str, *, segment_weight: int = SEGMENT_WEIGHT) -> Plan:
    """``text`` cut between sentences so that no segment is heavier than ``segment_weight``.

    Raises:
        TextEmpty: there is no sentence.
    """
    segments: list[Segment] = []
    group: list[Sentence] = []
    group_weight = 0
    for sentence in split_sentences(text, language):
        weight = speaking_weight(sentence.text)
        if group and group_weight + weight > segment_weight:
            segments.append(_segment(text, len(segments), group))
            group, group_weight = [], 0
        group.append(sentence)
        group_weight += weight
    if group:
        segments.append(_segment(text, len(segments), group))
    if not segments:
        raise TextEmpty("The text holds nothing that can be said.")
    return Plan(segments=tuple(segments))


def speaking_weight(text: str) -> int:
    """How long ``text`` takes to say, counted in letters of an alphabet."""
    return sum(IDEOGRAPH_WEIGHT if _is_ideograph(character) else 1 for character in text)


def performance_request(spec: JobSpec, plan: Plan, segment: Segment, task_id: str) -> PerformanceRequest:
    """What the GPU service is asked for ``segment``. Equal segments of one script move differently."""
    first, last = segment.index == 0, segment.index == len(plan.segments) - 1
    seed = (spec.motion.seed + segment.index * _SEED_STEP) & _SEED_MASK
    return PerformanceRequest(
        task_id=task_id,
        speech=SpeechRequest(
            text=segment.text,
            language=spec.language,
            voice=spec.voice,
            engine=spec.speech_engine,
            speed=spec.speed,
            likeness=spec.likeness,
            emotion=spec.emotion,
        ),
        portrait=spec.portrait,
        motion=spec.motion.model_copy(update={"seed": seed}),
        render=spec.render,
        lead_in_ms=LEAD_IN_MS if first else INNER_LEAD_IN_MS,
        tail_ms=TAIL_MS if last else INNER_TAIL_MS,
    )


def _segment(text: str, index: int, group: list[Sentence]) -> Segment:
    start, end = group[0].start, group[-1].end
    return Segment(
        index=index, start=start, end=end, text=text[start:end], weight=speaking_weight(text[start:end])
    )


def _is_ideograph(character: str) -> bool:
    return "぀" <= character <= "ヿ" or "㐀" <= character <= "鿿" or "가" <= character <= "힣"
