"""Spoken text → the SSML that eSpeak NG reads, with the way back from its positions."""

from __future__ import annotations

from dataclasses import dataclass

from avatar_gpu.speech.text.normalise import SpokenText

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_RUN_VOICES = {"en": "en-us", "zh": "cmn"}


@dataclass(frozen=True)
class Markup:
    """``places[i]`` is the index in the spoken text that character ``i`` of ``text`` stands for."""

    text: str
    places: tuple[int, ...]


def to_markup(spoken: SpokenText, language: str) -> Markup:
    """SSML in which every run of another language than ``language`` is in that language's voice."""
    text = ""
    places: list[int] = []
    for run in spoken.runs:
        foreign = run.language != language
        if foreign:
            tag = f'<voice xml:lang="{_RUN_VOICES.get(run.language, run.language)}">'
            text += tag
            places += [run.start] * len(tag)
        for index in range(run.start, run.end):
            written = _ESCAPES.get(spoken.text[index], spoken.text[index])
            text += written
            places += [index] * len(written)
        if foreign:
            text += "</voice>"
            places += [run.end - 1] * len("</voice>")
    return Markup(text, tuple(places))
