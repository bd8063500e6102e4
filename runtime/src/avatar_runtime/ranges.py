"""``Range`` requests of RFC 9110 for one span of bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE_RANGE = re.compile(r"^bytes=\s*(\d*)-(\d*)\s*$")
MAX_DIGITS = 19


@dataclass(frozen=True)
class Span:
    """Bytes [start, end) of a file."""

    start: int
    end: int

    def content_range(self, size: int) -> str:
        """The value of ``Content-Range`` for a file of ``size`` bytes."""
        return f"bytes {self.start}-{self.end - 1}/{size}"


class RangeNotSatisfiable(Exception):
    """The range asks for bytes beyond the end."""


def parse_range(header: str | None, size: int) -> Span | None:
    """The span that ``header`` asks for; None means the whole file.

    A header that is absent, of another unit, malformed or lists several ranges is answered with the whole
    file, as RFC 9110 section 14.2 allows.

    Raises:
        RangeNotSatisfiable: the range is well formed and holds no byte of the file.
    """
    match = _ONE_RANGE.match(header or "")
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if len(first) > MAX_DIGITS or len(last) > MAX_DIGITS or (not first and not last):
        return None
    if not first:
        length = min(int(last), size)
        if length == 0:
            raise RangeNotSatisfiable
        return Span(size - length, size)
    start = int(first)
    end = min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return None
    if start >= size:
        raise RangeNotSatisfiable
    return Span(start, end)
