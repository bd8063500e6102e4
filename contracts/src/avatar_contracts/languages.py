"""Language tags: one spelling for each language, whatever the caller wrote."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

FIRST_CLASS = ("en", "zh", "es")
"""Primary subtags that every speech engine must speak."""

_ALIASES = {
    "cmn": "zh",
    "zh-hans": "zh",
    "zh-cn": "zh-CN",
    "zh-hans-cn": "zh-CN",
    "english": "en",
    "mandarin": "zh",
    "chinese": "zh",
    "spanish": "es",
    "español": "es",
    "中文": "zh",
}
_TAG = re.compile(r"^[a-z]{2,3}(-[a-z0-9]{2,8}){0,6}$")


def normalise_language(tag: str) -> str:
    """The canonical form of a BCP 47 tag: ``EN_us`` → ``en-US``, ``cmn`` → ``zh``.

    Whether any engine speaks the language is not decided here.

    Raises:
        ValueError: ``tag`` is not shaped like a language tag.
    """
    text = tag.strip().lower().replace("_", "-")
    if text in _ALIASES:
        return _ALIASES[text]
    if not _TAG.match(text):
        raise ValueError(f"{tag[:40]!r} is not a language tag; write for example 'en', 'zh', 'es' or 'es-MX'")
    primary, *rest = text.split("-")
    if (
        primary == "zh" and rest and len(rest[0]) == 3 and rest[0].isalpha()
    ):  # zh-yue is another way to say yue
        primary, *rest = rest
    primary = _ALIASES.get(primary, primary)
    whole = "-".join([primary, *rest])
    if whole in _ALIASES:
        return _ALIASES[whole]
    return "-".join([primary, *(_subtag(part) for part in rest)])


def _subtag(part: str) -> str:
    if len(part) == 2 and part.isalpha():
        return part.upper()
    if len(part) == 4 and part.isalpha():
        return part.title()
    return part


def primary_subtag(tag: str) -> str:
    """The language without script or region: ``es-MX`` → ``es``."""
    return tag.split("-", 1)[0]


LanguageTag = Annotated[str, AfterValidator(normalise_language)]
"""A string field that holds a normalised language tag."""
