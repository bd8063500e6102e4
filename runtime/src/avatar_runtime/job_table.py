"""``JobStore`` in one SQL table."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, and_, case, func, insert, or_, select, update

from avatar_contracts.enrolment import Notice
from avatar_contracts.problems import JobNotFound, Problem
from avatar_runtime.database import Database
from avatar_runtime.database import jobs as table
from avatar_runtime.jobs import Job, JobResult, JobSpec, JobStatus, Stage

_UNFINISHED = ("queued", "processing")


def now_ms() -> int:
    """Milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000


class JobTable:
    """Jobs in the table ``jobs``. Claims are exclusive, whatever the database.

    ``owner`` names this runtime. Several may share one database: each works on the jobs that it accepted, for
    which it has the files.
    """

    def __init__(self, database: Database, owner: str, clock: Callable[[], int] = now_ms) -> None:
        self._database = database
        self._owner = owner
        self._clock = clock
        self._mine = or_(table.c.owner == owner, table.c.owner.is_(None))

    async def add(self, spec: JobSpec) -> Job:
        job = Job(
            id=uuid4().hex, status="queued", stage="queued", progress=0.0, created_ms=self._clock(), spec=spec
        )
        await self._database.run(
            lambda connection: connection.execute(
                insert(table).values(**job.model_dump(mode="json"), owner=self._owner)
            )
        )
        return job

    async def get(self, job_id: str) -> Job:
        return await self._database.run(lambda connection: _get(connection, job_id))

    async def page(
        self, *, status: JobStatus | None, before: str | None, limit: int
    ) -> tuple[list[Job], bool]:
        def read(connection: Connection) -> tuple[list[Job], bool]:
            query = select(table).order_by(table.c.created_ms.desc(), table.c.id.desc()).limit(limit + 1)
            if status is not None:
                query = query.where(table.c.status == status)
            if before is not None:
                mark = _get(connection, before)
                query = query.where(
                    or_(
                        table.c.created_ms < mark.created_ms,
                        and_(table.c.created_ms == mark.created_ms, table.c.id < mark.id),
                    )
                )
            found = [_job(row) for row in connection.execute(query)]
            return found[:limit], len(found) > limit

        return await self._database.run(read)

    async def counts(self) -> dict[JobStatus, int]:
        query = select(table.c.status, func.count()).group_by(table.c.status)
        rows = await self._database.run(lambda connection: connection.execute(query).all())
        return {row[0]: row[1] for row in rows}

    async def claim(self) -> Job | None:
        def take(connection: Connection) -> Job | None:
            oldest = (
                select(table.c.id)
                .where(table.c.status == "queued", self._mine)
                .order_by(table.c.created_ms, table.c.id)
                .limit(1)
            )
            while (job_id := connection.execute(oldest).scalar()) is not None:
                taken = connection.execute(
                    update(table)
                    .where(table.c.id == job_id, table.c.status == "queued")
                    .values(
                        status="processing",
                        stage="planning",
                        attempts=table.c.attempts + 1,
                        started_ms=func.coalesce(table.c.started_ms, self._clock()),
                    )
                )
                if taken.rowcount:
                    return _get(connection, job_id)
            return None

        return await self._database.run(take)

    async def report(
        self, job_id: str, stage: Stage, progress: float, *, segments: int, segments_done: int
    ) -> None:
        further = table.c.segments_done < segments_done
        await self._change(
            job_id,
            ("processing",),
            stage=stage,
            progress=progress,
            segments=segments,
            segments_done=case((further, segments_done), else_=table.c.segments_done),
            attempts=case((further, 1), else_=table.c.attempts),
        )

    async def complete(
        self, job_id: str, result: JobResult, warnings: tuple[Notice, ...], timings_ms: dict[str, float]
    ) -> Job:
        await self._change(
            job_id,
            ("processing",),
            status="completed",
            stage="done",
            progress=100.0,
            result=result.model_dump(mode="json"),
            warnings=[warning.model_dump(mode="json") for warning in warnings],
            timings_ms=timings_ms,
            finished_ms=self._clock(),
        )
        return await self.get(job_id)

    async def fail(self, job_id: str, problem: Problem) -> Job:
        await self._change(
            job_id,
            _UNFINISHED,
            status="failed",
            problem=problem.model_dump(mode="json", exclude_none=True),
            finished_ms=self._clock(),
        )
        return await self.get(job_id)

    async def cancel(self, job_id: str, *, only_queued: bool) -> bool:
        await self.get(job_id)
        return await self._change(
            job_id,
            ("queued",) if only_queued else _UNFINISHED,
            status="canceled",
            finished_ms=self._clock(),
        )

    async def requeue(self, job_id: str) -> None:
        await self._change(
            job_id, ("processing",), status="queued", stage="queued", attempts=table.c.attempts - 1
        )

    async def requeue_interrupted(self) -> int:
        change = (
            update(table)
            .where(table.c.status == "processing", self._mine)
            .values(status="queued", stage="queued")
        )
        return await self._database.run(lambda connection: connection.execute(change).rowcount)

    async def _change(self, job_id: str, from_status: tuple[str, ...], **values: Any) -> bool:
        change = update(table).where(table.c.id == job_id, table.c.status.in_(from_status)).values(**values)
        return await self._database.run(lambda connection: connection.execute(change).rowcount > 0)


def _get(connection: Connection, job_id: str) -> Job:
    row = connection.execute(select(table).where(table.c.id == job_id)).one_or_none()
    if row is None:
        raise JobNotFound("There is no job of this id; GET /api/v1/jobs lists them.")
    return _job(row)


def _job(row: Row[Any]) -> Job:
    return Job.model_validate(dict(row._mapping))
