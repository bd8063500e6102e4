"""Sentence splitting, shared because the runtime plans on the boundaries at which engines stream.

The ends of sentences are found by punctuation alone. A full stop after a known abbreviation, a single
initial or inside a number does not end a sentence; closing quotes and brackets stay with theirs; Spanish
opening marks stay with what follows.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from avatar_contracts.languages import primary_subtag

_CLOSERS = "\"'”’»)]}』」》】"
_FULL_STOPS = "。！？…"
_ENGLISH = """mr mrs ms dr prof sr jr st vs etc e.g i.e approx no fig inc ltd co gen sen rep capt col lt mt
vol ed p pp"""
_SPANISH = """sr sra srta dr dra prof profa ud uds vd vds etc av avda no núm pág p.ej ej cía gral lic ing"""
_ABBREVIATIONS = {"en": frozenset(_ENGLISH.split()), "es": frozenset(_SPANISH.split())}
_END = re.compile(rf"(?:[.!?]+|[{_FULL_STOPS}]+)[{re.escape(_CLOSERS)}]*")
_CLAUSE = re.compile(rf"(?:[,;:](?=\s|[{re.escape(_CLOSERS)}])|[，；：、—–])[{re.escape(_CLOSERS)}]*\s*")
_SPACES = re.compile(r"\s*")
_LONGEST_ABBREVIATION = 32
_JOINERS = "'’.,:-_@/"
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Scripts that write words without spaces: Thai, Lao, Burmese, Khmer, kana and Han."""


@dataclass(frozen=True)
class Sentence:
    """A stretch of the original text: ``text == original[start:end]``, without outer white space."""

    text: str
    start: int
    end: int


def split_sentences(text: str, language: str, *, max_chars: int = 400) -> list[Sentence]:
    """The sentences of ``text`` in order; nothing but white space is left out.

    Marks that stand alone go with the sentence before them, or with the first; a text of marks alone has no
    sentence. A sentence longer than ``max_chars`` is cut after a clause mark, else at a space, else (Chinese
    without punctuation) between characters; never inside a word that is itself shorter than ``max_chars``.
    """
    spans: list[tuple[int, int]] = []
    marks_from: int | None = None
    for span in _spans(text, language):
        for start, end in _cut(text, *span, max_chars):
            if not text[start:end].strip():
                continue
            if any(c.isalnum() for c in text[start:end]):
                spans.append((start if marks_from is None else marks_from, end))
                marks_from = None
            elif spans:
                spans[-1] = (spans[-1][0], end)
            elif marks_from is None:
                marks_from = start
    return [_stripped(text, start, end) for start, end in spans]


def _spans(text: str, language: str) -> list[tuple[int, int]]:
    abbreviations = _ABBREVIATIONS.get(primary_subtag(language), _ABBREVIATIONS["en"])
    spans: list[tuple[int, int]] = []
    start = 0
    for paragraph_end in [m.end() for m in re.finditer(r"\n\s*|\Z", text)]:
        for mark in _END.finditer(text, start, paragraph_end):
            if mark.start() < start or not _ends_sentence(text, mark, abbreviations):
                continue
            spans.append((start, mark.end()))
            start = mark.end()
        if start < paragraph_end:
            spans.append((start, paragraph_end))
            start = paragraph_end
    return spans


def _ends_sentence(text: str, mark: re.Match[str], abbreviations: frozenset[str]) -> bool:
    if mark.group()[0] in _FULL_STOPS:
        return True
    following = text[mark.end() : mark.end() + 1]
    spaces = _SPACES.match(text, mark.end())
    assert spaces is not None
    next_visible = text[spaces.end() : spaces.end() + 1]
    if next_visible.islower() and "\n" not in spaces.group():
        return False
    if mark.group()[0] in "!?":
        return not (following and following.isalnum() and following.isascii())
    if following and not following.isspace():
        return not (following.isalnum() and following.isascii()) and following not in ",;:%-/@_"
    word = re.search(r"[\w.]*$", text[max(mark.start() - _LONGEST_ABBREVIATION, 0) : mark.start()])
    before = word.group().lower() if word else ""
    if before in abbreviations or (len(before) == 1 and before.isalpha()):
        return not next_visible
    return True


def _cut(text: str, start: int, end: int, max_chars: int) -> list[tuple[int, int]]:
    pieces: list[tuple[int, int]] = []
    while end - start > max_chars:
        cut = _cut_point(text, start, start + max_chars)
        pieces.append((start, cut))
        start = cut
    pieces.append((start, end))
    return pieces


def _cut_point(text: str, start: int, limit: int) -> int:
    least = start + (limit - start) // 4
    clauses = [m.end() for m in _CLAUSE.finditer(text, start, limit) if m.end() > least]
    if clauses:
        return clauses[-1]
    for cut in range(limit, least, -1):
        if text[cut - 1].isspace():
            return cut
    for cut in range(limit, start, -1):
        if not _inside_word(text, cut):
            return cut
    return limit


def _inside_word(text: str, cut: int) -> bool:
    before, after = text[cut - 1], text[cut]
    if unicodedata.category(after) in {"Mn", "Mc", "Me", "Cf"}:
        return True
    if _spaced(before) and _spaced(after):
        return True
    if after in _JOINERS:
        return _spaced(before) and cut + 1 < len(text) and _spaced(text[cut + 1])
    return before in _JOINERS and _spaced(after) and cut >= 2 and _spaced(text[cut - 2])


def _spaced(character: str) -> bool:
    """Whether it belongs to a word of a script that puts spaces between words."""
    in_word = character.isalnum() or unicodedata.category(character) in {"Mn", "Mc"}
    return in_word and not _UNSPACED.match(character)


def _stripped(text: str, start: int, end: int) -> Sentence:
    piece = text[start:end]
    stripped = piece.strip()
    offset = start + len(piece) - len(piece.lstrip())
    return Sentence(stripped, offset, offset + len(stripped))
