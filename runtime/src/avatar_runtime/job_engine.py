"""Runs jobs inside this process: takes them from the store, makes their films, repeats what may succeed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from avatar_contracts.problems import (
    AtCapacity,
    AvatarError,
    EngineFailed,
    InsufficientStorage,
    InternalError,
)
from avatar_runtime.jobs import Job, JobSpec, JobStore, Stage
from avatar_runtime.production import Made, Production

REPORT_EVERY_S = 0.25
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
FAILURES_OF_AN_ENGINE = 3
"""An engine that fails this often on one segment will fail again."""

_log = logging.getLogger(__name__)


class JobEngine(Protocol):
    """Accepts jobs and sees to it that each one ends. Durable: what was accepted survives the process."""

    async def submit(self, spec: JobSpec) -> Job:
        """A new job, on the disk when this returns."""

    async def cancel(self, job_id: str) -> Job:
        """Ends a job, whatever it is doing; a job that is over stays as it is."""

    async def wait(self, job_id: str, timeout_s: float) -> Job:
        """The job when it is over, or as it is after ``timeout_s`` or ``stop_waiting``."""

    def stop_waiting(self) -> None:
        """Ends every ``wait`` now and from now on. May be called from a signal handler."""


@dataclass
class _Running:
    task: asyncio.Task[Made]
    unwanted: bool = False


@dataclass
class _Patience:
    """Decides whether a failed try is followed by another."""

    retry_for_s: float
    capacity_wait_s: float
    clock_s: Callable[[], float]
    segments_done: int = -1
    failures: int = 0
    pause_s: float = FIRST_PAUSE_S
    first_failure_s: float | None = field(default=None)

    def pause_before_retry(self, error: AvatarError, segments_done: int) -> float | None:
        """Seconds until the next try; None where there shall be none."""
        if not error.retryable or isinstance(error, InsufficientStorage):
            return None
        if segments_done > self.segments_done or self.first_failure_s is None:
            self.segments_done = segments_done
            self.failures = 0
            self.pause_s = FIRST_PAUSE_S
            self.first_failure_s = self.clock_s()
        self.failures += 1
        if isinstance(error, EngineFailed) and self.failures >= FAILURES_OF_AN_ENGINE:
            return None
        limit_s = self.capacity_wait_s if isinstance(error, AtCapacity) else self.retry_for_s
        pause_s = min(max(self.pause_s, error.retry_after_s or 0.0), LONGEST_PAUSE_S)
        if self.clock_s() - self.first_failure_s + pause_s > limit_s:
            return None
        self.pause_s = self.pause_s * 2
        return pause_s


class InProcessJobEngine:
    """``concurrency`` jobs at a time on tasks of this process's event loop."""

    def __init__(
        self,
        store: JobStore,
        production: Production,
        *,
        concurrency: int,
        attempts: int,
        retry_for_s: float,
        capacity_wait_s: float,
        clock_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._production = production
        self._concurrency = concurrency
        self._attempts = attempts
        self._retry_for_s = retry_for_s
        self._capacity_wait_s = capacity_wait_s
        self._clock_s = clock_s
        self._sleep = sleep
        self._workers: list[asyncio.Task[None]] = []
        self._running: dict[str, _Running] = {}
        self._waiting: dict[str, list[asyncio.Event]] = {}
        self._work = asyncio.Semaphore(0)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._nobody_waits = False

    async def start(self) -> None:
        """Takes up what a process that died has left, then whatever is queued."""
        self._loop = asyncio.get_running_loop()
        taken_up = await self._store.requeue_interrupted()
        if taken_up:
            _log.warning("interrupted jobs taken up again", extra={"jobs": taken_up})
        for number in range(self._concurrency):
            self._workers.append(asyncio.create_task(self._serve(), name=f"jobs-{number}"))
            self._work.release()

    async def stop(self) -> None:
        """Interrupts what is running, which is queued again for the next start."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._workers.clear()
        self._end_waits()

    async def submit(self, spec: JobSpec) -> Job:
        job = await self._store.add(spec)
        self._work.release()
        return job

    async def cancel(self, job_id: str) -> Job:
        if not await self._store.cancel(job_id, only_queued=True):
            running = self._running.get(job_id)
            if running is not None:
                running.unwanted = True
                running.task.cancel()
                await self.wait(job_id, timeout_s=10.0)
            else:
                await self._store.cancel(job_id, only_queued=False)
        self._announce_end(job_id)
        return await self._store.get(job_id)

    async def wait(self, job_id: str, timeout_s: float) -> Job:
        ended = asyncio.Event()
        self._waiting.setdefault(job_id, []).append(ended)
        try:
            job = await self._store.get(job_id)
            if job.over or timeout_s <= 0 or self._nobody_waits:
                return job
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await ended.wait()
            return await self._store.get(job_id)
        finally:
            others = self._waiting[job_id]
            others.remove(ended)
            if not others:
                del self._waiting[job_id]

    def stop_waiting(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end_waits)

    def _end_waits(self) -> None:
        self._nobody_waits = True
        for job_id in list(self._waiting):
            self._announce_end(job_id)

    async def _serve(self) -> None:
        while True:
            await self._work.acquire()
            try:
                while (job := await self._store.claim()) is not None:
                    await self._run(job)
            except AvatarError as error:
                _log.error("the job table cannot be written", extra={"problem": error.slug})
                await self._sleep(LONGEST_PAUSE_S)
                self._work.release()

    async def _run(self, job: Job) -> None:
        running = _Running(asyncio.create_task(self._make_patiently(job), name=f"job {job.id}"))
        self._running[job.id] = running
        try:
            made = await running.task
            done = await self._store.complete(job.id, made.result, made.warnings, made.timings_ms)
            if done.status == "completed":
                await self._production.tidy(job.id)
                _log.info("job completed", extra={"job": job.id, **made.timings_ms})
            else:
                await self._production.discard(job.id)
        except asyncio.CancelledError:
            if not running.unwanted:
                running.task.cancel()
                await asyncio.gather(running.task, return_exceptions=True)
                await self._store.requeue(job.id)
                raise
            await self._production.discard(job.id)
            await self._store.cancel(job.id, only_queued=False)
            _log.info("job canceled", extra={"job": job.id})
        except AvatarError as error:
            await self._fail(job, error)
        except Exception as error:  # noqa: BLE001 — the one broad catch of this process's jobs
            _log.error("unforeseen error in a job", exc_info=error, extra={"job": job.id})
            await self._fail(job, InternalError("The log of the runtime says more."))
        finally:
            self._running.pop(job.id, None)
            self._announce_end(job.id)

    async def _fail(self, job: Job, error: AvatarError) -> None:
        _log.warning("job failed", extra={"job": job.id, "problem": error.slug, "retryable": error.retryable})
        await self._production.discard(job.id)
        while True:
            try:
                await self._store.fail(job.id, error.problem())
                return
            except InsufficientStorage:
                _log.error("the end of a job cannot be written: the disk is full", extra={"job": job.id})
                await self._sleep(LONGEST_PAUSE_S)

    async def _make_patiently(self, job: Job) -> Made:
        if job.attempts > self._attempts:
            raise EngineFailed(f"The service stopped {self._attempts} times while it worked on this job.")
        patience = _Patience(self._retry_for_s, self._capacity_wait_s, self._clock_s)
        progress = _Progress(self._store, job, self._clock_s)
        while True:
            try:
                return await self._production.make(job, progress.report)
            except AvatarError as error:
                pause_s = patience.pause_before_retry(error, progress.segments_done)
                if pause_s is None:
                    raise
                _log.info("trying again", extra={"job": job.id, "problem": error.slug, "pause_s": pause_s})
                await progress.waiting()
                await self._sleep(pause_s)

    def _announce_end(self, job_id: str) -> None:
        for ended in self._waiting.get(job_id, ()):
            ended.set()


class _Progress:
    """Writes progress to the store, but not more often than anybody would look. Never goes back."""

    def __init__(self, store: JobStore, job: Job, clock_s: Callable[[], float]) -> None:
        self._store = store
        self._job_id = job.id
        self._clock_s = clock_s
        self._written_s = float("-inf")
        self._written: tuple[Stage, int] | None = None
        self._percent = job.progress
        self._segments = 0
        self.segments_done = 0

    async def report(self, stage: Stage, percent: float, segments: int, segments_done: int) -> None:
        """Notes how far the job is."""
        self._segments = segments
        self.segments_done = segments_done
        self._percent = max(self._percent, percent)
        now_s = self._clock_s()
        if self._written == (stage, segments_done) and now_s - self._written_s < REPORT_EVERY_S:
            return
        self._written, self._written_s = (stage, segments_done), now_s
        await self._store.report(
            self._job_id, stage, round(self._percent, 1), segments=segments, segments_done=segments_done
        )

    async def waiting(self) -> None:
        """Notes that the job stands still until the next try."""
        await self.report("waiting", self._percent, self._segments, self.segments_done)
