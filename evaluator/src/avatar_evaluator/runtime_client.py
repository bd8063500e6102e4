"""The runtime's public API as this evaluator uses it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
from pydantic import ValidationError

from avatar_contracts.health import RuntimeHealth
from avatar_contracts.problems import AvatarError, Problem
from avatar_evaluator.recording import Delivery
from avatar_evaluator.scenario import Scenario

_API = "/api/v1"
_TERMINAL = frozenset({"completed", "failed", "canceled"})


class RuntimeUnreachable(Exception):
    """Nothing that looks like the runtime answers at the address."""


class NotDelivered(Exception):
    """The runtime did not make the video; the message says why, ``slug`` which problem it named."""

    def __init__(self, detail: str, slug: str) -> None:
        super().__init__(detail)
        self.slug = slug


class RuntimeClient:
    """Asks for videos and fetches them. ``clock_s`` and ``sleep`` stand in for time where tests need it."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        poll_s: float = 0.5,
        clock_s: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._poll_s = poll_s
        self._clock_s = clock_s
        self._sleep = sleep

    async def health(self) -> RuntimeHealth:
        """What the runtime says of itself.

        Raises:
            RuntimeUnreachable: no answer, or not the runtime's.
        """
        try:
            response = await self._http.get("/health", timeout=10)
            return RuntimeHealth.model_validate_json(response.content)
        except (httpx.HTTPError, ValidationError) as error:
            raise RuntimeUnreachable(f"no runtime answers at {self._http.base_url}") from error

    async def record(self, scenario: Scenario, path: Path) -> Delivery:
        """Asks for ``scenario``'s video, waits, and saves it at ``path``.

        Raises:
            NotDelivered: a problem, a job that failed, a broken connection, or longer than ``limit_s``.
        """
        started_s = self._clock_s()
        try:
            async with asyncio.timeout(scenario.limit_s):
                job, answer_s = await self._ask(scenario, started_s)
                job = await self._wait(job)
                result_s = self._clock_s() - started_s
                await self._fetch(str(job["video_url"]), path)
        except TimeoutError as error:
            raise NotDelivered(f"not finished after {scenario.limit_s:g} s", "time-limit") from error
        except httpx.HTTPError as error:
            raise NotDelivered(f"the connection failed: {type(error).__name__}", "connection") from error
        return Delivery(job, answer_s, result_s, self._clock_s() - started_s)

    async def _ask(self, scenario: Scenario, started_s: float) -> tuple[Mapping[str, Any], float]:
        response = await self._http.post(f"{_API}/generate", json=scenario.body(), timeout=scenario.limit_s)
        return _job(response), self._clock_s() - started_s

    async def _wait(self, job: Mapping[str, Any]) -> Mapping[str, Any]:
        while job["status"] not in _TERMINAL:
            await self._sleep(self._poll_s)
            job = _job(await self._http.get(f"{_API}/jobs/{job['id']}", timeout=30))
        if job["status"] != "completed":
            raise _failure(job.get("error"), f"the job ended as {job['status']}")
        if not job.get("video_url"):
            raise NotDelivered("the completed job names no video", "no-video")
        return job

    async def _fetch(self, url: str, path: Path) -> None:
        async with self._http.stream("GET", url, timeout=60) as response:
            if response.status_code != httpx.codes.OK:
                raise NotDelivered(f"the video's address answers {response.status_code}", "no-video")
            with path.open("wb") as file:
                async for chunk in response.aiter_bytes():
                    file.write(chunk)


def _job(response: httpx.Response) -> Mapping[str, Any]:
    if response.status_code >= httpx.codes.BAD_REQUEST:
        raise _failure(_json(response), f"the runtime answers {response.status_code}")
    document = _json(response)
    if not isinstance(document, dict) or not {"id", "status"} <= set(document):
        raise NotDelivered("the answer is no job document", "no-job")
    return document


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _failure(document: Any, otherwise: str) -> NotDelivered:
    try:
        error = AvatarError.from_problem(Problem.model_validate(document))
    except ValidationError:
        return NotDelivered(otherwise, "unknown")
    slug = str(error.extensions.get("remote_type", error.slug))
    return NotDelivered(error.detail, slug)
