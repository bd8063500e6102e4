"""What both FastAPI apps share: problem documents for every failure, and a request id on every answer.

Needs the extra ``realtime-avatar-contracts[server]``; nothing else in this package imports FastAPI.
"""

from __future__ import annotations

import logging
import re
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from avatar_contracts.problems import (
    MEDIA_TYPE,
    AvatarError,
    InternalError,
    InvalidRequest,
    MalformedBody,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    UnsupportedMediaType,
)

_log = logging.getLogger(__name__)
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")


def install_problem_handlers(app: FastAPI) -> None:
    """Makes every failure of ``app`` an RFC 9457 document and gives each request an id."""
    app.add_middleware(_RequestId)
    app.add_exception_handler(AvatarError, _avatar_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unforeseen)


def problem_response(error: AvatarError, request: Request) -> Response:
    """``error`` as an HTTP answer."""
    document = error.problem(request_id_of(request))
    headers = {"X-Request-Id": document.request_id or ""}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    return Response(
        document.model_dump_json(exclude_none=True),
        status_code=error.status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def request_id_of(request: Request) -> str:
    """The id of the request: the caller's ``X-Request-Id`` where it is well formed, else a new one."""
    found: str | None = getattr(request.state, "request_id", None)
    if found is None:
        given = request.headers.get("x-request-id", "")
        found = given if _REQUEST_ID.match(given) else uuid4().hex
        request.state.request_id = found
    return found


class _RequestId:
    """ASGI middleware: an id for each request in its state, and on its answer unless one is there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(Request(scope))

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("X-Request-Id", request_id)
            await send(message)

        await self._app(scope, receive, send_with_id)


async def _avatar_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AvatarError)
    return problem_response(error, request)


async def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(e["type"] == "json_invalid" for e in found):
        return problem_response(MalformedBody("The body is not valid JSON in UTF-8."), request)
    errors = [
        {
            "field": ".".join(str(p) for p in e["loc"] if p != "body") or "body",
            "message": e["msg"].removeprefix("Value error, "),
        }
        for e in found
    ]
    detail = "; ".join(f"{e['field']}: {e['message']}" for e in errors[:5])
    return problem_response(InvalidRequest(detail, errors=errors), request)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known: dict[int, type[AvatarError]] = {
        400: MalformedBody,
        404: NotFound,
        405: MethodNotAllowed,
        413: PayloadTooLarge,
        415: UnsupportedMediaType,
    }
    cls = known.get(error.status_code, InternalError if error.status_code >= 500 else InvalidRequest)
    response = problem_response(cls(_plain_detail(error, request)), request)
    response.headers.update(error.headers or {})
    return response


def _plain_detail(error: HTTPException, request: Request) -> str:
    """What the framework says, or more where that is no more than the status line."""
    if error.status_code == 404 and error.detail == "Not Found":
        return f"Nothing answers at {request.url.path[:200]}; GET /docs lists every address."
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        return f"{request.url.path[:200]} answers {allowed}, not {request.method[:20]}."
    return str(error.detail)


async def _unforeseen(request: Request, error: Exception) -> Response:
    _log.error("unforeseen error", exc_info=error, extra={"request_id": request_id_of(request)})
    return problem_response(InternalError("The log of the service says more."), request)
