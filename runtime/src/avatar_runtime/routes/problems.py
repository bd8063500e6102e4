"""Problems that only the public routes have."""

from __future__ import annotations

from avatar_contracts.problems import AvatarError


class UnsatisfiableRange(AvatarError):
    """``Range`` asks for bytes that the file does not have."""

    slug = "range-not-satisfiable"
    title = "The range lies beyond the end of the file"
    status = 416
