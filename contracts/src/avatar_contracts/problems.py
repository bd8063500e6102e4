"""Failures: one class each, one problem document (RFC 9457) on the wire.

A class carries what never changes (slug, title, status, retryable); an instance carries ``detail``,
written for the person who must change something, and optional machine-readable ``extensions``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import ConfigDict

from avatar_contracts.model import Reply

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:realtime-avatar:problem:"


class Problem(Reply):
    """RFC 9457 problem document, with ``retryable`` and ``request_id`` as extensions."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str
    title: str
    status: int
    detail: str
    retryable: bool = False
    request_id: str | None = None

    @property
    def slug(self) -> str:
        """The last part of ``type``: ``no-face``."""
        return self.type.removeprefix(TYPE_PREFIX)


class AvatarError(Exception):
    """Base of every failure that a caller may see. ``detail`` never names internals."""

    slug: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong on the server"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    by_slug: ClassVar[dict[str, type[AvatarError]]] = {}

    def __init__(self, detail: str, *, retry_after_s: int | None = None, **extensions: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.extensions = extensions

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.slug in AvatarError.by_slug:
            raise TypeError(f"two problem classes share the slug {cls.slug!r}")
        AvatarError.by_slug[cls.slug] = cls

    def problem(self, request_id: str | None = None) -> Problem:
        """The document that travels."""
        extensions = dict(self.extensions)
        if self.retry_after_s is not None:
            extensions["retry_after_s"] = self.retry_after_s
        return Problem(
            type=TYPE_PREFIX + self.slug,
            title=self.title,
            status=self.status,
            detail=self.detail,
            retryable=self.retryable,
            request_id=request_id,
            **extensions,
        )

    @staticmethod
    def from_problem(problem: Problem) -> AvatarError:
        """The same class that the server raised; an unknown slug becomes ``RemoteError``."""
        extensions = dict(problem.model_extra or {})
        retry_after = extensions.pop("retry_after_s", None)
        retry_after_s = int(retry_after) if isinstance(retry_after, int | float) else None
        found = AvatarError.by_slug.get(problem.slug)
        if found is None:
            return RemoteError(
                problem.detail,
                retry_after_s=retry_after_s,
                remote_type=problem.type,
                remote_status=problem.status,
            )
        return found(problem.detail, retry_after_s=retry_after_s, **extensions)


class InternalError(AvatarError):
    """An unforeseen failure; the log has the traceback, the document does not."""

    slug = "internal-error"


class RemoteError(AvatarError):
    """A problem whose class this peer does not know."""

    slug = "remote-error"
    title = "The service behind this one failed"
    status = 502


# What the caller sent


class InvalidRequest(AvatarError):
    """The request does not fit the schema; ``errors`` lists each field."""

    slug = "invalid-request"
    title = "The request does not have the right form"
    status = 422


class MalformedBody(AvatarError):
    """The body is not what its content type says (broken JSON, invalid UTF-8)."""

    slug = "malformed-body"
    title = "The request body cannot be read"
    status = 400


class UnsupportedMediaType(AvatarError):
    slug = "unsupported-media-type"
    title = "This content type is not accepted here"
    status = 415


class PayloadTooLarge(AvatarError):
    slug = "payload-too-large"
    title = "The upload is larger than the limit"
    status = 413


class NotFound(AvatarError):
    slug = "not-found"
    title = "There is nothing at this address"
    status = 404


class MethodNotAllowed(AvatarError):
    slug = "method-not-allowed"
    title = "This address does not answer this method"
    status = 405


class TextEmpty(AvatarError):
    slug = "text-empty"
    title = "There is nothing to say"
    status = 422


class TextTooLong(AvatarError):
    slug = "text-too-long"
    title = "The text is longer than the limit"
    status = 422


class UnsupportedLanguage(AvatarError):
    slug = "unsupported-language"
    title = "No available voice speaks this language"
    status = 422


class HashMismatch(AvatarError):
    slug = "hash-mismatch"
    title = "The upload does not have the hash in its address"
    status = 422


# Portraits


class ImageUnreadable(AvatarError):
    slug = "image-unreadable"
    title = "The image cannot be read"
    status = 422


class ImageTooLarge(AvatarError):
    slug = "image-too-large"
    title = "The image has too many pixels"
    status = 413


class NoFace(AvatarError):
    slug = "no-face"
    title = "No human face was found in the image"
    status = 422


class SeveralFaces(AvatarError):
    slug = "several-faces"
    title = "The image shows more than one face"
    status = 422


class FaceTooSmall(AvatarError):
    slug = "face-too-small"
    title = "The face in the image is too small"
    status = 422


class PortraitNotEnrolled(AvatarError):
    """The GPU service does not hold this portrait: upload it again and repeat."""

    slug = "portrait-not-enrolled"
    title = "This portrait is not enrolled here"
    status = 404


# Voices


class AudioUnreadable(AvatarError):
    slug = "audio-unreadable"
    title = "The audio cannot be read"
    status = 422


class AudioTooLong(AvatarError):
    slug = "audio-too-long"
    title = "The audio is longer than the limit"
    status = 422


class SpeechTooShort(AvatarError):
    slug = "speech-too-short"
    title = "The recording holds too little speech to learn a voice from"
    status = 422


class VoiceNotEnrolled(AvatarError):
    """The GPU service does not hold this voice: upload it again and repeat."""

    slug = "voice-not-enrolled"
    title = "This voice is not enrolled here"
    status = 404


# Engines


class EngineNotFound(AvatarError):
    slug = "engine-not-found"
    title = "There is no engine of this name"
    status = 422


class EngineUnavailable(AvatarError):
    """A dependency or a weight file is missing; ``detail`` names the command that adds it."""

    slug = "engine-unavailable"
    title = "This engine cannot run here yet"
    status = 503


class LicenceForbidden(AvatarError):
    slug = "licence-forbidden"
    title = "The licence profile does not allow this engine"
    status = 403


class EngineFailed(AvatarError):
    """An engine's worker died or answered nonsense; a second try may succeed."""

    slug = "engine-failed"
    title = "The engine failed while working"
    status = 500
    retryable = True


# Capacity and transport


class AtCapacity(AvatarError):
    slug = "at-capacity"
    title = "Every place is taken at the moment"
    status = 503
    retryable = True


class TaskCancelled(AvatarError):
    slug = "task-cancelled"
    title = "The task was cancelled"
    status = 409


class TaskIdTaken(AvatarError):
    slug = "task-id-taken"
    title = "A task of this id is running"
    status = 409


class GpuServiceUnreachable(AvatarError):
    slug = "gpu-service-unreachable"
    title = "The GPU service does not answer"
    status = 503
    retryable = True


class StreamBroken(AvatarError):
    """A stream ended before its closing event, or carried something that is no event."""

    slug = "stream-broken"
    title = "The stream from the GPU service broke off"
    status = 502
    retryable = True


class JobNotFound(AvatarError):
    slug = "job-not-found"
    title = "There is no job of this id"
    status = 404


class AssetNotFound(AvatarError):
    """A voice, portrait or video name that the library does not hold."""

    slug = "asset-not-found"
    title = "The library holds nothing of this name"
    status = 404


class NameUnsafe(AvatarError):
    slug = "name-unsafe"
    title = "This name is not allowed"
    status = 422


class InsufficientStorage(AvatarError):
    slug = "insufficient-storage"
    title = "The disk is full"
    status = 507
    retryable = True


class ShuttingDown(AvatarError):
    slug = "shutting-down"
    title = "The service is stopping"
    status = 503
    retryable = True
