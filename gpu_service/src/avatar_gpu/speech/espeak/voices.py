"""Which eSpeak NG voice speaks which language tag, and the built-in voices of the engine."""

from __future__ import annotations

from dataclasses import dataclass

from avatar_contracts.languages import FIRST_CLASS, normalise_language, primary_subtag
from avatar_contracts.problems import UnsupportedLanguage
from avatar_gpu.voice.shaping import Shape

_CHOSEN = {
    "en": "gmw/en-US", "en-US": "gmw/en-US", "en-GB": "gmw/en", "en-AU": "gmw/en", "en-NZ": "gmw/en",
    "en-IE": "gmw/en", "en-IN": "gmw/en", "en-ZA": "gmw/en", "en-CA": "gmw/en-US",
    "es": "roa/es", "es-ES": "roa/es", "es-419": "roa/es-419", "es-MX": "roa/es-419",
    "zh": "sit/cmn", "zh-CN": "sit/cmn", "zh-SG": "sit/cmn", "zh-TW": "sit/cmn",
    "zh-Hant": "sit/cmn", "zh-Hans": "sit/cmn", "yue": "sit/yue", "zh-HK": "sit/yue",
    "fr": "roa/fr", "pt": "roa/pt", "pt-BR": "roa/pt-BR", "vi": "aav/vi", "hy": "ine/hy", "no": "gmq/nb",
}  # fmt: skip
"""Where eSpeak's own tags are missing, ambiguous or not the best; everything else is asked of the library."""
_LATIN_AMERICAN_FALLBACK = "roa/es-419"
_LEFT_OUT = ("art/piqd", "art/qdb", "art/qya", "art/sjn", "art/xex", "art/py")
"""Invented languages of fiction and test voices."""


class LanguageMap:
    """Language tag → eSpeak voice file."""

    def __init__(self, listed: dict[str, list[str]]) -> None:
        voices = {tag: voice for tag, voice in _CHOSEN.items() if voice in listed}
        for voice, tags in listed.items():
            if voice in _LEFT_OUT:
                continue
            for tag in tags:
                try:
                    voices.setdefault(normalise_language(tag), voice)
                except ValueError:
                    continue
        self._voices = voices

    @property
    def languages(self) -> tuple[str, ...]:
        """Every tag that has a voice, first-class languages first."""
        rest = sorted(tag for tag in self._voices if tag not in FIRST_CLASS)
        return tuple(tag for tag in FIRST_CLASS if tag in self._voices) + tuple(rest)

    def voice(self, tag: str) -> str:
        """The voice file for ``tag``, else for the language without region.

        Raises:
            UnsupportedLanguage: eSpeak NG has no voice for it.
        """
        if tag in self._voices:
            return self._voices[tag]
        primary = primary_subtag(tag)
        if primary == "es" and _LATIN_AMERICAN_FALLBACK in self._voices.values():
            return _LATIN_AMERICAN_FALLBACK
        if primary in self._voices:
            return self._voices[primary]
        raise UnsupportedLanguage(
            f"The embedded voice does not speak {tag!r}. It speaks {', '.join(FIRST_CLASS)} best, and also "
            f"{', '.join(sorted(t for t in self._voices if len(t) <= 3 and t not in FIRST_CLASS))}."
        )


@dataclass(frozen=True)
class BuiltInVoice:
    """A voice that needs no recording: clearly synthetic, the same in every language."""

    name: str
    description: str
    pitch: int
    shape: Shape


BUILT_IN_VOICES = (
    BuiltInVoice("ada", "female, warm, medium", 85, Shape(192.0, 1.7, 1.14, 3.0, 0.25)),
    BuiltInVoice("leo", "male, calm, low", 45, Shape(104.0, 1.5, 0.98, 2.0, 0.12)),
    BuiltInVoice("mei", "female, bright, lively", 92, Shape(222.0, 1.8, 1.18, 4.0, 0.2)),
    BuiltInVoice("sol", "male, clear, medium", 60, Shape(128.0, 1.7, 1.03, 4.0, 0.1)),
)
"""The first is the default."""


def base_pitch(median_hz: float) -> int:
    """eSpeak's pitch setting (0…99) whose speech is nearest to ``median_hz``.

    eSpeak's median F0 grows from 68 Hz at 0 over 98 Hz at 50 to 167 Hz at 99 (measured). Steps of 10, so that
    the statistics of the base voice are shared between speakers.
    """
    settings = ((0, 68.0), (20, 75.0), (40, 88.0), (50, 98.0), (60, 108.0), (80, 135.0), (90, 152.0))
    return min(settings, key=lambda item: abs(item[1] - median_hz))[0]
