"""``POST /api/v1/generate``: a script becomes a video."""

from __future__ import annotations

import logging
import re
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from avatar_contracts.problems import AvatarError, InvalidRequest, TaskCancelled, UnsupportedMediaType
from avatar_contracts.server import request_id_of
from avatar_runtime.generation import GenerateRequest, request_from_form
from avatar_runtime.jobs import Job, JobSpec
from avatar_runtime.library import Asset, Kind
from avatar_runtime.names import safe_name
from avatar_runtime.routes.documents import API, JobDocument, job_document
from avatar_runtime.services import Services, ServicesDependency
from avatar_runtime.uploads import file_chunks, file_fields, form_of, media_type, read_body, text_fields

router = APIRouter(tags=["generate"])
_log = logging.getLogger(__name__)

JSON_BYTES_PER_CHAR = 12
JSON_OVERHEAD_BYTES = 64 * 1024
_KINDS = {"reference_image": Kind.PORTRAIT, "voice": Kind.VOICE}
_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,6})(?=$|[,;\s])")
_SCHEMA_REF = {"$ref": "#/components/schemas/GenerateRequest"}
_FORM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["text", "language"],
    "description": "The fields of GenerateRequest as text; reference_image and voice may be files.",
    "properties": {
        "text": {"type": "string"},
        "language": {"type": "string"},
        "reference_image": {"type": "string", "format": "binary"},
        "voice": {"type": "string", "format": "binary"},
    },
    "additionalProperties": {"type": "string"},
}


@router.post(
    f"{API}/generate",
    status_code=200,
    response_model=JobDocument,
    responses={202: {"model": JobDocument, "description": "The job goes on; see Location"}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _SCHEMA_REF},
                "multipart/form-data": {"schema": _FORM_SCHEMA},
            },
        }
    },
)
async def generate(request: Request, response: Response, services: ServicesDependency) -> JobDocument:
    """Makes a video of a person saying the text. Waits for it, up to the server's limit, else answers 202.

    ``Prefer: respond-async`` or ``"async": true`` answers 202 at once; ``Prefer: wait=10`` waits 10 s.
    The fields may come as JSON or as a form; in a form ``reference_image`` and ``voice`` may be files.
    """
    wanted, spec = await _resolved(request, services)
    wait_s = _wait_s(request, wanted, services.settings.generate_wait_s)
    job = await services.job_engine.submit(spec)
    _log.info(
        "job accepted",
        extra={"job": job.id, "request_id": request_id_of(request), "characters": len(spec.text)},
    )
    if wait_s > 0:
        job = await services.job_engine.wait(job.id, wait_s)
    if job.status in {"failed", "canceled"}:
        raise _failure_of(job)
    if job.status != "completed":
        response.status_code = 202
        if wait_s == 0:
            response.headers["Preference-Applied"] = "respond-async"
    response.headers["Location"] = f"{API}/jobs/{job.id}"
    return job_document(job)


async def _resolved(request: Request, services: Services) -> tuple[GenerateRequest, JobSpec]:
    text_limit = services.settings.max_text_chars * JSON_BYTES_PER_CHAR + JSON_OVERHEAD_BYTES
    text_limit = max(text_limit, 2 * 1024 * 1024)
    kind = media_type(request)
    if kind == "application/json" or kind.endswith("+json"):
        body = await read_body(request, text_limit)
        wanted = _validated(lambda: GenerateRequest.model_validate_json(body))
        return wanted, await services.resolution.resolve(wanted)
    if kind in {"multipart/form-data", "application/x-www-form-urlencoded"}:
        limit = services.settings.max_upload_bytes
        async with form_of(request, max_text_bytes=text_limit, max_file_bytes=limit) as form:
            fields = text_fields(form)
            files = file_fields(form, frozenset(_KINDS))
            if both := sorted(set(fields) & set(files)):
                raise InvalidRequest(f"{both[0]}: give either a name or a file")
            wanted = _validated(lambda: request_from_form(fields))
            photo, recording = [await _received(services, name, files.get(name)) for name in _KINDS]
            return wanted, await _resolved_with(services, wanted, photo, recording)
    raise UnsupportedMediaType("Send application/json or multipart/form-data.")


async def _received(services: Services, field: str, file: UploadFile | None) -> Asset | None:
    if file is None:
        return None
    if file.filename:
        safe_name(file.filename)
    return await services.library.receive(_KINDS[field], file_chunks(file))


async def _resolved_with(
    services: Services, wanted: GenerateRequest, photo: Asset | None, recording: Asset | None
) -> JobSpec:
    sent = [asset for asset in (photo, recording) if asset is not None]
    try:
        spec = await services.resolution.resolve(wanted, photo=photo, recording=recording)
    except AvatarError:
        for asset in sent:
            await services.library.discard(asset)
        raise
    for asset in sent:
        await services.library.keep(asset, None, listed=False)
    return spec


def _validated(parse: Any) -> GenerateRequest:
    try:
        wanted: GenerateRequest = parse()
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from error
    return wanted


def _wait_s(request: Request, wanted: GenerateRequest, limit_s: float) -> float:
    prefer = ",".join(request.headers.getlist("prefer")).lower()
    asked = _WAIT.search(prefer)
    if asked is not None:
        return min(float(asked.group(1)), limit_s)
    return 0.0 if wanted.respond_async or "respond-async" in prefer else limit_s


def _failure_of(job: Job) -> AvatarError:
    if job.problem is None:
        return TaskCancelled("The job was canceled while you waited for it.", job_id=job.id)
    failure = AvatarError.from_problem(job.problem)
    failure.extensions["job_id"] = job.id
    return failure
