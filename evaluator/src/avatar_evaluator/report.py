"""A run as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from avatar_evaluator.compare import Change
from avatar_evaluator.controls import Control
from avatar_evaluator.run import Report, Result
from avatar_evaluator.scenario import Scenario
from avatar_evaluator.score import Score

_COLUMNS = {
    "latency.time_to_result": "result s",
    "latency.rtf": "RTF",
    "container.frame_rate": "fps",
    "container.av_difference": "A−V fr.",
    "audio.loudness": "LUFS",
    "audio.true_peak": "dBTP",
}
_COLOURS = {"pass": "green", "fail": "red", "skipped": "yellow"}


def shown(score: Score | None) -> str:
    """A score's value in a few characters; a dash where there is none."""
    if score is None or score.value is None:
        return "–"
    return score.value if isinstance(score.value, str) else f"{score.value:.2f}"


def run_table(report: Report) -> RenderableType:
    """One line for each result, then what failed, then what was not measured."""
    table = Table(title=f"{report.url}: {report.outcome}")
    for heading in ("scenario", *_COLUMNS.values(), "verdict"):
        table.add_column(heading, no_wrap=True)
    for result in report.results:
        cells = [shown(result.scores.get(name)) for name in _COLUMNS]
        verdict = Text(result.outcome, style=_COLOURS[result.outcome])
        table.add_row(_name(result), *cells, verdict)
    parts: list[RenderableType] = [table, *_medians(report), *_faults(report.results)]
    if report.controls:
        parts.append(control_table(report.controls))
    return Group(*parts, *_not_scored(report.results))


def score_table(scores: Mapping[str, Score]) -> Table:
    """Every score of one file."""
    table = Table("metric", "value", "unit", "note")
    for name, score in scores.items():
        note = score.reason or ", ".join(f"{k} {_detail(v)}" for k, v in score.details.items())
        table.add_row(name, shown(score), score.unit, note)
    return table


def control_table(controls: Iterable[Control]) -> Table:
    """Each fault with the metric that must see it."""
    table = Table(title="controls")
    for heading in ("fault", "metric", "expected", "before", "after", "outcome"):
        table.add_column(heading, overflow="fold")
    colours = {"caught": "green", "missed": "red", "skipped": "yellow"}
    for control in controls:
        values = ("–" if value is None else f"{value:.3g}" for value in (control.before, control.after))
        outcome = Text(control.outcome, style=colours[control.outcome])
        table.add_row(control.fault, control.metric, control.expectation, *values, outcome)
    return table


def change_table(changes: Iterable[Change]) -> Table:
    """Each metric's change with its interval and what it means."""
    table = Table()
    for heading in ("metric", "n", "before", "after", "change", "95 %", "margin", "verdict"):
        table.add_column(heading, overflow="fold")
    colours = {"better": "green", "worse": "red", "unchanged": "dim", "inconclusive": "yellow"}
    for change in changes:
        interval = "–" if change.ci95 is None else f"{change.ci95[0]:+.3g} … {change.ci95[1]:+.3g}"
        table.add_row(
            change.metric,
            str(change.n),
            f"{change.before:.3g}",
            f"{change.after:.3g}",
            f"{change.mean:+.3g}",
            interval,
            f"{change.margin:g}",
            Text(change.verdict, style=colours[change.verdict]),
        )
    return table


def scenario_table(scenarios: Iterable[Scenario]) -> Table:
    """The scenarios with the beginning of their text."""
    table = Table("id", "language", "tags", "text")
    for scenario in scenarios:
        text = scenario.text if len(scenario.text) <= 60 else f"{scenario.text[:59]}…"
        table.add_row(scenario.id, scenario.language, " ".join(scenario.tags), text)
    return table


def _medians(report: Report) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for language in sorted({r.scenario.language for r in report.results}):
        factors = [
            float(value)
            for r in report.results
            if r.scenario.language == language
            and (score := r.scores.get("latency.rtf")) is not None
            and isinstance(value := score.value, int | float)
        ]
        if factors:
            lines.append(Text(f"{language}: median RTF {median(factors):.2f} of {len(factors)}"))
    cold = report.cold.scores.get("latency.time_to_result") if report.cold else None
    if cold is not None:
        lines.append(Text(f"cold start: {shown(cold)} s until the result"))
    return lines


def _faults(results: Iterable[Result]) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for result in results:
        if result.failure is not None:
            lines.append(Text(f"✗ {_name(result)}: {result.failure.detail} ({result.failure.slug})", "red"))
        for verdict in result.verdicts:
            if verdict.outcome == "fail":
                why = f" ({verdict.reason})" if verdict.reason else ""
                text = (
                    f"✗ {_name(result)}: {verdict.metric} is {verdict.observed}, wanted {verdict.rule}{why}"
                )
                lines.append(Text(text, "red"))
    return lines


def _not_scored(results: Iterable[Result]) -> list[RenderableType]:
    reasons = {
        name: score.reason or ""
        for result in results
        for name, score in result.scores.items()
        if score.status == "not_scored"
    }
    return [Text(f"not scored: {name}: {reason}", "dim") for name, reason in sorted(reasons.items())]


def _name(result: Result) -> str:
    return result.scenario.id if result.repeat <= 1 else f"{result.scenario.id} #{result.repeat}"


def _detail(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"
