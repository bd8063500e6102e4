"""The stream codec survives every cut and names every way in which a stream can break."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from avatar_contracts.performance import PerformanceDone, Progress, Video
from avatar_contracts.problems import AtCapacity, StreamBroken
from avatar_contracts.speech import Audio, Failed, Phones, SpeechDone, SpeechStarted, Warned
from avatar_contracts.stream import (
    EventDecoder,
    decode_stream,
    encode_event,
    performance_events,
    speech_events,
)
from avatar_contracts.timeline import TimedPhone

EVENTS: list[BaseModel] = [
    SpeechStarted(task_id="t", engine="espeak", language="es", sample_rate_hz=24_000, sentences=1),
    Audio(pts=0, pcm=bytes(range(256))),
    Phones(phones=(TimedPhone(start=0, end=120, ipa="ɲ", stress=2),)),
    Warned(code="clipped", detail="¡El audio está recortado!"),
    SpeechDone(samples=128, timings_ms={"speak": 1.5}),
]
STREAM = b"".join(encode_event(e) for e in EVENTS)


def test_garbage_is_a_broken_stream() -> None:
    for garbage in (
        b"\xc1",
        b"\x93\x01\x02\x03",
        b"hello",
        b"\x81\xa4type\xa4nope",
        msgpack.packb([]),
        b"\xa2\xff\xfe",
    ):
        with pytest.raises(StreamBroken, match="not an event"):
            list(EventDecoder(speech_events).feed(garbage))


@given(st.binary(min_size=1, max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    decoder = EventDecoder(performance_events)
    try:
        list(decoder.feed(data))
        decoder.close()
    except StreamBroken:
        pass


def test_an_event_of_an_unknown_type_is_a_broken_stream() -> None:
    with pytest.raises(StreamBroken, match="not an event"):
        list(EventDecoder(speech_events).feed(msgpack.packb({"type": "telepathy"})))


def test_an_event_of_another_union_is_a_broken_stream() -> None:
    with pytest.raises(StreamBroken):
        list(EventDecoder(speech_events).feed(encode_event(Video(pts=0, keyframe=True, data=b"\0"))))


def test_an_unknown_field_is_ignored_so_that_an_older_peer_can_read() -> None:
    newer = msgpack.packb({"type": "audio", "pts": 0, "pcm": b"\0\0", "loudness": -16.0})
    assert list(EventDecoder(speech_events).feed(newer)) == [Audio(pts=0, pcm=b"\0\0")]


@pytest.mark.parametrize("length", range(1, len(STREAM)))
def test_a_stream_split_at_any_byte_gives_the_same_events(length: int) -> None:
    decoder = EventDecoder(speech_events)
    assert [*decoder.feed(STREAM[:length]), *decoder.feed(STREAM[length:])] == EVENTS
    decoder.close()


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_a_stream_in_any_pieces_gives_the_same_events(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    decoder = EventDecoder(speech_events)
    found = [e for a, b in pairwise(edges) for e in decoder.feed(STREAM[a:b])]
    assert found == EVENTS
    decoder.close()


def test_a_stream_that_ends_inside_an_event_is_broken() -> None:
    boundaries = {0}
    for event in EVENTS:
        boundaries.add(max(boundaries) + len(encode_event(event)))
    for length in range(len(STREAM)):
        decoder = EventDecoder(speech_events)
        list(decoder.feed(STREAM[:length]))
        if length in boundaries:
            decoder.close()
        else:
            with pytest.raises(StreamBroken, match="middle of an event"):
                decoder.close()


@pytest.mark.parametrize("piece", [1, 100, 1000, 4096, 10_000])
def test_an_event_above_the_limit_is_refused_before_it_is_whole(piece: int) -> None:
    big = encode_event(Audio(pts=0, pcm=b"\0" * 9_000))
    decoder = EventDecoder(speech_events, max_event_bytes=4096)
    pieces = [big[start : start + piece] for start in range(0, len(big), piece)]
    fed = 0
    with pytest.raises(StreamBroken, match="larger than 4096 bytes"):  # noqa: PT012
        for part in pieces:
            fed += len(part)
            list(decoder.feed(part))
    assert fed <= 4096 + piece


@pytest.mark.parametrize("piece", [1, 7, 4096, 100_000])
def test_many_events_below_the_limit_pass_whatever_the_chunks(piece: int) -> None:
    event = Audio(pts=0, pcm=b"\0" * 3_000)
    stream = encode_event(event) * 25
    decoder = EventDecoder(speech_events, max_event_bytes=4096)
    found = [e for start in range(0, len(stream), piece) for e in decoder.feed(stream[start : start + piece])]
    assert found == [event] * 25
    decoder.close()


def test_a_header_that_promises_a_huge_list_costs_nothing() -> None:
    for header in (b"\xdd\x00\xff\xff\xff", b"\xdf\x00\xff\xff\xff"):
        with pytest.raises(StreamBroken):
            list(EventDecoder(speech_events).feed(header))


def test_media_bytes_are_binary_on_the_wire() -> None:
    raw = msgpack.unpackb(encode_event(Audio(pts=3, pcm=b"\x01\x02")))
    assert raw == {"type": "audio", "pts": 3, "pcm": b"\x01\x02"}


def test_a_failure_travels_in_band_and_becomes_the_same_class() -> None:
    sent = AtCapacity("Both places are taken.", retry_after_s=3, waiting=7)
    (event,) = EventDecoder(performance_events).feed(encode_event(Failed(problem=sent.problem("r-1"))))
    assert isinstance(event, Failed)
    received = AtCapacity.from_problem(event.problem)
    assert isinstance(received, AtCapacity)
    assert (received.detail, received.retry_after_s) == (sent.detail, 3)
    assert received.extensions["waiting"] == 7


async def test_a_whole_stream_is_decoded_and_a_truncated_one_says_so() -> None:
    events = [Progress(fraction=0.5, sentence=1, sentences=2), PerformanceDone(samples=960, frames=1)]
    stream = b"".join(encode_event(e) for e in events)

    async def chunks(data: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(data), 5):
            yield data[start : start + 5]

    assert [e async for e in decode_stream(chunks(stream), performance_events)] == events
    with pytest.raises(StreamBroken, match="middle of an event"):
        async for _ in decode_stream(chunks(stream[:-1]), performance_events):
            pass
