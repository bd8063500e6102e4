"""A job: what was asked for, how far it is, what came of it; and where jobs are kept."""

from __future__ import annotations

from typing import Literal, Protocol

from pydantic import Field

from avatar_contracts.enrolment import Notice
from avatar_contracts.languages import LanguageTag
from avatar_contracts.model import Reply, Sha256
from avatar_contracts.performance import MotionOptions, RenderOptions
from avatar_contracts.problems import Problem
from avatar_contracts.speech import Emotion

JobStatus = Literal["queued", "processing", "completed", "failed", "canceled"]
Stage = Literal["queued", "planning", "performing", "waiting", "assembling", "done"]
"""``waiting``: the GPU service cannot work on the job at the moment, and is asked again after a pause."""

TERMINAL: frozenset[JobStatus] = frozenset({"completed", "failed", "canceled"})


class JobSpec(Reply):
    """Everything a job needs, resolved: names have become hashes, and the options are complete."""

    text: str
    language: LanguageTag
    portrait: Sha256
    voice: str | None = Field(description="hash of a recording, or a built-in voice; None: the engine's own")
    speech_engine: str | None = None
    speed: float = 1.0
    likeness: float = 0.5
    emotion: Emotion = "neutral"
    motion: MotionOptions = MotionOptions()
    render: RenderOptions = RenderOptions()
    notices: tuple[Notice, ...] = Field(default=(), description="what enrolling found worth a warning")


class JobResult(Reply):
    """A finished film."""

    filename: str
    duration_s: float
    frames: int
    width_px: int
    height_px: int
    fps: str = Field(description="frames per second as a ratio: '25' or '30000/1001'")
    size_bytes: int
    engines: dict[str, str] = Field(default_factory=dict)


class Job(Reply):
    """One row of the job table."""

    id: str
    status: JobStatus
    stage: Stage
    progress: float = Field(description="0 … 100")
    created_ms: int
    started_ms: int | None = None
    finished_ms: int | None = None
    attempts: int = 0
    segments: int = 0
    segments_done: int = 0
    spec: JobSpec
    result: JobResult | None = None
    problem: Problem | None = None
    warnings: tuple[Notice, ...] = ()
    timings_ms: dict[str, float] = Field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in TERMINAL


class JobStore(Protocol):
    """Where jobs are kept. Every method is durable when it returns."""

    async def add(self, spec: JobSpec) -> Job:
        """A new queued job."""

    async def get(self, job_id: str) -> Job:
        """Raises ``JobNotFound``."""

    async def page(
        self, *, status: JobStatus | None, before: str | None, limit: int
    ) -> tuple[list[Job], bool]:
        """The newest jobs, after the job ``before``; and whether there are more."""

    async def counts(self) -> dict[JobStatus, int]:
        """How many jobs are in each status."""

    async def claim(self) -> Job | None:
        """The oldest queued job of this runtime, now processing and with one more attempt; None: no more."""

    async def report(
        self, job_id: str, stage: Stage, progress: float, *, segments: int, segments_done: int
    ) -> None:
        """Notes how far a processing job is. One more segment done begins the count of attempts anew."""

    async def complete(
        self, job_id: str, result: JobResult, warnings: tuple[Notice, ...], timings_ms: dict[str, float]
    ) -> Job:
        """Ends a job well."""

    async def fail(self, job_id: str, problem: Problem) -> Job:
        """Ends a job badly."""

    async def cancel(self, job_id: str, *, only_queued: bool) -> bool:
        """Ends a job that is not over by wish; whether it was this call that did."""

    async def requeue(self, job_id: str) -> None:
        """Gives a job back that was interrupted through no fault of its own: the attempt is not counted."""

    async def requeue_interrupted(self) -> int:
        """Queues again what this runtime was working on when it died; the attempts stay counted."""
