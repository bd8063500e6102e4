"""Sentence splitting, shared because the runtime plans on the boundaries at which engines stream.

The ends of sentences are found by punctuation alone. A full stop after a known abbreviation, a single
initial or inside a number does not end a sentence; closing quotes and brackets stay with theirs; Spanish
opening marks stay with what follows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from avatar_contracts.languages import primary_subtag

_CLOSERS = "\"'”’»)]}』」》】"
_FULL_STOPS = "。！？…"
_ENGLISH = """mr mrs ms dr prof sr jr st vs etc e.g i.e approx no fig inc ltd co gen sen rep capt col lt mt vol
ed p pp"""
_SPANISH = """sr sra srta dr dra prof profa ud uds vd vds etc av avda no núm pág p.ej ej cía gral lic ing"""
_ABBREVIATIONS = {"en": frozenset(_ENGLISH.split()), "es": frozenset(_SPANISH.split())}
_END = re.compile(rf"(?:[.!?]+|[{_FULL_STOPS}]+)[{re.escape(_CLOSERS)}]*")
_CLAUSE = re.compile(rf"[,;:，；：、—–][{re.escape(_CLOSERS)}]*\s*")


@dataclass(frozen=True)
class Sentence:
    """A stretch of the original text: ``text == original[start:end]``, without outer white space."""

    text: str
    start: int
    end: int


def split_sentences(text: str, language: str, *, max_chars: int = 400) -> list[Sentence]:
    """The sentences of ``text`` in order; nothing but white space is left out.

    A sentence longer than ``max_chars`` is cut after a clause mark, else at a space, else (Chinese without
    punctuation) between characters; never inside a word.
    """
    sentences: list[Sentence] = []
    for start, end in _spans(text, language):
        for cut_start, cut_end in _cut(text, start, end, max_chars):
            stripped = _strip(text, cut_start, cut_end)
            if stripped is not None:
                sentences.append(stripped)
    return sentences


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
    next_visible = text[mark.end() :].lstrip()[:1]
    if next_visible.islower() and "\n" not in text[mark.end() : text.find(next_visible, mark.end())]:
        return False
    if mark.group()[0] in "!?":
        return not (following and following.isalnum() and following.isascii())
    if following and not following.isspace():
        return not (following.isalnum() and following.isascii()) and following not in ",;:%-/@_"
    word = re.search(r"[\w.]*$", text[: mark.start()])
    before = word.group().lower() if word else ""
    if before in abbreviations or (len(before) == 1 and before.isalpha()):
        return not text[mark.end() :].strip()
    return True


def _cut(text: str, start: int, end: int, max_chars: int) -> list[tuple[int, int]]:
    pieces: list[tuple[int, int]] = []
    while end - start > max_chars:
        window = text[start : start + max_chars]
        clauses = [m.end() for m in _CLAUSE.finditer(window) if m.end() > max_chars // 4]
        space = window.rfind(" ")
        if clauses:
            cut = clauses[-1]
        elif space > max_chars // 4:
            cut = space + 1
        else:
            cut = max_chars
        pieces.append((start, start + cut))
        start += cut
    pieces.append((start, end))
    return pieces


def _strip(text: str, start: int, end: int) -> Sentence | None:
    piece = text[start:end]
    stripped = piece.strip()
    if not any(c.isalnum() for c in stripped):
        return None
    offset = start + len(piece) - len(piece.lstrip())
    return Sentence(stripped, offset, offset + len(stripped))
