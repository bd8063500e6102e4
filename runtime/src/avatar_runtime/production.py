"""How a job becomes a film: plan, perform each segment, assemble. Each step leaves its artefact on the disk.

    jobs/<id>/plan.json                the segments
              segments/0000.events     what the GPU service sent for a segment
              timeline.json            words and phones in samples of the film
    videos/<id>.mp4                    the film

A step whose artefact is there is not repeated, so a job that was interrupted goes on where it stood.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import shutil
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import anyio
from pydantic import Field

from avatar_contracts.enrolment import Notice
from avatar_contracts.model import Reply
from avatar_contracts.performance import PerformanceDone, PerformanceEvent, Progress
from avatar_contracts.problems import AvatarError, EngineFailed, InsufficientStorage, StreamBroken
from avatar_contracts.speech import Phones, Warned, Words
from avatar_contracts.timeline import TimedPhone, TimedWord
from avatar_runtime.assembling import Film, assemble
from avatar_runtime.enrolment import Enrolment
from avatar_runtime.gpu_client import GpuClient
from avatar_runtime.jobs import Job, JobResult, Stage
from avatar_runtime.library import HASH_LENGTH, Kind
from avatar_runtime.planning import Plan, Segment, performance_request, plan_script
from avatar_runtime.segment_file import PART_SUFFIX, SegmentRecorder, is_complete, read_segment

PERFORMING_PERCENT = 96.0
ASSEMBLED_PERCENT = 99.0
UPLOADS_PER_SEGMENT = 3
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_log = logging.getLogger(__name__)

Report = Callable[[Stage, float, int, int], Awaitable[None]]
"""Told the stage, 0…100, the number of segments and how many are done."""


@dataclass
class Made:
    """A finished film with what was noticed on the way."""

    result: JobResult
    warnings: tuple[Notice, ...]
    timings_ms: dict[str, float]


class Timeline(Reply):
    """When what is said, in samples of the film's sound; characters count those of the job's script."""

    sample_rate_hz: int
    segments: tuple[int, ...] = Field(description="the first sample of each segment")
    words: tuple[TimedWord, ...]
    phones: tuple[TimedPhone, ...]


@dataclass
class _Notes:
    """What the events of all segments say besides sound and picture."""

    warnings: dict[tuple[str, str], Notice] = field(default_factory=dict)
    timings_ms: dict[str, float] = field(default_factory=dict)
    words: list[tuple[int, TimedWord]] = field(default_factory=list)
    phones: list[tuple[int, TimedPhone]] = field(default_factory=list)

    def take(self, segment: int, event: PerformanceEvent) -> None:
        """Notes ``event`` of the segment with this index."""
        if isinstance(event, Warned):
            self.warnings[event.code, event.detail] = Notice(code=event.code, detail=event.detail)
        elif isinstance(event, PerformanceDone):
            for name, value in event.timings_ms.items():
                if not (name.startswith("first") and name in self.timings_ms):
                    self.timings_ms[name] = self.timings_ms.get(name, 0.0) + value
        elif isinstance(event, Words):
            self.words.extend((segment, word) for word in event.words)
        elif isinstance(event, Phones):
            self.phones.extend((segment, phone) for phone in event.phones)

    def timeline(self, plan: Plan, film: Film) -> Timeline:
        """Everything that is timed, placed in the whole film."""
        first = film.first_samples
        return Timeline(
            sample_rate_hz=film.sample_rate_hz,
            segments=first,
            words=tuple(
                word.model_copy(
                    update={
                        "start": word.start + first[k],
                        "end": word.end + first[k],
                        "text_start": word.text_start + plan.segments[k].start,
                        "text_end": word.text_end + plan.segments[k].start,
                    }
                )
                for k, word in self.words
            ),
            phones=tuple(
                phone.model_copy(update={"start": phone.start + first[k], "end": phone.end + first[k]})
                for k, phone in self.phones
            ),
        )


class Production:
    """Makes films. One instance serves all jobs."""

    def __init__(
        self,
        gpu: GpuClient,
        enrolment: Enrolment,
        *,
        jobs_dir: Path,
        videos_dir: Path,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gpu = gpu
        self._enrolment = enrolment
        self._jobs_dir = jobs_dir
        self._videos_dir = videos_dir
        self._clock_s = clock_s

    async def prepare(self) -> None:
        """Makes the folders and removes what was half written when the process died."""

        def work() -> None:
            for folder in (self._jobs_dir, self._videos_dir):
                folder.mkdir(parents=True, exist_ok=True)
                for left in folder.rglob(f"*{PART_SUFFIX}"):
                    left.unlink(missing_ok=True)

        await anyio.to_thread.run_sync(work)

    async def make(self, job: Job, report: Report) -> Made:
        """The film of ``job``.

        Raises:
            AvatarError: whatever went wrong; ``retryable`` says whether to call again, and then the segments
                that are done are not performed again.
        """
        try:
            return await self._make(job, report)
        except OSError as error:
            if error.errno in _FULL:
                raise InsufficientStorage("The film could not be written: the disk is full.") from error
            raise

    async def tidy(self, job_id: str) -> None:
        """Deletes what a completed job no longer needs: its segments."""
        folder = self._jobs_dir / job_id / "segments"
        await anyio.to_thread.run_sync(lambda: shutil.rmtree(folder, ignore_errors=True))

    async def discard(self, job_id: str) -> None:
        """Deletes everything that a job which did not complete has left."""

        def work() -> None:
            shutil.rmtree(self._jobs_dir / job_id, ignore_errors=True)
            self.video_path(job_id).unlink(missing_ok=True)

        await anyio.to_thread.run_sync(work)

    def video_path(self, job_id: str) -> Path:
        """Where the film of a job is or will be."""
        return self._videos_dir / f"{job_id}.mp4"

    async def timeline(self, job_id: str) -> Timeline | None:
        """The timeline of a completed job."""
        path = anyio.Path(self._jobs_dir / job_id / "timeline.json")
        return Timeline.model_validate_json(await path.read_bytes()) if await path.exists() else None

    async def _make(self, job: Job, report: Report) -> Made:
        folder = self._jobs_dir / job.id
        began_s = self._clock_s()
        plan = await anyio.to_thread.run_sync(_plan_once, job, folder / "plan.json")
        paths = [folder / "segments" / f"{segment.index:04d}.events" for segment in plan.segments]
        planned_s = self._clock_s()
        done_weight = 0
        for segment, path in zip(plan.segments, paths, strict=True):
            scale = PERFORMING_PERCENT / plan.weight
            first = done_weight * scale
            await report("performing", first, len(paths), segment.index)
            if not await anyio.to_thread.run_sync(is_complete, path):
                await self._perform(job, plan, segment, path, report, first, segment.weight * scale)
            done_weight += segment.weight
        performed_s = self._clock_s()
        await report("assembling", PERFORMING_PERCENT, len(paths), len(paths))
        notes = _Notes()
        film = await self._assemble(job, paths, notes)
        await report("assembling", ASSEMBLED_PERCENT, len(paths), len(paths))
        video = self.video_path(job.id)
        timeline = notes.timeline(plan, film).model_dump_json()
        await anyio.to_thread.run_sync(_write_atomically, folder / "timeline.json", timeline)
        size = (await anyio.Path(video).stat()).st_size
        assembled_s = self._clock_s()
        timings = {
            **{name: round(value, 1) for name, value in notes.timings_ms.items() if name != "total"},
            "perform": round((performed_s - planned_s) * 1000, 1),
            "assemble": round((assembled_s - performed_s) * 1000, 1),
            "total": round((assembled_s - began_s) * 1000, 1),
        }
        return Made(
            JobResult(
                filename=video.name,
                duration_s=round(film.duration_s, 3),
                frames=film.frames,
                width_px=film.width_px,
                height_px=film.height_px,
                fps=str(film.frame_rate),
                size_bytes=size,
                engines=film.engines,
            ),
            (*job.spec.notices, *notes.warnings.values()),
            timings,
        )

    async def _perform(
        self,
        job: Job,
        plan: Plan,
        segment: Segment,
        path: Path,
        report: Report,
        first_percent: float,
        share_percent: float,
    ) -> None:
        uploads_left = UPLOADS_PER_SEGMENT
        voice = job.spec.voice if len(job.spec.voice or "") == HASH_LENGTH else None
        while True:
            task_id = f"{job.id}-{segment.index}-{uuid4().hex[:8]}"
            request = performance_request(job.spec, plan, segment, task_id)
            try:
                with SegmentRecorder(path) as recorder:
                    async with aclosing(self._gpu.perform(request)) as events:
                        async for event in events:
                            recorder.write(event)
                            if isinstance(event, Progress):
                                percent = first_percent + share_percent * event.fraction
                                await report("performing", percent, len(plan.segments), segment.index)
                    await anyio.to_thread.run_sync(recorder.publish)
                return
            except AvatarError as error:
                sent = uploads_left > 0 and await self._enrolment.send_again(
                    error, {Kind.PORTRAIT: job.spec.portrait, Kind.VOICE: voice}
                )
                if not sent:
                    raise
                uploads_left -= 1
                _log.info("enrolled again", extra={"job": job.id, "problem": error.slug})

    async def _assemble(self, job: Job, paths: list[Path], notes: _Notes) -> Film:
        stop = threading.Event()

        def noted(index: int, path: Path) -> Iterator[PerformanceEvent]:
            for event in read_segment(path):
                notes.take(index, event)
                yield event

        def work() -> Film:
            segments = (noted(index, path) for index, path in enumerate(paths))
            return assemble(segments, self.video_path(job.id), stopped=stop.is_set)

        writing = asyncio.create_task(asyncio.to_thread(work))
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.gather(writing, return_exceptions=True)
            raise
        except (EngineFailed, StreamBroken):
            await self.discard(job.id)
            raise


def _plan_once(job: Job, path: Path) -> Plan:
    if path.exists():
        return Plan.model_validate_json(path.read_bytes())
    plan = plan_script(job.spec.text, job.spec.language)
    _write_atomically(path, plan.model_dump_json())
    return plan


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PART_SUFFIX)
    part.write_text(text, encoding="utf-8")
    part.replace(path)
