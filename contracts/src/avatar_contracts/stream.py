"""The stream codec: a sequence of msgpack maps, one per event, discriminated by ``type``.

Media travels as msgpack binary. The decoder accepts input cut anywhere, bounds the size of one event,
and tells a finished stream from one that broke off.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterator
from typing import Any, Generic, TypeVar

import msgpack
from pydantic import BaseModel, TypeAdapter, ValidationError

from avatar_contracts.performance import PerformanceEvent
from avatar_contracts.problems import StreamBroken
from avatar_contracts.speech import SpeechEvent

E = TypeVar("E")

CONTENT_TYPE = "application/vnd.realtime-avatar.events+msgpack"
MAX_EVENT_BYTES = 16 * 1024 * 1024
_PIECE_BYTES = 64 * 1024
_MAX_ITEMS = 20_000
"""Longest list or map in an event, so that a header alone cannot ask for much memory."""

speech_events: TypeAdapter[SpeechEvent] = TypeAdapter(SpeechEvent)
performance_events: TypeAdapter[PerformanceEvent] = TypeAdapter(PerformanceEvent)


def encode_event(event: BaseModel) -> bytes:
    """One event as it travels."""
    packed: bytes = msgpack.packb(event.model_dump(mode="python"), use_bin_type=True)
    return packed


class EventDecoder(Generic[E]):
    """Turns bytes, cut anywhere, into events of one union."""

    def __init__(self, events: TypeAdapter[E], *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._events = events
        self._max_event_bytes = max_event_bytes
        self._unpacker = msgpack.Unpacker(
            raw=False,
            max_buffer_size=max_event_bytes + _PIECE_BYTES,
            max_array_len=_MAX_ITEMS,
            max_map_len=_MAX_ITEMS,
        )
        self._fed_bytes = 0
        self._complete_bytes = 0

    def feed(self, data: bytes) -> Iterator[E]:
        """The events that ``data`` completes. Nothing is read before the iterator is.

        Raises:
            StreamBroken: ``data`` is no msgpack, no event of the union, or an event above the limit.
        """
        for start in range(0, len(data), _PIECE_BYTES):
            piece = data[start : start + _PIECE_BYTES]
            self._fed_bytes += len(piece)
            self._unpacker.feed(piece)
            yield from self._complete()
            self._check_size(self._fed_bytes)

    def close(self) -> None:
        """Raises ``StreamBroken`` where an unfinished event was left behind."""
        if self._complete_bytes != self._fed_bytes:
            raise StreamBroken("the stream ended in the middle of an event")

    def _complete(self) -> Iterator[E]:
        while True:
            try:
                fields: Any = self._unpacker.unpack()
            except msgpack.OutOfData:
                return
            except (msgpack.UnpackException, ValueError) as error:
                raise StreamBroken("the stream carries something that is not an event") from error
            end = self._unpacker.tell()
            self._check_size(end)
            self._complete_bytes = end
            try:
                event = self._events.validate_python(fields)
            except ValidationError as error:
                raise StreamBroken("the stream carries something that is not an event") from error
            yield event

    def _check_size(self, end: int) -> None:
        if end - self._complete_bytes > self._max_event_bytes:
            raise StreamBroken(f"an event is larger than {self._max_event_bytes} bytes")


async def decode_stream(chunks: AsyncIterable[bytes], events: TypeAdapter[E]) -> AsyncGenerator[E, None]:
    """The events of a whole stream.

    Raises:
        StreamBroken: as ``EventDecoder.feed``, or the last event is incomplete.
    """
    decoder = EventDecoder(events)
    async for chunk in chunks:
        for event in decoder.feed(chunk):
            yield event
    decoder.close()
