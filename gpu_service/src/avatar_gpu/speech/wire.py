"""The two ends of a worker process: length-delimited msgpack over stdin and stdout.

A frame is a 4-byte big-endian length and one msgpack map. The parent sends
``{"op": name, "args": {…}}``; the child answers ``{"ok": true, "result": …}`` or
``{"ok": false, "error": class name, "detail": text}``. One question is in flight at a time.

The child's side imports nothing but the standard library and msgpack, so that a worker stays small.
"""

from __future__ import annotations

import os
import queue
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from typing import IO, Any

import msgpack

MAX_FRAME_BYTES = 256 * 1024 * 1024
"""A frame above this is taken as a broken stream: ten minutes of float32 at 48 kHz are 115 MB."""

_HEADER = struct.Struct(">I")


class FrameBroken(Exception):
    """The stream ended inside a frame, or carries something that is no frame."""


def write_frame(stream: IO[bytes], message: Mapping[str, Any]) -> None:
    """Sends one message and flushes."""
    body: bytes = msgpack.packb(message, use_bin_type=True)
    stream.write(_HEADER.pack(len(body)))
    stream.write(body)
    stream.flush()


def read_frame(stream: IO[bytes]) -> dict[str, Any] | None:
    """The next message; None at the end of the stream.

    Raises:
        FrameBroken: the stream ends inside a frame, a length is above ``MAX_FRAME_BYTES``, or the body is
            no msgpack map.
    """
    header = stream.read(_HEADER.size)
    if not header:
        return None
    if len(header) < _HEADER.size:
        raise FrameBroken("the stream ended inside a frame's length")
    (size,) = _HEADER.unpack(header)
    if size > MAX_FRAME_BYTES:
        raise FrameBroken(f"a frame of {size} bytes is above the limit")
    body = stream.read(size)
    if len(body) < size:
        raise FrameBroken("the stream ended inside a frame")
    try:
        message = msgpack.unpackb(body, raw=False, strict_map_key=False)
    except (ValueError, msgpack.UnpackException) as error:
        raise FrameBroken("a frame is not msgpack") from error
    if not isinstance(message, dict):
        raise FrameBroken("a frame is not a map")
    return message


def serve(operations: Mapping[str, Callable[..., Any]]) -> None:
    """Answers the parent's questions until stdin closes; the main function of every worker.

    stdout is taken for frames alone: whatever a library prints goes to stderr. A thread of its own reads
    stdin, so that the process ends with its parent even while a library call hangs.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    questions: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read_until_parent_ends, args=(sys.stdin.buffer, questions), daemon=True).start()
    while True:
        question = questions.get()
        try:
            operation = operations[question["op"]]
            answer: dict[str, Any] = {"ok": True, "result": operation(**question.get("args", {}))}
        except Exception as error:  # noqa: BLE001 - the one broad catch of this process; the parent decides
            answer = {"ok": False, "error": type(error).__name__, "detail": str(error)}
        write_frame(answers, answer)


def _read_until_parent_ends(stream: IO[bytes], questions: queue.SimpleQueue[dict[str, Any]]) -> None:
    try:
        while (question := read_frame(stream)) is not None:
            questions.put(question)
    except FrameBroken:
        os._exit(2)
    os._exit(0)
