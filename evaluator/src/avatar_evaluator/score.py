"""What one metric found out about one video."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from avatar_contracts.model import Reply

Status = Literal["ok", "not_scored", "error"]
Value = float | str
"""A number with a unit, or a word such as a codec's name."""


class Score(Reply):
    """A value, or the reason why there is none: "could not score" is never zero."""

    value: Value | None
    unit: str = ""
    status: Status = "ok"
    reason: str | None = None
    details: dict[str, float | str] = Field(default_factory=dict)

    @classmethod
    def missing(cls, reason: str, unit: str = "") -> Score:
        """The score of something that could not be measured here."""
        return cls(value=None, unit=unit, status="not_scored", reason=reason)
