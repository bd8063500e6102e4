"""Admission, the registry of running tasks, and their events as bytes for a response."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Literal
from uuid import uuid4

from anyio import CapacityLimiter, to_thread

from avatar_contracts.performance import PerformanceDone, PerformanceEvent, PerformanceRequest
from avatar_contracts.problems import (
    AtCapacity,
    AvatarError,
    NotFound,
    ShuttingDown,
    TaskCancelled,
    TaskIdTaken,
)
from avatar_contracts.speech import Failed, SpeechDone, SpeechEvent, SpeechRequest
from avatar_contracts.stream import encode_event
from avatar_gpu.catalogue import Catalogue
from avatar_gpu.channel import Closed
from avatar_gpu.enrolment import Enrolment
from avatar_gpu.metrics import Metrics
from avatar_gpu.performance import PerformanceTask, SpeechTask, Task
from avatar_gpu.settings import Settings

_log = logging.getLogger(__name__)

Kind = Literal["speech", "performance"]
RETRY_AFTER_S = 2
STOP_TIMEOUT_S = 10.0


class _Ticket:
    """A task that was admitted or waits for a place."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.task: Task | None = None

    def cancel(self) -> None:
        self.cancelled.set()
        if self.task is not None:
            self.task.stop()


class Worker:
    """Runs tasks within the bounds of the settings. Belongs to one event loop."""

    def __init__(
        self, settings: Settings, catalogue: Catalogue, enrolment: Enrolment, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._enrolment = enrolment
        self._metrics = metrics
        self._tickets: dict[str, _Ticket] = {}
        self._places = asyncio.Semaphore(settings.max_concurrent_tasks)
        self._takers = CapacityLimiter(settings.max_concurrent_tasks)
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = False
        self.running = 0
        self.waiting = 0

    async def speech(self, request: SpeechRequest, task_id: str | None) -> AsyncIterator[bytes]:
        """The encoded events of a speech request; see ``_stream``."""
        chosen = task_id or uuid4().hex
        return await self._stream(
            "speech", chosen, lambda: SpeechTask(chosen, request, self._catalogue, self._enrolment)
        )

    async def performance(self, request: PerformanceRequest) -> AsyncIterator[bytes]:
        """The encoded events of a performance; see ``_stream``."""
        return await self._stream(
            "performance",
            request.task_id,
            lambda: PerformanceTask(request, self._catalogue, self._enrolment, self._settings),
        )

    def cancel(self, task_id: str) -> None:
        """Stops a running or waiting task.

        Raises:
            NotFound: no such task, or it has ended.
        """
        ticket = self._tickets.get(task_id)
        if ticket is None:
            raise NotFound("No task of this id is running or waiting; it may have ended.")
        ticket.cancel()

    async def stop(self) -> None:
        """Refuses new tasks and ends those at work."""
        self._stopping = True
        for ticket in list(self._tickets.values()):
            ticket.cancel()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("tasks did not stop in time", extra={"tasks": len(self._tickets)})

    async def _stream(self, kind: Kind, task_id: str, make: Callable[[], Task]) -> AsyncIterator[bytes]:
        """Waits for a place and for the first event, then returns the stream.

        What goes wrong before the first event is raised, so that it becomes an HTTP problem; what goes
        wrong later is the stream's last event.

        Raises:
            AtCapacity, TaskIdTaken, TaskCancelled, ShuttingDown, and whatever the stages raise first.
        """
        events = self._events(kind, task_id, make)
        first = await anext(events)

        async def whole() -> AsyncIterator[bytes]:
            try:
                yield first
                async for encoded in events:
                    yield encoded
            finally:
                await events.aclose()

        return whole()

    async def _events(
        self, kind: Kind, task_id: str, make: Callable[[], Task]
    ) -> AsyncGenerator[bytes, None]:
        asked_s = time.monotonic()
        async with self._admitted(task_id) as ticket:
            task = make()
            ticket.task = task
            task.start()
            outcome = "abandoned"
            begun = False
            try:
                while True:
                    items = await to_thread.run_sync(task.take, limiter=self._takers, abandon_on_cancel=True)
                    if not items:
                        break
                    for item in items:
                        if isinstance(item, AvatarError):
                            outcome = item.slug
                            if not begun:
                                raise item
                            yield encode_event(Failed(problem=item.problem()))
                            return
                        if not begun:
                            begun = True
                            self._metrics.first_event.labels(kind).observe(time.monotonic() - asked_s)
                        self._count(item, task)
                        yield encode_event(item)
                outcome = "done"
            except Closed:
                outcome = TaskCancelled.slug
                error = TaskCancelled("The task was cancelled before it was finished.")
                if not begun:
                    raise error from None
                yield encode_event(Failed(problem=error.problem()))
            finally:
                task.stop()
                self._metrics.tasks.labels(kind, outcome).inc()

    @asynccontextmanager
    async def _admitted(self, task_id: str) -> AsyncIterator[_Ticket]:
        if self._stopping:
            raise ShuttingDown("The GPU service is stopping.", retry_after_s=RETRY_AFTER_S)
        if task_id in self._tickets:
            raise TaskIdTaken("A task of this id is running; choose another task_id.")
        if self._places.locked() and self.waiting >= self._settings.max_waiting_tasks:
            self._metrics.rejected.inc()
            raise AtCapacity(
                f"{self._settings.max_concurrent_tasks} tasks are running and {self.waiting} wait.",
                retry_after_s=RETRY_AFTER_S,
            )
        ticket = self._tickets[task_id] = _Ticket()
        self._idle.clear()
        try:
            await self._wait_for_place(ticket)
            try:
                self.running += 1
                self._metrics.running.set(self.running)
                yield ticket
            finally:
                self.running -= 1
                self._metrics.running.set(self.running)
                self._places.release()
        finally:
            del self._tickets[task_id]
            if not self._tickets:
                self._idle.set()

    async def _wait_for_place(self, ticket: _Ticket) -> None:
        self.waiting += 1
        self._metrics.waiting.set(self.waiting)
        place = asyncio.ensure_future(self._places.acquire())
        cancel = asyncio.ensure_future(ticket.cancelled.wait())
        try:
            await asyncio.wait({place, cancel}, return_when=asyncio.FIRST_COMPLETED)
            if ticket.cancelled.is_set():
                raise TaskCancelled("The task was cancelled while it waited for a place.")
        except BaseException:
            if not place.cancel() and not place.cancelled():
                self._places.release()
            raise
        finally:
            cancel.cancel()
            self.waiting -= 1
            self._metrics.waiting.set(self.waiting)

    def _count(self, event: SpeechEvent | PerformanceEvent, task: Task) -> None:
        if isinstance(event, PerformanceDone):
            self._metrics.frames.inc(event.frames)
        if isinstance(event, PerformanceDone | SpeechDone):
            for stage in ("speech", "motion", "render", "encode", "portrait"):
                self._metrics.stage.labels(stage).inc(task.timings.ms.get(stage, 0.0) / 1000)
