"""Text that remembers where each of its characters came from, through any number of rewrites."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

Replacement = Callable[[re.Match[str]], str | None]
"""What a match is spoken as; None leaves it as it stands."""


@dataclass(frozen=True)
class AlignedText:
    """``text[i]`` came from ``original[starts[i]:ends[i]]`` of the text that the caller sent."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, text: str, offset: int = 0) -> AlignedText:
        """``text`` as it stands at ``offset`` of the original."""
        places = range(offset, offset + len(text))
        return cls(text, tuple(places), tuple(i + 1 for i in places))

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the original that ``text[start:end]`` came from. Needs ``start < end``."""
        return min(self.starts[start:end]), max(self.ends[start:end])

    def part(self, start: int, end: int) -> AlignedText:
        """``text[start:end]`` with its places."""
        return AlignedText(self.text[start:end], self.starts[start:end], self.ends[start:end])

    def rewrite(self, pattern: re.Pattern[str], replacement: Replacement) -> AlignedText:
        """Every match replaced; the new characters come from the whole match.

        White space at the edges of a replacement belongs to no word; it still carries the match's place.
        """
        pieces: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        done = 0
        for match in pattern.finditer(self.text):
            spoken = replacement(match)
            if spoken is None or spoken == match.group():
                continue
            first, last = match.span()
            pieces += (self.text[done:first], spoken)
            starts += self.starts[done:first]
            ends += self.ends[done:first]
            if last > first:
                start, end = self.origin(first, last)
                starts += [start] * len(spoken)
                ends += [end] * len(spoken)
            done = last
        pieces.append(self.text[done:])
        starts += self.starts[done:]
        ends += self.ends[done:]
        return AlignedText("".join(pieces), tuple(starts), tuple(ends))
