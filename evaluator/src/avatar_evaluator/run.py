"""A run: scenarios → videos → scores → verdicts, kept as JSON beside the videos."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import cv2
from pydantic import Field

from avatar_contracts.health import RuntimeHealth
from avatar_contracts.model import Reply
from avatar_evaluator import __version__
from avatar_evaluator.controls import Control, missed
from avatar_evaluator.gates import Gate, Verdict, judge
from avatar_evaluator.media import MediaUnreadable, read_media
from avatar_evaluator.metrics import score_all
from avatar_evaluator.observation import Observation, Unseen
from avatar_evaluator.recording import NO_REFERENCES, NOT_LOOKED_AT, Recording, References
from avatar_evaluator.runtime_client import NotDelivered, RuntimeClient
from avatar_evaluator.scenario import Scenario
from avatar_evaluator.score import Score

SCHEMA_VERSION = 1

Outcome = Literal["pass", "fail"]


class Failure(Reply):
    """Why a scenario has no scores."""

    slug: str
    detail: str


class Result(Reply):
    """One scenario, once. ``video`` is a path relative to the run's folder."""

    scenario: Scenario
    repeat: int
    video: str | None = None
    sha256: str | None = None
    engines: dict[str, str] = Field(default_factory=dict)
    scores: dict[str, Score] = Field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    failure: Failure | None = None
    sync_curve: tuple[float, ...] = ()
    """Agreement of sound and lips at −600…+600 ms in steps of 10 ms."""
    still: str | None = None
    """A picture of the face, beside the video."""

    @property
    def outcome(self) -> Outcome:
        """``fail`` where the video is missing or a gate failed."""
        failed = self.failure is not None or any(v.outcome == "fail" for v in self.verdicts)
        return "fail" if failed else "pass"


class Report(Reply):
    """A whole run. ``cold`` is the first video after the evaluator came, which no gate judges."""

    schema_version: int = SCHEMA_VERSION
    evaluator: str = __version__
    started: datetime
    python: str
    machine: str
    url: str
    runtime: RuntimeHealth | None
    cold: Result | None = None
    results: tuple[Result, ...]
    controls: tuple[Control, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """``pass`` where there is at least one result, every one passed, and no control was missed."""
        passed = bool(self.results) and all(r.outcome == "pass" for r in self.results)
        passed = passed and not missed(self.controls)
        return "pass" if passed else "fail"


Progress = Callable[[Result], None]
Look = Callable[[Path], Observation | Unseen]


def _without_looking(path: Path) -> Unseen:
    del path
    return NOT_LOOKED_AT


def _without_references(scenario: Scenario) -> References:
    del scenario
    return NO_REFERENCES


def _without_controls(recording: Recording) -> tuple[Control, ...]:
    del recording
    return ()


@dataclass(frozen=True)
class Judgement:
    """How videos are judged: the gates, how pictures are looked at, what each scenario is compared with."""

    gates: Sequence[Gate] = ()
    look: Look = _without_looking
    references: Callable[[Scenario], References] = _without_references
    controls: Callable[[Recording], tuple[Control, ...]] = _without_controls


async def run(
    client: RuntimeClient,
    url: str,
    scenarios: Sequence[Scenario],
    judgement: Judgement,
    folder: Path,
    *,
    repeats: int = 1,
    warm_up: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Runs every scenario ``repeats`` times and writes ``report.json`` after each, so that nothing is lost.

    Raises:
        RuntimeUnreachable: nothing answers; no scenario was begun.
    """
    started = datetime.now(UTC)
    health = await client.health()

    def report(cold: Result | None, results: list[Result], controls: tuple[Control, ...] = ()) -> Report:
        document = Report(
            started=started,
            python=platform.python_version(),
            machine=f"{platform.system()} {platform.machine()}",
            url=url,
            runtime=health,
            cold=cold,
            results=tuple(results),
            controls=controls,
        )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_text(document.model_dump_json(indent=2), encoding="utf-8")
        return document

    results: list[Result] = []
    latest = report(None, results)
    cold = (
        await _once(client, scenarios[0], Judgement(), folder, 0, "cold") if warm_up and scenarios else None
    )
    for scenario in scenarios:
        for repeat in range(1, repeats + 1):
            result = await _once(client, scenario, judgement, folder, repeat, f"{scenario.id}-{repeat}")
            results.append(result)
            latest = report(cold, results)
            if progress is not None:
                progress(result)
    if (example := _example(results, folder, judgement)) is not None:
        latest = report(cold, results, judgement.controls(example))
    return latest


def _example(results: Sequence[Result], folder: Path, judgement: Judgement) -> Recording | None:
    """The longest video of the run, on which the controls are tried."""
    videos = [folder / r.video for r in results if r.video is not None and r.failure is None]
    if not videos:
        return None
    longest = max(videos, key=lambda path: path.stat().st_size)
    return Recording(longest, read_media(longest), face=judgement.look(longest))


async def _once(
    client: RuntimeClient, scenario: Scenario, judgement: Judgement, folder: Path, repeat: int, name: str
) -> Result:
    path = folder / f"{name}.mp4"
    try:
        delivery = await client.record(scenario, path)
        recording = Recording(
            path, read_media(path), scenario, delivery, judgement.look(path), judgement.references(scenario)
        )
    except NotDelivered as error:
        return Result(scenario=scenario, repeat=repeat, failure=Failure(slug=error.slug, detail=str(error)))
    except MediaUnreadable as error:
        failure = Failure(slug="media-unreadable", detail=str(error))
        return Result(scenario=scenario, repeat=repeat, video=path.name, failure=failure)
    scores = score_all(recording)
    still: str | None = None
    if isinstance(recording.face, Observation):
        still = f"{name}.jpg"
        cv2.imwrite(str(folder / still), cv2.cvtColor(recording.face.still, cv2.COLOR_RGB2BGR))
    return Result(
        scenario=scenario,
        repeat=repeat,
        video=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        engines=dict(delivery.job.get("engines") or {}),
        scores=scores,
        verdicts=judge(judgement.gates, scores),
        sync_curve=()
        if isinstance(recording.sync, Unseen)
        else tuple(round(float(v), 4) for v in recording.sync.estimate.curve),
        still=still,
    )
