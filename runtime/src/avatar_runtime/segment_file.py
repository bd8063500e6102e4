"""The artefact of a performed segment: its events on disk, exactly as the GPU service sent them.

The file appears under its name when the performance is done and never before, so that a resumed job can trust
what it finds. Reading is streaming: memory does not grow with the length of the segment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from avatar_contracts.performance import PerformanceDone, PerformanceEvent
from avatar_contracts.problems import StreamBroken
from avatar_contracts.stream import EventDecoder, encode_event, performance_events

READ_BYTES = 256 * 1024
PART_SUFFIX = ".part"


class SegmentRecorder:
    """Writes events; leaving the context without ``publish`` leaves nothing behind."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + PART_SUFFIX)

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._part.open("wb")
        return self

    def write(self, event: PerformanceEvent) -> None:
        """Appends one event."""
        self._file.write(encode_event(event))

    def publish(self) -> None:
        """Gives the file its name. Nothing may be written afterwards."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._path)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._file.close()
        finally:
            self._part.unlink(missing_ok=True)


def read_segment(path: Path) -> Iterator[PerformanceEvent]:
    """The events of a segment, the last of which is ``PerformanceDone``.

    Raises:
        StreamBroken: the file is damaged or ends early.
    """
    decoder = EventDecoder(performance_events)
    last: PerformanceEvent | None = None
    with path.open("rb") as file:
        while data := file.read(READ_BYTES):
            for event in decoder.feed(data):
                last = event
                yield event
    decoder.close()
    if not isinstance(last, PerformanceDone):
        raise StreamBroken("A segment on disk is incomplete.")


def is_complete(path: Path) -> bool:
    """Whether ``path`` holds a whole performance."""
    if not path.exists():
        return False
    try:
        for _ in read_segment(path):
            pass
    except StreamBroken:
        return False
    return True
