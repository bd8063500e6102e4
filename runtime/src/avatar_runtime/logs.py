"""Logs: static messages with fields, as text for people or as JSON lines for machines."""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger(__name__)
FIRST_ERROR_STATUS = 400
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


class FieldFormatter(logging.Formatter):
    """A record with everything that was passed as ``extra``."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        if self._as_json:
            document: dict[str, Any] = {
                "time": moment,
                "level": record.levelname,
                "logger": record.name,
                "message": record.getMessage(),
                **fields,
            }
            return json.dumps({**document, "trace": trace} if trace else document, default=str)
        text = " ".join(f"{name}={value}" for name, value in fields.items())
        line = f"{moment} {record.levelname:7} {record.name}: {record.getMessage()} {text}".rstrip()
        return f"{line}\n{trace}" if trace else line


class RequestLog:
    """ASGI middleware: one line per request when it is answered. Reading is logged at DEBUG, for pollers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.monotonic()
        answer: Message = {}

        async def watching(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.update(message)
            await send(message)

        try:
            await self._app(scope, receive, watching)
        finally:
            status = answer.get("status", 0)
            quiet = scope["method"] in {"GET", "HEAD"} and status < FIRST_ERROR_STATUS
            _log.log(
                logging.DEBUG if quiet else logging.INFO,
                "request answered",
                extra={
                    "method": scope["method"],
                    "path": scope["path"][:200],
                    "status": status,
                    "ms": round((time.monotonic() - began_s) * 1000, 1),
                    "request_id": Headers(raw=answer.get("headers", [])).get("x-request-id"),
                },
            )


def configure_logs(level: str, *, as_json: bool) -> None:
    """Sends all logs of this process to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(FieldFormatter(as_json=as_json))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
