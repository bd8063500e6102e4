"""A run as one self-contained page: no script, no network, pictures inside."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from avatar_evaluator.compare import QUALITIES
from avatar_evaluator.run import Report, Result
from avatar_evaluator.score import Score
from avatar_evaluator.statistics import bootstrap_mean

_STYLE = """
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;
max-width:1100px;margin:2rem auto;padding:0 1rem}
h1 b{padding:.1em .5em;border-radius:.3em;color:#fff}.pass,.caught{background:#1a7f37}
.fail,.missed{background:#b3261e}
.skipped{background:#8a6d00}table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem;
font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #8884}td.n,th.n{text-align:right}
td b{padding:0 .4em;border-radius:.3em;color:#fff;font-weight:500}.clips{display:grid;gap:1rem;
grid-template-columns:repeat(auto-fill,minmax(320px,1fr))}
.clip{border:1px solid #8884;border-radius:.5rem;padding:.8rem}
.clip img{width:96px;height:96px;float:right;border-radius:.4rem}svg{width:100%;height:110px;clear:both}
.quiet{opacity:.7;font-size:.9em}
"""
_SHOWN = (
    "sync.score0",
    "sync.offset",
    "voice.pitch_gap",
    "face.mouth_in_speech",
    "picture.sharpness",
    "latency.time_to_result",
    "latency.rtf",
)


def write_page(report: Report, folder: Path) -> Path:
    """Writes ``report.html`` into the run's folder, with the stills that lie there."""
    path = folder / "report.html"
    path.write_text(page(report, folder), encoding="utf-8")
    return path


def page(report: Report, folder: Path) -> str:
    """The page as text."""
    runtime = f"runtime {escape(report.runtime.version)}" if report.runtime else "runtime unknown"
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>Evaluation: {report.outcome}</title><style>{_STYLE}</style>",
        f"<h1>Evaluation: <b class={report.outcome}>{report.outcome}</b></h1>",
        f"<p>{len(report.results)} videos from {escape(report.url)} ({runtime}).",
        f"{report.started:%Y-%m-%d %H:%M} UTC on {escape(report.machine)}, evaluator {report.evaluator}.</p>",
        _faults(report.results),
        "<h2>Over all scenarios</h2>",
        _overall(report.results),
        "<h2>Gates</h2>",
        _gates(report.results),
        "<h2>Do the metrics see what they should?</h2>",
        "<p class=quiet>Faults put into the longest video of this run. A missed one fails the run.</p>",
        _controls(report),
        "<h2>Videos</h2>",
        "<p class=quiet>Curve: agreement of sound and lips when the sound is moved by −600 … +600 ms.",
        "A peak at the dotted line is a video in time.</p>",
        "<div class=clips>",
        *(_clip(result, folder) for result in report.results),
        "</div>",
        "<h2>Not scored</h2>",
        _not_scored(report.results),
        "</html>",
    ]
    return "\n".join(parts)


def _faults(results: Sequence[Result]) -> str:
    lines = [
        f"<li>{escape(r.scenario.id)}: {escape(r.failure.detail)}</li>"
        for r in results
        if r.failure is not None
    ]
    lines += [
        f"<li>{escape(r.scenario.id)}: {v.metric} is {_number(v.observed)}, wanted {escape(v.rule)}</li>"
        for r in results
        for v in r.verdicts
        if v.outcome == "fail"
    ]
    return f"<h2>What failed</h2><ul>{''.join(lines)}</ul>" if lines else ""


def _overall(results: Sequence[Result]) -> str:
    rows: list[str] = []
    for name in QUALITIES:
        by_scenario: dict[str, list[float]] = {}
        unit = ""
        for result in results:
            score = result.scores.get(name)
            if score is not None and isinstance(score.value, int | float):
                by_scenario.setdefault(result.scenario.id, []).append(float(score.value))
                unit = score.unit
        means = [sum(values) / len(values) for values in by_scenario.values()]
        if means:
            interval = bootstrap_mean(means)
            shown = "–" if interval is None else f"{interval[0]:.3g} … {interval[1]:.3g}"
            cells = f"<td class=n>{sum(means) / len(means):.3g}<td>{escape(unit)}<td class=n>{shown}"
            rows.append(f"<tr><td>{name}{cells}<td class=n>{len(means)}")
    head = "<tr><th>metric<th class=n>mean<th>unit<th class=n>95 % by scenario<th class=n>scenarios"
    return f"<table>{head}{''.join(rows)}</table>"


def _gates(results: Sequence[Result]) -> str:
    rows: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for verdict in result.verdicts:
            rows.setdefault((verdict.metric, verdict.rule), []).append(verdict.outcome)
    lines = "".join(
        f"<tr><td>{metric}<td>{escape(rule)}"
        + "".join(f"<td class=n>{outcomes.count(kind)}" for kind in ("pass", "fail", "skipped"))
        for (metric, rule), outcomes in rows.items()
    )
    head = "<tr><th>metric<th>rule<th class=n>pass<th class=n>fail<th class=n>skipped"
    return f"<table>{head}{lines}</table>"


def _controls(report: Report) -> str:
    if not report.controls:
        return "<p>No control was run.</p>"
    lines = "".join(
        f"<tr><td>{escape(c.fault)}<td>{c.metric}<td>{escape(c.expectation)}<td class=n>{_number(c.before)}"
        f"<td class=n>{_number(c.after)}<td><b class={c.outcome}>{c.outcome}</b>"
        for c in report.controls
    )
    head = "<tr><th>fault<th>metric<th>expected<th class=n>before<th class=n>after<th>outcome"
    return f"<table>{head}{lines}</table>"


def _clip(result: Result, folder: Path) -> str:
    picture = ""
    if result.still is not None and (folder / result.still).is_file():
        data = base64.b64encode((folder / result.still).read_bytes()).decode()
        picture = f"<img alt='face' src='data:image/jpeg;base64,{data}'>"
    values = " · ".join(
        f"{name} {_shown(score)}"
        for name in _SHOWN
        if (score := result.scores.get(name)) is not None and score.value is not None
    )
    return (
        f"<div class=clip>{picture}<strong>{escape(result.scenario.id)}</strong> "
        f"{result.outcome}<p class=quiet>{escape(result.scenario.text[:120])}</p>"
        f"{_curve(result.sync_curve)}<p class=quiet>{values}</p></div>"
    )


def _curve(values: Sequence[float]) -> str:
    if not values:
        return "<p class=quiet>no curve</p>"
    width, height, low, high = 600, 110, -0.4, 0.8
    step = width / (len(values) - 1)
    line = " ".join(
        f"{i * step:.1f},{height * (high - min(max(v, low), high)) / (high - low):.1f}"
        for i, v in enumerate(values)
    )
    zero = height * high / (high - low)
    return (
        f"<svg viewBox='0 0 {width} {height}' preserveAspectRatio=none role=img aria-label='by lag'>"
        f"<path d='M0 {zero:.1f}H{width}' stroke='#8888'/>"
        f"<path d='M{width / 2} 0V{height}' stroke='#888' stroke-dasharray='3 4'/>"
        f"<polyline points='{line}' fill=none stroke='#2563eb' stroke-width=2 /></svg>"
    )


def _not_scored(results: Sequence[Result]) -> str:
    reasons = {
        (name, score.reason or "")
        for result in results
        for name, score in result.scores.items()
        if score.status == "not_scored"
    }
    return "<ul>" + "".join(f"<li>{n}: {escape(why)}</li>" for n, why in sorted(reasons)) + "</ul>"


def _shown(score: Score) -> str:
    return f"{_number(score.value)} {escape(score.unit)}".strip()


def _number(value: float | str | None) -> str:
    return "–" if value is None else escape(value) if isinstance(value, str) else f"{value:.3g}"
