"""Request bodies with a limit: JSON, forms and raw bytes, none of which is read past what is allowed."""

from __future__ import annotations

from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from avatar_contracts.problems import MalformedBody, PayloadTooLarge, UnsupportedMediaType

FORM_OVERHEAD_BYTES = 256 * 1024
MAX_FORM_FILES = 4
MAX_FORM_FIELDS = 40
READ_BYTES = 256 * 1024


def media_type(request: Request) -> str:
    """The content type without its parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def check_length(request: Request, limit: int) -> None:
    """Raises ``PayloadTooLarge`` where the announced length is above ``limit``."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise PayloadTooLarge(f"The body is larger than {limit} bytes.")


async def body_chunks(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises ``PayloadTooLarge`` after ``limit`` bytes."""
    check_length(request, limit)
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > limit:
            raise PayloadTooLarge(f"The body is larger than {limit} bytes.")
        if chunk:
            yield chunk


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body."""
    return b"".join([chunk async for chunk in body_chunks(request, limit)])


@asynccontextmanager
async def form_of(request: Request, *, max_text_bytes: int, max_file_bytes: int) -> AsyncIterator[FormData]:
    """The form in the body; its files lie in temporary files until the context is left.

    Raises:
        PayloadTooLarge: the body is larger than its parts may be together.
        MalformedBody: it is no form.
    """
    limit = max_text_bytes + MAX_FORM_FILES * max_file_bytes + FORM_OVERHEAD_BYTES
    check_length(request, limit)
    received = 0

    async def limited() -> MutableMapping[str, Any]:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise PayloadTooLarge(f"The form is larger than {limit} bytes.")
        return message

    limited_request = Request(request.scope, limited)
    async with limited_request.form(
        max_files=MAX_FORM_FILES, max_fields=MAX_FORM_FIELDS, max_part_size=max_text_bytes
    ) as form:
        yield form


def text_fields(form: FormData) -> dict[str, str]:
    """The fields of a form that are not files. Raises ``MalformedBody`` where one is given twice."""
    fields: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            if name in fields:
                raise MalformedBody("A field of the form is given twice.")
            fields[name] = value
    return fields


def file_fields(form: FormData, allowed: frozenset[str]) -> dict[str, UploadFile]:
    """The files of a form by field name; an empty file field counts as absent.

    Raises:
        UnsupportedMediaType: a file in a field that takes none.
        MalformedBody: two files in one field.
    """
    files: dict[str, UploadFile] = {}
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile) or (not value.filename and value.size == 0):
            continue
        if name not in allowed:
            names = " and ".join(sorted(allowed))
            raise UnsupportedMediaType(f"Files are accepted in the form fields {names} only.")
        if name in files:
            raise MalformedBody(f"The form has two files in the field {name}.")
        files[name] = value
    return files


async def file_chunks(file: UploadFile) -> AsyncIterator[bytes]:
    """The bytes of an uploaded file."""
    while chunk := await file.read(READ_BYTES):
        yield chunk
