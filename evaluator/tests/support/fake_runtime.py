"""A scriptable runtime: the public API of the real one, with videos of known properties."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response

from avatar_contracts.health import RuntimeHealth
from avatar_contracts.problems import AvatarError, JobNotFound
from avatar_contracts.server import install_problem_handlers


@dataclass
class Take:
    """How the runtime shall answer one request."""

    video: bytes = b""
    polls: int = 0
    """How often the job is still processing when it is read; 0 answers 200 at once."""
    refuse: AvatarError | None = None
    fail: AvatarError | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    lose_video: bool = False
    nonsense: bytes | None = None


@dataclass
class FakeRuntime:
    """Plays ``script`` for each request in turn; ``requests`` keeps what was asked."""

    script: Callable[[dict[str, Any]], Take]
    requests: list[dict[str, Any]] = field(default_factory=list)
    jobs: dict[str, tuple[Take, int]] = field(default_factory=dict)

    def app(self) -> FastAPI:
        """The ASGI app."""
        app = FastAPI()
        install_problem_handlers(app)

        @app.get("/health")
        async def health() -> RuntimeHealth:
            return RuntimeHealth(status="ok", version="fake", mode="test", gpu_service=None)

        @app.post("/api/v1/generate")
        async def generate(request: Request, response: Response) -> Any:
            body = await request.json()
            self.requests.append(body)
            take = self.script(body)
            if take.refuse is not None:
                raise take.refuse
            if take.nonsense is not None:
                return Response(take.nonsense, media_type="application/json")
            job_id = f"{len(self.requests):032x}"
            self.jobs[job_id] = (take, take.polls)
            document = self._document(job_id)
            response.status_code = 200 if document["status"] == "completed" else 202
            return document

        @app.get("/api/v1/jobs/{job_id}")
        async def job(job_id: str) -> Any:
            if job_id not in self.jobs:
                raise JobNotFound("There is no such job.")
            take, left = self.jobs[job_id]
            self.jobs[job_id] = (take, max(left - 1, 0))
            return self._document(job_id)

        @app.get("/api/v1/videos/{name}")
        async def video(name: str) -> Response:
            take, _ = self.jobs[name.removesuffix(".mp4")]
            if take.lose_video:
                return Response(status_code=404)
            return Response(take.video, media_type="video/mp4")

        return app

    def _document(self, job_id: str) -> dict[str, Any]:
        take, left = self.jobs[job_id]
        if left > 0:
            return {"id": job_id, "status": "processing", "stage": "performing", "progress": 50.0}
        if take.fail is not None:
            problem = take.fail.problem().model_dump(mode="json")
            return {"id": job_id, "status": "failed", "stage": "done", "progress": 50.0, "error": problem}
        return {
            "id": job_id,
            "status": "completed",
            "stage": "done",
            "progress": 100.0,
            "video_url": f"/api/v1/videos/{job_id}.mp4",
            "filename": f"{job_id}.mp4",
            "engines": {"speech": "espeak", "motion": "phonetic", "render": "mesh"},
            "timings_ms": {"speech": 120.0, "render": 640.5, "total": 800.0},
            **take.claims,
        }
