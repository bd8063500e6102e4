"""Two runs of the same scenarios → what became better or worse, and what cannot be said."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Literal

from pydantic import ValidationError

from avatar_evaluator.run import Report
from avatar_evaluator.statistics import bootstrap_mean

Verdict = Literal["better", "worse", "unchanged", "inconclusive"]


@dataclass(frozen=True)
class Quality:
    """A metric that can be compared. ``margin``: the smallest change that matters, in the metric's unit.

    ``wish``: what of the value is good: more of it, less of it, or less of its magnitude. ``relative``: the
    margin is a fraction of the earlier value.
    """

    margin: float
    wish: Literal["more", "less", "less_magnitude"]
    relative: bool = False


QUALITIES: dict[str, Quality] = {
    "sync.score0": Quality(0.05, "more"),
    "sync.offset": Quality(15.0, "less_magnitude"),
    "sync.confidence": Quality(0.05, "more"),
    "voice.pitch_gap": Quality(0.5, "less_magnitude"),
    "latency.time_to_result": Quality(0.1, "less", relative=True),
    "latency.rtf": Quality(0.1, "less", relative=True),
    "audio.clicks": Quality(0.5, "less"),
    "audio.clipping": Quality(100.0, "less"),
    "container.frame_timing": Quality(0.5, "less"),
    "container.av_difference": Quality(0.5, "less_magnitude"),
    "face.mouth_in_speech": Quality(0.02, "more"),
    "picture.jitter": Quality(0.1, "less"),
    "picture.shake": Quality(0.005, "less"),
    "picture.flicker": Quality(0.1, "less"),
    "picture.frozen_frames": Quality(2.0, "less"),
    "picture.sharpness": Quality(0.1, "more"),
    "picture.edge_sharpness": Quality(0.1, "more"),
}


@dataclass(frozen=True)
class Change:
    """One metric over ``n`` scenarios that both runs have. ``mean``: after minus before; ci95: of it."""

    metric: str
    n: int
    before: float
    after: float
    mean: float
    ci95: tuple[float, float] | None
    margin: float
    verdict: Verdict


class ReportUnreadable(Exception):
    """A folder holds no report of a run."""


def load_report(folder: Path) -> Report:
    """The report of a run.

    Raises:
        ReportUnreadable: there is none, or it is of another version.
    """
    try:
        return Report.model_validate_json((folder / "report.json").read_bytes())
    except OSError as error:
        raise ReportUnreadable(f"there is no report.json in {folder}") from error
    except ValidationError as error:
        raise ReportUnreadable(f"{folder / 'report.json'} is no report of this version") from error


def compare(before: Report, after: Report) -> list[Change]:
    """Every comparable metric that both runs have for at least one scenario; paired by scenario.

    Worse or better only where the interval excludes 0 and the mean exceeds the margin; unchanged only where
    the whole interval lies within the margin; everything else is inconclusive.
    """
    changes: list[Change] = []
    for metric, quality in QUALITIES.items():
        earlier, later = _by_scenario(before, metric, quality), _by_scenario(after, metric, quality)
        shared = sorted(set(earlier) & set(later))
        if not shared:
            continue
        was, now = mean(earlier[s] for s in shared), mean(later[s] for s in shared)
        differences = [later[s] - earlier[s] for s in shared]
        margin = quality.margin * abs(was) if quality.relative else quality.margin
        interval = bootstrap_mean(differences)
        changes.append(
            Change(
                metric=metric,
                n=len(shared),
                before=was,
                after=now,
                mean=mean(differences),
                ci95=interval,
                margin=margin,
                verdict=_verdict(mean(differences), interval, margin, quality),
            )
        )
    return changes


def _by_scenario(report: Report, metric: str, quality: Quality) -> dict[str, float]:
    """Scenario → mean of its repeats, as magnitude where the sign does not matter."""
    found: dict[str, list[float]] = {}
    for result in report.results:
        score = result.scores.get(metric)
        if score is not None and isinstance(score.value, int | float):
            value = abs(score.value) if quality.wish == "less_magnitude" else score.value
            found.setdefault(result.scenario.id, []).append(float(value))
    return {scenario: mean(values) for scenario, values in found.items()}


def _verdict(change: float, interval: tuple[float, float] | None, margin: float, quality: Quality) -> Verdict:
    if interval is None:
        return "inconclusive"
    low, high = interval
    if -margin <= low and high <= margin:
        return "unchanged"
    if (low > 0 or high < 0) and abs(change) > margin:
        return "better" if (change > 0) == (quality.wish == "more") else "worse"
    return "inconclusive"
