"""Written text → spoken text with language runs, each character tied to the text that the caller sent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from avatar_contracts.languages import primary_subtag
from avatar_gpu.speech.text import english, mandarin, spanish
from avatar_gpu.speech.text.aligned import AlignedText, Replacement

Rule = tuple[re.Pattern[str], Replacement]

_MARKUP = re.compile(r"</?[A-Za-z][^<>]{0,200}>|\[(?:[a-z][a-z _-]{0,20})\]|&(?:[a-z]{2,8}|#\d{1,6});")
_MARKDOWN = re.compile(r"(?<!\w)[*_~`]{1,3}(?=\S)|(?<=\S)[*_~`]{1,3}(?!\w)|^#{1,6}\s", re.MULTILINE)
_QUOTES = str.maketrans(
    {
        "“": '"',
        "”": '"',
        "„": '"',
        "«": '"',
        "»": '"',
        "‘": "'",
        "’": "'",
        "「": '"',
        "」": '"',
        "『": '"',
        "』": '"',
        "《": '"',
        "》": '"',
        "〈": '"',
        "〉": '"',
        "\u00a0": " ",
        "\u202f": " ",
        "\u2009": " ",
        "\u3000": " ",
        "\u00ad": "",
        "‐": "-",
        "‑": "-",
        "−": "-",
        "⁄": "/",
        "〜": "~",
        "～": "~",
    }
)
_SCRIPTS = (
    ("HIRAGANA", "ja"),
    ("KATAKANA", "ja"),
    ("HANGUL", "ko"),
    ("CJK", "zh"),
    ("LATIN", "latin"),
    ("CYRILLIC", "ru"),
    ("GREEK", "el"),
    ("ARABIC", "ar"),
    ("HEBREW", "he"),
    ("DEVANAGARI", "hi"),
    ("THAI", "th"),
    ("BENGALI", "bn"),
    ("TAMIL", "ta"),
    ("GEORGIAN", "ka"),
    ("ARMENIAN", "hy"),
)
_OWN_SCRIPT = {
    "zh": {"zh"},
    "yue": {"zh"},
    "ja": {"ja", "zh"},
    "ko": {"ko", "zh"},
    "ru": {"ru"},
    "uk": {"ru"},
    "be": {"ru"},
    "bg": {"ru"},
    "mk": {"ru"},
    "sr": {"ru", "latin"},
    "kk": {"ru"},
    "ky": {"ru"},
    "tt": {"ru"},
    "ba": {"ru"},
    "cv": {"ru"},
    "el": {"el"},
    "grc": {"el"},
    "ar": {"ar"},
    "fa": {"ar"},
    "ur": {"ar"},
    "sd": {"ar"},
    "ug": {"ar"},
    "he": {"he"},
    "hi": {"hi"},
    "mr": {"hi"},
    "ne": {"hi"},
    "kok": {"hi"},
    "th": {"th"},
    "bn": {"bn"},
    "as": {"bn"},
    "ta": {"ta"},
    "ka": {"ka"},
    "hy": {"hy"},
}


@dataclass(frozen=True)
class Run:
    """``text[start:end]`` of a ``SpokenText`` is in ``language``."""

    start: int
    end: int
    language: str


@dataclass(frozen=True)
class SpokenText:
    """What is read aloud. ``runs`` cover ``aligned.text`` without gaps."""

    aligned: AlignedText
    runs: tuple[Run, ...]
    warnings: tuple[str, ...]

    @property
    def text(self) -> str:
        return self.aligned.text


def normalise(text: str, language: str, *, offset: int = 0) -> SpokenText:
    """``text`` as a reader of ``language`` says it: numbers, dates, money and signs in words.

    A stretch in another script becomes a run in that script's language, with that language's rules.
    Emoji and markup are left out with a warning. ``offset`` is where ``text`` starts in the original.
    """
    warnings: list[str] = []
    clean = _clean(AlignedText.of(text, offset), warnings)
    for pattern, replacement in _rules(language):
        clean = clean.rewrite(pattern, replacement)
    pieces: list[tuple[AlignedText, str]] = []
    for run in _runs(clean.text, language):
        piece = clean.part(run.start, run.end)
        if run.language != language:
            for pattern, replacement in _rules(run.language):
                piece = piece.rewrite(pattern, replacement)
        pieces.append((piece, run.language))
    return _joined(pieces, tuple(warnings))


def _joined(pieces: Iterable[tuple[AlignedText, str]], warnings: tuple[str, ...]) -> SpokenText:
    text = ""
    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()
    runs: list[Run] = []
    for piece, language in pieces:
        if not piece.text:
            continue
        runs.append(Run(len(text), len(text) + len(piece.text), language))
        text += piece.text
        starts += piece.starts
        ends += piece.ends
    return SpokenText(AlignedText(text, starts, ends), tuple(runs), warnings)


def _rules(language: str) -> tuple[Rule, ...]:
    primary = primary_subtag(language)
    if primary == "en":
        return (
            english.BRITISH_RULES
            if language in ("en-GB", "en-AU", "en-NZ", "en-IE", "en-ZA", "en-IN")
            else english.RULES
        )
    if primary == "es":
        return spanish.DECIMAL_POINT_RULES if language in spanish.DECIMAL_POINT_REGIONS else spanish.RULES
    if primary == "zh":
        return mandarin.RULES
    return ()


def _clean(text: AlignedText, warnings: list[str]) -> AlignedText:
    found_markup: list[str] = []

    def drop_markup(match: re.Match[str]) -> str:
        found_markup.append(match.group())
        return " "

    text = text.rewrite(_MARKUP, drop_markup)
    if found_markup:
        warnings.append(f"markup is not spoken and was left out: {' '.join(found_markup[:3])[:60]}")
    text = text.rewrite(_MARKDOWN, lambda _: "")
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    emoji = 0
    for char, start, end in zip(text.text, text.starts, text.ends, strict=True):
        if _is_emoji(char):
            emoji += char.isprintable() and not 0xFE00 <= ord(char) <= 0xFE0F
            written = " "
        else:
            written = _plain(char)
        chars.append(written)
        starts += [start] * len(written)
        ends += [end] * len(written)
    if emoji:
        warnings.append(f"{emoji} emoji or pictograms are not spoken and were left out")
    return AlignedText("".join(chars), tuple(starts), tuple(ends))


def _plain(char: str) -> str:
    """One character without width and typographic variants; control characters become a space."""
    translated = char.translate(_QUOTES)
    if translated != char:
        return translated
    code = ord(char)
    if 0xFF01 <= code <= 0xFF5E and char not in "，；：？！（）":
        return chr(code - 0xFEE0)
    if unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Cn"):
        return "\n" if char == "\n" else " "
    return char


def _is_emoji(char: str) -> bool:
    code = ord(char)
    return (
        0x1F000 <= code <= 0x1FAFF
        or 0x2600 <= code <= 0x27BF
        or 0x2B00 <= code <= 0x2BFF
        or 0xFE00 <= code <= 0xFE0F
        or 0xE0000 <= code <= 0xE007F
        or code in (0x200D, 0x20E3, 0x2122, 0x3030, 0x303D)
    )


def _script_language(char: str) -> str | None:
    if char.isascii():
        return "latin" if char.isalpha() else None
    if not unicodedata.category(char).startswith("L"):
        return None
    name = unicodedata.name(char, "")
    return next((language for prefix, language in _SCRIPTS if name.startswith(prefix)), None)


def _runs(text: str, language: str) -> list[Run]:
    """Stretches by script. A character of no script (digit, mark, space) stays with what precedes it in
    the request's language, and never ends a foreign run."""
    own = _OWN_SCRIPT.get(primary_subtag(language), {"latin"})
    runs: list[Run] = []
    start = 0
    current = language
    last_letter = 0
    for index, char in enumerate(text):
        script = _script_language(char)
        if script is None:
            continue
        wanted = language if script in own else ("en" if script == "latin" else script)
        if wanted == "zh" and current == "ja":
            wanted = "ja"
        if wanted != current:
            cut = index if wanted != language else last_letter
            if cut > start:
                runs.append(Run(start, cut, current))
            start = cut if cut > start or not runs else start
            current = wanted
        last_letter = index + 1
    if start < len(text):
        cut = len(text) if current == language else last_letter
        runs.append(Run(start, cut, current))
        if cut < len(text):
            runs.append(Run(cut, len(text), language))
    return [run for run in runs if run.end > run.start]
