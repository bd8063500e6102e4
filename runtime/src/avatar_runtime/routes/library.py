"""Voices and portraits: list and upload."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from avatar_contracts.enrolment import MAX_TRANSCRIPT_CHARS, PortraitSummary, VoiceSummary
from avatar_contracts.languages import normalise_language
from avatar_contracts.problems import AvatarError, InvalidRequest
from avatar_runtime.enrolment import Summary, Words
from avatar_runtime.library import Asset, Kind
from avatar_runtime.names import safe_name
from avatar_runtime.routes.documents import (
    API,
    PortraitDocument,
    PortraitList,
    VoiceDocument,
    VoiceList,
    portrait_document,
    voice_document,
)
from avatar_runtime.services import Services, ServicesDependency
from avatar_runtime.uploads import body_chunks, file_chunks, file_fields, form_of, media_type, text_fields

router = APIRouter(prefix=API, tags=["library"])

MAX_TEXT_BYTES = 16_384
UploadName = Annotated[str | None, Query(description="name in the library; absent: the file's own")]


def _upload_body(media: str) -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    form = {
        "type": "object",
        "required": ["file"],
        "properties": {"file": binary["schema"], "name": {"type": "string"}},
    }
    content = {"multipart/form-data": {"schema": form}, media: binary, "application/octet-stream": binary}
    return {"requestBody": {"required": True, "content": content}}


@router.get("/portraits")
async def list_portraits(services: ServicesDependency) -> PortraitList:
    """The photos of the library."""
    found = [
        portrait_document(asset, _portrait(await services.enrolment.known(Kind.PORTRAIT, asset.sha256)))
        for asset in await services.library.all_of(Kind.PORTRAIT)
    ]
    return PortraitList(data=tuple(found))


@router.post("/portraits", status_code=201, openapi_extra=_upload_body("image/*"))
async def add_portrait(
    request: Request, services: ServicesDependency, name: UploadName = None
) -> PortraitDocument:
    """Uploads a photo, as a form with ``file`` and ``name`` or as the raw body.

    The same bytes again are no error. The photo is analysed at once; one without exactly one usable face is
    refused and not kept.
    """
    asset, summary = await _receive(request, services, Kind.PORTRAIT, name)
    return portrait_document(asset, _portrait(summary))


@router.get("/voices")
async def list_voices(services: ServicesDependency) -> VoiceList:
    """The recordings of the library, and the voices that the speech engines bring along."""
    found = [
        voice_document(asset, _voice(await services.enrolment.known(Kind.VOICE, asset.sha256)))
        for asset in await services.library.all_of(Kind.VOICE)
    ]
    try:
        engines = (await services.engines.all()).engines
    except AvatarError as error:
        return VoiceList(data=tuple(found), detail=error.detail)
    built_in = [
        VoiceDocument(name=name, source="built-in", engine=engine.name)
        for engine in engines
        if engine.capability == "speech"
        for name in engine.voices
    ]
    return VoiceList(data=(*found, *built_in))


@router.post("/voices", status_code=201, openapi_extra=_upload_body("audio/*"))
async def add_voice(request: Request, services: ServicesDependency, name: UploadName = None) -> VoiceDocument:
    """Uploads a recording, as a form with ``file`` and ``name`` or as the raw body.

    The form may also say the ``language`` of the recording and, as ``transcript``, the exact words in it (at
    most 30 s of speech), which makes the voice clearer and more alike.
    The recording is measured at once; one with too little speech is refused and not kept.
    """
    asset, summary = await _receive(request, services, Kind.VOICE, name)
    return voice_document(asset, _voice(summary))


async def _receive(
    request: Request, services: Services, kind: Kind, name: str | None
) -> tuple[Asset, Summary]:
    limit = services.settings.max_upload_bytes
    if media_type(request) != "multipart/form-data":
        if name:
            safe_name(name)
        return await _keep(services, await services.library.receive(kind, body_chunks(request, limit)), name)
    async with form_of(request, max_text_bytes=MAX_TEXT_BYTES, max_file_bytes=limit) as form:
        fields = text_fields(form)
        file = file_fields(form, frozenset({"file"})).get("file")
        if file is None:
            raise InvalidRequest("file: the form has no file in the field 'file'")
        allowed = {"name", "language", "transcript"} if kind is Kind.VOICE else {"name"}
        if unknown := sorted(set(fields) - allowed):
            listed = ", ".join(sorted({"file", *allowed}))
            raise InvalidRequest(f"{unknown[0][:40]}: the form takes the fields {listed} only")
        words = _told(fields)
        wanted = name or fields.get("name") or file.filename
        if wanted:
            safe_name(wanted)
        asset = await services.library.receive(kind, file_chunks(file))
        return await _keep(services, asset, wanted, words)


def _told(fields: dict[str, str]) -> Words | None:
    """What the form says of the recording; None where it says nothing."""
    transcript = fields.get("transcript", "").strip() or None
    if transcript is not None and len(transcript) > MAX_TRANSCRIPT_CHARS:
        raise InvalidRequest(f"transcript: at most {MAX_TRANSCRIPT_CHARS} characters")
    language = fields.get("language", "").strip() or None
    try:
        tag = None if language is None else normalise_language(language)
    except ValueError as error:
        raise InvalidRequest(f"language: {error}") from error
    return None if tag is None and transcript is None else Words(tag, transcript)


async def _keep(
    services: Services, asset: Asset, name: str | None, words: Words | None = None
) -> tuple[Asset, Summary]:
    try:
        summary = await services.enrolment.ensure(asset, words=words)
    except AvatarError:
        await services.library.discard(asset)
        raise
    return await services.library.keep(asset, name, listed=True), summary


def _portrait(summary: Summary | None) -> PortraitSummary | None:
    return summary if isinstance(summary, PortraitSummary) else None


def _voice(summary: Summary | None) -> VoiceSummary | None:
    return summary if isinstance(summary, VoiceSummary) else None
