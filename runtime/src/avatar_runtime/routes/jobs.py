"""Jobs: list, read, cancel."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from avatar_contracts.problems import NotFound
from avatar_runtime.jobs import JobStatus
from avatar_runtime.production import Timeline
from avatar_runtime.routes.documents import API, JobDocument, JobPage, job_document
from avatar_runtime.services import ServicesDependency

router = APIRouter(prefix=f"{API}/jobs", tags=["jobs"])

JobId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="id of the job")]


@router.get("")
async def list_jobs(
    services: ServicesDependency,
    status: JobStatus | None = None,
    after: Annotated[str | None, Query(pattern=r"^[0-9a-f]{32}$")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> JobPage:
    """Jobs, the newest first."""
    found, more = await services.jobs.page(status=status, before=after, limit=limit)
    return JobPage(
        data=tuple(job_document(job) for job in found),
        has_more=more,
        next_token=found[-1].id if more else None,
    )


@router.get("/{job_id}")
async def read_job(services: ServicesDependency, job_id: JobId) -> JobDocument:
    """How far a job is, or what came of it."""
    return job_document(await services.jobs.get(job_id))


@router.get("/{job_id}/timeline")
async def read_timeline(services: ServicesDependency, job_id: JobId) -> Timeline:
    """When each word and phone of a completed job is said, in samples of the film's sound."""
    job = await services.jobs.get(job_id)
    timeline = await services.production.timeline(job.id) if job.status == "completed" else None
    if timeline is None:
        raise NotFound("This job has no timeline; only completed jobs do.")
    return timeline


@router.post("/{job_id}/cancel")
async def cancel_job(services: ServicesDependency, job_id: JobId) -> JobDocument:
    """Ends a job. One that is over already stays as it is."""
    await services.jobs.get(job_id)
    return job_document(await services.job_engine.cancel(job_id))
