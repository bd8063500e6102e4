"""Jobs end, each exactly once, whatever happens to the work."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from live_runtime import eventually

from avatar_contracts.problems import (
    AtCapacity,
    AvatarError,
    EngineFailed,
    GpuServiceUnreachable,
    InsufficientStorage,
    NoFace,
    StreamBroken,
)
from avatar_runtime.database import Database
from avatar_runtime.job_engine import FAILURES_OF_AN_ENGINE, InProcessJobEngine
from avatar_runtime.job_table import JobTable
from avatar_runtime.jobs import Job, JobResult, JobSpec
from avatar_runtime.production import Made, Production, Report

SPEC = JobSpec(text="Hello.", language="en", portrait="0" * 64, voice=None)
RESULT = JobResult(
    filename="x.mp4", duration_s=1.0, frames=25, width_px=128, height_px=128, fps="25", size_bytes=1
)


class ScriptedProduction:
    """Each call of ``make`` does the next step: raises an error, or waits for ever where it is None."""

    def __init__(self, *steps: AvatarError | str | None) -> None:
        self.steps = list(steps)
        self.made: list[str] = []
        self.discarded: list[str] = []
        self.working = asyncio.Event()

    async def make(self, job: Job, report: Report) -> Made:
        self.made.append(job.id)
        await report("performing", 10.0, 1, 0)
        step = self.steps.pop(0) if self.steps else "done"
        if isinstance(step, AvatarError):
            raise step
        if step is None:
            self.working.set()
            await asyncio.Event().wait()
        return Made(RESULT, (), {"total": 1.0})

    async def tidy(self, job_id: str) -> None:
        return

    async def discard(self, job_id: str) -> None:
        self.discarded.append(job_id)


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.pauses_s: list[float] = []

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.pauses_s.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)


@asynccontextmanager
async def engine_on(
    folder: Path,
    production: ScriptedProduction,
    time: FakeTime | None = None,
    owner: str = "me",
    **changes: Any,
) -> AsyncIterator[tuple[InProcessJobEngine, JobTable]]:
    time = time or FakeTime()
    database = Database(f"sqlite:///{folder / 'jobs.sqlite3'}")
    await database.create_tables()
    table = JobTable(database, owner)
    options: dict[str, Any] = {
        "concurrency": 1, "attempts": 3, "retry_for_s": 60.0, "capacity_wait_s": 600.0, **changes,
    }  # fmt: skip
    engine = InProcessJobEngine(
        table, cast(Production, production), clock_s=time.clock, sleep=time.sleep, **options
    )
    await engine.start()
    try:
        yield engine, table
    finally:
        await engine.stop()
        await database.close()


async def test_a_job_is_queued_then_completed(tmp_path: Path) -> None:
    async with engine_on(tmp_path, ScriptedProduction()) as (engine, _):
        job = await engine.submit(SPEC)
        assert job.status == "queued"
        done = await engine.wait(job.id, 5)
    assert (done.status, done.progress, done.result) == ("completed", 100.0, RESULT)


@pytest.mark.parametrize("error", [NoFace("x" * 20), InsufficientStorage("x" * 20)])
async def test_an_error_that_a_repeat_cannot_mend_ends_the_job_at_once(
    tmp_path: Path, error: AvatarError
) -> None:
    production = ScriptedProduction(error)
    async with engine_on(tmp_path, production) as (engine, _):
        job = await engine.wait((await engine.submit(SPEC)).id, 5)
    assert job.status == "failed"
    assert job.problem is not None
    assert job.problem.slug == error.slug
    assert production.discarded == [job.id]
    assert len(production.made) == 1


async def test_a_service_that_comes_back_in_time_is_not_noticed(tmp_path: Path) -> None:
    production = ScriptedProduction(*[GpuServiceUnreachable("gone")] * 4)
    time = FakeTime()
    async with engine_on(tmp_path, production, time) as (engine, _):
        job = await engine.wait((await engine.submit(SPEC)).id, 5)
    assert job.status == "completed"
    assert time.pauses_s == sorted(time.pauses_s)
    assert len(time.pauses_s) == 4


async def test_a_service_that_stays_away_fails_the_job_retryable_within_the_stated_time(
    tmp_path: Path,
) -> None:
    production = ScriptedProduction(*[StreamBroken("cut off")] * 100)
    time = FakeTime()
    async with engine_on(tmp_path, production, time) as (engine, _):
        job = await engine.wait((await engine.submit(SPEC)).id, 5)
    assert job.status == "failed"
    assert job.problem is not None
    assert job.problem.retryable
    assert 30.0 < time.now_s <= 60.0


async def test_waiting_for_a_place_does_not_use_up_the_patience_for_failures(tmp_path: Path) -> None:
    production = ScriptedProduction(*[AtCapacity("full", retry_after_s=10)] * 20)
    time = FakeTime()
    async with engine_on(tmp_path, production, time) as (engine, _):
        job = await engine.wait((await engine.submit(SPEC)).id, 5)
    assert job.status == "completed"
    assert time.now_s > 60.0


async def test_an_engine_that_keeps_failing_is_not_tried_for_ever(tmp_path: Path) -> None:
    production = ScriptedProduction(*[EngineFailed("died")] * 10)
    async with engine_on(tmp_path, production) as (engine, _):
        job = await engine.wait((await engine.submit(SPEC)).id, 5)
    assert job.status == "failed"
    assert len(production.made) == FAILURES_OF_AN_ENGINE


async def test_an_unforeseen_error_says_nothing_of_the_inside(tmp_path: Path) -> None:
    production = ScriptedProduction()

    async def make(job: Job, report: Report) -> Made:
        raise LookupError("/secret/path")

    production.make = make  # type: ignore[method-assign]
    async with engine_on(tmp_path, production) as (engine, _):
        job = await engine.wait((await engine.submit(SPEC)).id, 5)
        assert job.problem is not None
        assert job.problem.slug == "internal-error"
        assert "secret" not in job.problem.model_dump_json()
        del production.make
        assert (await engine.wait((await engine.submit(SPEC)).id, 5)).status == "completed"


async def test_a_queued_job_is_cancelled_without_being_made(tmp_path: Path) -> None:
    production = ScriptedProduction(None)
    async with engine_on(tmp_path, production) as (engine, _):
        running = await engine.submit(SPEC)
        await production.working.wait()
        waiting = await engine.submit(SPEC)
        assert (await engine.cancel(waiting.id)).status == "canceled"
        assert (await engine.cancel(running.id)).status == "canceled"
        after = await engine.wait((await engine.submit(SPEC)).id, 5)
    assert production.made == [running.id, after.id]
    assert production.discarded == [running.id]


async def test_cancelling_what_is_over_changes_nothing(tmp_path: Path) -> None:
    async with engine_on(tmp_path, ScriptedProduction()) as (engine, _):
        job = await engine.wait((await engine.submit(SPEC)).id, 5)
        assert await engine.cancel(job.id) == job


async def test_a_job_interrupted_by_a_shutdown_is_finished_after_the_restart(tmp_path: Path) -> None:
    production = ScriptedProduction(None)
    async with engine_on(tmp_path, production) as (engine, _):
        job = await engine.submit(SPEC)
        await production.working.wait()
    async with engine_on(tmp_path, ScriptedProduction()) as (engine, _):
        done = await engine.wait(job.id, 5)
    assert done.status == "completed"
    assert done.attempts == 1
    assert production.discarded == []


async def test_a_job_whose_process_died_is_taken_up_again_but_not_for_ever(tmp_path: Path) -> None:
    production = ScriptedProduction()
    async with engine_on(tmp_path, production, attempts=3) as (engine, table):
        await engine.stop()
        job = await engine.submit(SPEC)
        for _ in range(3):
            assert await table.claim() is not None
            assert await table.requeue_interrupted() == 1
    async with engine_on(tmp_path, production, attempts=3) as (engine, _):
        ended = await engine.wait(job.id, 5)
    assert ended.status == "failed"
    assert ended.problem is not None
    assert "stopped 3 times" in ended.problem.detail
    assert production.made == []


async def test_a_job_that_gets_further_each_time_is_taken_up_as_often_as_it_takes(tmp_path: Path) -> None:
    async with engine_on(tmp_path, ScriptedProduction()) as (engine, table):
        await engine.stop()
        job = await engine.submit(SPEC)
        for done in (1, 2, 2, 1, 2):
            claimed = await table.claim()
            assert claimed is not None
            await table.report(job.id, "performing", 10.0, segments=3, segments_done=done)
            await table.requeue_interrupted()
        found = await table.get(job.id)
    assert (found.segments_done, found.attempts) == (2, 4)


async def test_a_runtime_leaves_the_jobs_of_another_alone(tmp_path: Path) -> None:
    theirs, mine = ScriptedProduction(None), ScriptedProduction()
    async with engine_on(tmp_path, theirs, owner="other") as (other, _):
        running = await other.submit(SPEC)
        await theirs.working.wait()
        async with engine_on(tmp_path, mine, owner="me") as (engine, _):
            done = await engine.wait((await engine.submit(SPEC)).id, 5)
            assert (await engine.wait(running.id, 0.05)).status == "processing"
    assert mine.made == [done.id]


async def test_a_database_of_an_earlier_version_is_brought_up_to_date(tmp_path: Path) -> None:
    async with engine_on(tmp_path, ScriptedProduction()) as (engine, _):
        old = await engine.wait((await engine.submit(SPEC)).id, 5)
    with sqlite3.connect(tmp_path / "jobs.sqlite3") as connection:
        connection.execute("ALTER TABLE jobs DROP COLUMN owner")
        connection.execute("UPDATE jobs SET status = 'processing'")
    async with engine_on(tmp_path, ScriptedProduction()) as (engine, _):
        assert (await engine.wait(old.id, 5)).status == "completed"
        assert (await engine.wait((await engine.submit(SPEC)).id, 5)).status == "completed"


async def test_waiting_ends_after_the_time_asked_for(tmp_path: Path) -> None:
    production = ScriptedProduction(None)
    async with engine_on(tmp_path, production) as (engine, _):
        job = await engine.wait((await engine.submit(SPEC)).id, 0.05)
        assert job.status in {"queued", "processing"}


async def test_jobs_run_side_by_side_up_to_the_limit(tmp_path: Path) -> None:
    production = ScriptedProduction(None, None, None)
    async with engine_on(tmp_path, production, concurrency=2) as (engine, table):
        for _ in range(3):
            await engine.submit(SPEC)
        await eventually(lambda: len(production.made) == 2)
        await asyncio.sleep(0.05)
        assert await table.counts() == {"processing": 2, "queued": 1}


async def test_pages_list_every_job_once_the_newest_first(tmp_path: Path) -> None:
    async with engine_on(tmp_path, ScriptedProduction()) as (engine, table):
        made = [(await engine.submit(SPEC)).id for _ in range(5)]
        seen: list[str] = []
        before = None
        while True:
            jobs, more = await table.page(status=None, before=before, limit=2)
            seen += [job.id for job in jobs]
            before = seen[-1]
            if not more:
                break
    assert sorted(seen) == sorted(made)
    assert len(seen) == 5
