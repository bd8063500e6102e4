"""Timed units of speech. Every time is an integer count of audio samples from the start of the stream."""

from __future__ import annotations

from pydantic import Field

from avatar_contracts.model import Reply


class TimedPhone(Reply):
    """One phone of the International Phonetic Alphabet. An empty ``ipa`` is a pause."""

    start: int = Field(ge=0, description="first sample")
    end: int = Field(ge=0, description="one past the last sample")
    ipa: str
    stress: int = Field(default=0, ge=0, le=2, description="0 none, 1 secondary, 2 primary")


class TimedWord(Reply):
    """One word, with the characters of the request's text that it came from."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    text: str
    text_start: int = Field(ge=0)
    text_end: int = Field(ge=0)
