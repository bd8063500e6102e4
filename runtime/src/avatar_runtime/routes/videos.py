"""Finished videos, with ranges, so that a browser can seek."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from email.utils import formatdate, parsedate_to_datetime
from os import stat_result

import anyio
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from avatar_contracts.problems import AssetNotFound, NameUnsafe
from avatar_contracts.server import problem_response
from avatar_runtime.names import safe_name
from avatar_runtime.ranges import RangeNotSatisfiable, Span, parse_range
from avatar_runtime.routes.documents import API
from avatar_runtime.routes.problems import UnsatisfiableRange
from avatar_runtime.services import ServicesDependency

router = APIRouter(prefix=f"{API}/videos", tags=["videos"])

READ_BYTES = 256 * 1024
MEDIA_TYPE = "video/mp4"
_VIDEO_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.mp4$")


@router.head("/{filename:path}", include_in_schema=False)
@router.get(
    "/{filename:path}",
    response_class=StreamingResponse,
    responses={
        200: {"content": {MEDIA_TYPE: {}}},
        206: {"content": {MEDIA_TYPE: {}}, "description": "The part that Range asks for"},
        304: {"description": "The caller's copy is still right"},
        416: {"description": "The range lies beyond the end"},
    },
)
async def video(request: Request, services: ServicesDependency, filename: str) -> Response:
    """The MP4 file. Understands ``Range``, ``If-Range`` and ``If-None-Match``; answers ``HEAD``."""
    if not _VIDEO_NAME.match(safe_name(filename)):
        raise NameUnsafe("Videos are called <job id>.mp4.")
    path = anyio.Path(services.settings.videos_dir / filename)
    try:
        stat = await path.stat()
    except FileNotFoundError as error:
        raise AssetNotFound("There is no video of this name.") from error
    headers = _headers(stat, filename, download="download" in request.query_params)
    if _same(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    try:
        span = parse_range(request.headers.get("range"), stat.st_size) if _fresh(request, headers) else None
    except RangeNotSatisfiable:
        refusal = problem_response(
            UnsatisfiableRange(f"The video has {stat.st_size} bytes; ask for a range inside it."), request
        )
        refusal.headers["Content-Range"] = f"bytes */{stat.st_size}"
        return refusal
    part = span or Span(0, stat.st_size)
    headers["Content-Length"] = str(part.end - part.start)
    if span is not None:
        headers["Content-Range"] = span.content_range(stat.st_size)
    status = 200 if span is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=MEDIA_TYPE)
    return StreamingResponse(_read(path, part), status_code=status, headers=headers, media_type=MEDIA_TYPE)


def _headers(stat: stat_result, filename: str, *, download: bool) -> dict[str, str]:
    return {
        "Accept-Ranges": "bytes",
        "ETag": f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"',
        "Last-Modified": formatdate(stat.st_mtime, usegmt=True),
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Disposition": f'{"attachment" if download else "inline"}; filename="{filename}"',
        "X-Content-Type-Options": "nosniff",
    }


def _same(condition: str | None, etag: str) -> bool:
    if condition is None:
        return False
    return any(tag.strip().removeprefix("W/") in {etag, "*"} for tag in condition.split(","))


def _fresh(request: Request, headers: dict[str, str]) -> bool:
    condition = request.headers.get("if-range")
    if condition is None or condition == headers["ETag"]:
        return True
    try:
        return parsedate_to_datetime(condition) == parsedate_to_datetime(headers["Last-Modified"])
    except (TypeError, ValueError):
        return False


async def _read(path: anyio.Path, span: Span) -> AsyncIterator[bytes]:
    async with await path.open("rb") as file:
        await file.seek(span.start)
        left = span.end - span.start
        while left > 0 and (chunk := await file.read(min(READ_BYTES, left))):
            left -= len(chunk)
            yield chunk
