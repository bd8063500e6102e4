"""Logs carry ids and fields, and nothing that a person said."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from starlette.types import Message, Receive, Scope, Send

from avatar_runtime.logs import FieldFormatter, RequestLog


def record(level: int = logging.INFO, **fields: object) -> logging.LogRecord:
    return logging.getLogger("x").makeRecord("x", level, "f", 1, "job accepted", (), None, extra=fields)


def test_fields_stand_behind_the_message() -> None:
    line = FieldFormatter(as_json=False).format(record(job="abc", characters=5))
    assert line.endswith("x: job accepted job=abc characters=5")


def test_json_lines_hold_the_fields_and_the_trace() -> None:
    try:
        raise LookupError("lost")
    except LookupError:
        failed = record(logging.ERROR, job="abc")
        failed.exc_info = sys.exc_info()
    document = json.loads(FieldFormatter(as_json=True).format(failed))
    assert (document["level"], document["message"], document["job"]) == ("ERROR", "job accepted", "abc")
    assert "LookupError: lost" in document["trace"]


@pytest.mark.parametrize(
    ("method", "status", "level"), [("GET", 200, "DEBUG"), ("GET", 404, "INFO"), ("POST", 202, "INFO")]
)
async def test_a_request_is_one_line_with_its_id_and_without_its_query(
    caplog: pytest.LogCaptureFixture, method: str, status: int, level: str
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": [(b"x-request-id", b"id7")]})

    async def nothing(*_: Message) -> Message:
        return {}

    scope = {"type": "http", "method": method, "path": "/api", "query_string": b"name=Ana"}
    with caplog.at_level(logging.DEBUG):
        await RequestLog(app)(scope, nothing, nothing)  # type: ignore[arg-type]
    (line,) = caplog.records
    shown = FieldFormatter(as_json=False).format(line)
    assert f"method={method} path=/api status={status}" in shown
    assert "request_id=id7" in shown
    assert "Ana" not in shown
    assert line.levelname == level
