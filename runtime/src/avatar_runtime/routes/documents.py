"""What the routes answer with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from avatar_contracts.enrolment import Notice, PortraitSummary, VoiceSummary
from avatar_contracts.model import Reply
from avatar_contracts.problems import Problem
from avatar_runtime.jobs import Job, JobStatus, Stage
from avatar_runtime.library import Asset

API = "/api/v1"


class JobDocument(Reply):
    """A job as clients see it. The video's fields are there when ``status`` is ``completed``."""

    id: str
    status: JobStatus
    stage: Stage
    progress: float = Field(description="0 … 100")
    language: str
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    segments: int
    segments_done: int
    video_url: str | None = Field(default=None, description="path below this server's address")
    filename: str | None = None
    duration_s: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    fps: str | None = None
    frames: int | None = None
    size_bytes: int | None = None
    engines: dict[str, str] | None = None
    timings_ms: dict[str, float] = Field(default_factory=dict)
    warnings: tuple[Notice, ...] = ()
    error: Problem | None = None


class JobPage(Reply):
    """Jobs, the newest first. ``next_token`` goes into ``after`` for the next page."""

    data: tuple[JobDocument, ...]
    has_more: bool
    next_token: str | None = None


class PortraitDocument(Reply):
    """A photo of the library."""

    name: str | None
    sha256: str
    media_type: str
    size_bytes: int
    source: Literal["installed", "uploaded"]
    enrolment: PortraitSummary | None = Field(
        default=None, description="what was found in it; null until it is used for the first time"
    )


class PortraitList(Reply):
    """Answer of ``GET /api/v1/portraits``."""

    data: tuple[PortraitDocument, ...]


class VoiceDocument(Reply):
    """A voice: a recording of the library, or one that a speech engine brings along."""

    name: str | None
    source: Literal["installed", "uploaded", "built-in"]
    sha256: str | None = None
    media_type: str | None = None
    size_bytes: int | None = None
    engine: str | None = Field(default=None, description="of a built-in voice")
    enrolment: VoiceSummary | None = None


class VoiceList(Reply):
    """Answer of ``GET /api/v1/voices``."""

    data: tuple[VoiceDocument, ...]
    detail: str | None = Field(default=None, description="why built-in voices are not listed")


class LanguageDocument(Reply):
    """A language and who speaks it."""

    tag: str
    first_class: bool = Field(description="tested with every engine")
    engines: tuple[str, ...]


class LanguageList(Reply):
    """Answer of ``GET /api/v1/languages``."""

    data: tuple[LanguageDocument, ...]
    default_engine: str


def job_document(job: Job) -> JobDocument:
    """``job`` as clients see it."""
    video = {} if job.result is None else job.result.model_dump()
    return JobDocument(
        id=job.id,
        status=job.status,
        stage=job.stage,
        progress=job.progress,
        language=job.spec.language,
        created_at=_utc(job.created_ms),
        started_at=None if job.started_ms is None else _utc(job.started_ms),
        finished_at=None if job.finished_ms is None else _utc(job.finished_ms),
        segments=job.segments,
        segments_done=job.segments if job.status == "completed" else job.segments_done,
        video_url=f"{API}/videos/{job.result.filename}" if job.result else None,
        timings_ms=job.timings_ms,
        warnings=job.warnings,
        error=job.problem,
        **video,
    )


def portrait_document(asset: Asset, summary: PortraitSummary | None) -> PortraitDocument:
    """``asset`` as clients see it."""
    return PortraitDocument(
        name=asset.name,
        sha256=asset.sha256,
        media_type=asset.media_type,
        size_bytes=asset.size_bytes,
        source="uploaded" if asset.uploaded else "installed",
        enrolment=summary,
    )


def voice_document(asset: Asset, summary: VoiceSummary | None) -> VoiceDocument:
    """``asset`` as clients see it."""
    return VoiceDocument(
        name=asset.name,
        sha256=asset.sha256,
        media_type=asset.media_type,
        size_bytes=asset.size_bytes,
        source="uploaded" if asset.uploaded else "installed",
        enrolment=summary,
    )


def _utc(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
