"""The command line: ``run``, ``list``, ``score``, ``controls``, ``compare``.

Exit codes: 0 every gate passed, 1 a gate failed or a video is missing, 2 the run could not begin.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
from rich.console import Console

from avatar_evaluator import __version__
from avatar_evaluator.compare import ReportUnreadable, compare, load_report
from avatar_evaluator.controls import missed, run_controls
from avatar_evaluator.faces.chosen import Onlooker
from avatar_evaluator.gates import GatesUnreadable, judge, load_gates
from avatar_evaluator.media import MediaUnreadable, read_audio, read_media
from avatar_evaluator.metrics import score_all
from avatar_evaluator.observation import Unseen
from avatar_evaluator.page import write_page
from avatar_evaluator.recording import Recording, References
from avatar_evaluator.report import change_table, control_table, run_table, scenario_table, score_table, shown
from avatar_evaluator.run import Judgement, Report, Result, run
from avatar_evaluator.runtime_client import RuntimeClient, RuntimeUnreachable
from avatar_evaluator.scenario import Scenario, ScenarioUnreadable, load_scenarios

PASSED, FAILED, NOT_BEGUN = 0, 1, 2


def main(arguments: Sequence[str] | None = None, transport: httpx.AsyncBaseTransport | None = None) -> int:
    """Runs one command; returns the exit code. ``transport`` replaces the network in tests."""
    wanted = _parser().parse_args(arguments)
    console = Console()
    try:
        if wanted.command == "list":
            return _list(wanted, console)
        if wanted.command == "score":
            return _score(wanted, console)
        if wanted.command == "controls":
            return _controls(wanted, console)
        if wanted.command == "compare":
            return _compare(wanted, console)
        return _run(wanted, console, transport)
    except (
        ScenarioUnreadable,
        GatesUnreadable,
        MediaUnreadable,
        ReportUnreadable,
        RuntimeUnreachable,
    ) as error:
        print(f"avatar-evaluator: {error}", file=sys.stderr)
        return NOT_BEGUN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m avatar_evaluator",
        description="Asks the runtime's public API for videos and scores what comes back.",
        epilog="Exit codes: 0 every gate passed, 1 a gate failed, 2 the run could not begin.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)

    runs = commands.add_parser("run", help="run scenarios against a runtime")
    _choose_scenarios(runs)
    default_url = os.environ.get("RUNTIME_URL", "http://127.0.0.1:8000")
    runs.add_argument("--url", default=default_url, help="address of the runtime (%(default)s)")
    runs.add_argument("--out", type=Path, help="folder of the run (evaluator/outputs/<time>)")
    runs.add_argument("--gates", type=Path, default=_beside("gates.yaml"), help="what must hold")
    runs.add_argument("--repeat", type=int, default=1, help="times each scenario is run (%(default)s)")
    runs.add_argument("--no-warm-up", action="store_true", help="judge the first video too")

    _choose_references(runs)

    runs.add_argument("--no-controls", action="store_true", help="do not test the metrics on spoilt videos")

    lists = commands.add_parser("list", help="show the scenarios")
    _choose_scenarios(lists)

    scores = commands.add_parser("score", help="score a video file, whoever made it")
    scores.add_argument("file", type=Path)
    scores.add_argument("--json", action="store_true", help="print the scores as JSON")
    scores.add_argument("--gates", type=Path, help="judge the scores by these gates")
    _choose_references(scores)

    controls = commands.add_parser("controls", help="spoil a good video: does every metric see it?")
    controls.add_argument("file", type=Path)
    _choose_references(controls)

    compares = commands.add_parser("compare", help="compare two runs: did anything become worse?")
    compares.add_argument("before", type=Path, help="folder of the earlier run")
    compares.add_argument("after", type=Path, help="folder of the later run")
    return parser


def _choose_scenarios(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scenarios", type=Path, default=_beside("scenarios"), help="folder of YAML files")
    parser.add_argument("--tag", action="append", default=[], help="only scenarios with this tag; repeatable")
    parser.add_argument(
        "--scenario", action="append", default=[], metavar="ID", help="only this one; repeatable"
    )


def _choose_references(parser: argparse.ArgumentParser) -> None:
    default_models = Path(os.environ.get("MODELS_DIR", "models"))
    parser.add_argument(
        "--models", type=Path, default=default_models, help="folder of mediapipe/*.tflite (%(default)s)"
    )
    parser.add_argument("--portrait", type=Path, help="the photo that the video shows: sharpness against it")
    parser.add_argument(
        "--reference",
        help="recording of the voice; {language} stands for the scenario's language (en, zh, es)",
    )


def _references(wanted: argparse.Namespace, look: Onlooker, scenario: Scenario | None = None) -> References:
    """What the video should resemble; a voice only where the scenario asks for one.

    Raises:
        MediaUnreadable: a named file cannot be read.
    """
    portrait = look.photo(wanted.portrait) if wanted.portrait else None
    language = "en" if scenario is None else scenario.language.split("-")[0]
    asked = scenario is None or scenario.voice is not None
    voice = (
        read_audio(Path(wanted.reference.replace("{language}", language)))
        if wanted.reference and asked
        else None
    )
    return References(voice, None if isinstance(portrait, Unseen) else portrait)


def _list(wanted: argparse.Namespace, console: Console) -> int:
    console.print(scenario_table(_chosen(wanted)))
    return PASSED


def _score(wanted: argparse.Namespace, console: Console) -> int:
    gates = load_gates(wanted.gates) if wanted.gates else ()
    look = Onlooker(wanted.models)
    media = read_media(wanted.file)
    references = _references(wanted, look)
    scores = score_all(Recording(wanted.file, media, face=look(wanted.file), references=references))
    if wanted.json:
        print(json.dumps({name: score.model_dump() for name, score in scores.items()}, indent=2))
    else:
        console.print(score_table(scores))
    failed = [v for v in judge(gates, scores) if v.outcome == "fail"]
    for verdict in failed:
        print(f"{verdict.metric}: {verdict.observed}, wanted {verdict.rule}", file=sys.stderr)
    return FAILED if failed else PASSED


def _controls(wanted: argparse.Namespace, console: Console) -> int:
    look = Onlooker(wanted.models)
    recording = Recording(wanted.file, read_media(wanted.file), face=look(wanted.file))
    found = run_controls(recording, look.tracker)
    console.print(control_table(found))
    return FAILED if missed(found) else PASSED


def _compare(wanted: argparse.Namespace, console: Console) -> int:
    before, after = (load_report(folder) for folder in (wanted.before, wanted.after))
    changes = compare(before, after)
    console.print(change_table(changes))
    return FAILED if any(change.verdict == "worse" for change in changes) else PASSED


def _run(wanted: argparse.Namespace, console: Console, transport: httpx.AsyncBaseTransport | None) -> int:
    scenarios = _chosen(wanted)
    if not scenarios:
        raise ScenarioUnreadable("no scenario has all these tags; `list` shows what there is")
    gates = load_gates(wanted.gates)
    folder = wanted.out or _new_folder()
    look = Onlooker(wanted.models)
    for scenario in scenarios:
        _references(wanted, look, scenario)

    def announce(result: Result) -> None:
        took = shown(result.scores.get("latency.time_to_result"))
        console.print(f"{result.scenario.id} #{result.repeat}: {result.outcome}, {took} s", style="dim")

    async def perform() -> Report:
        async with httpx.AsyncClient(base_url=wanted.url, transport=transport) as http:
            return await run(
                RuntimeClient(http),
                wanted.url,
                scenarios,
                Judgement(
                    gates,
                    look,
                    lambda scenario: _references(wanted, look, scenario),
                    lambda recording: () if wanted.no_controls else run_controls(recording, look.tracker),
                ),
                folder,
                repeats=max(wanted.repeat, 1),
                warm_up=not wanted.no_warm_up,
                progress=announce,
            )

    report = asyncio.run(perform())
    console.print(run_table(report))
    write_page(report, folder)
    console.print(f"{folder / 'report.json'}", soft_wrap=True)
    console.print(f"{folder / 'report.html'}", soft_wrap=True)
    return PASSED if report.outcome == "pass" else FAILED


def _chosen(wanted: argparse.Namespace) -> list[Scenario]:
    return load_scenarios(wanted.scenarios, tags=wanted.tag, ids=wanted.scenario)


def _new_folder() -> Path:
    outputs = os.environ.get("OUTPUTS_DIR", "evaluator/outputs")
    return Path(outputs) / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")


def _beside(name: str) -> Path:
    """A file that comes with the package: installed inside it, or in the checkout two folders up."""
    installed = Path(__file__).parent / name
    return installed if installed.exists() else Path(__file__).parents[2] / name
