"""Two runs are compared by scenario; a run becomes one page that needs nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from avatar_evaluator.cli import main
from avatar_evaluator.compare import Change, ReportUnreadable, compare, load_report
from avatar_evaluator.controls import Control
from avatar_evaluator.gates import Verdict
from avatar_evaluator.page import page
from avatar_evaluator.run import Failure, Report, Result
from avatar_evaluator.scenario import Scenario
from avatar_evaluator.score import Score
from avatar_evaluator.statistics import bootstrap_mean

METRIC = "sync.score0"
NOISE = (0.01, -0.01, 0.02, -0.02, 0.0, 0.01, -0.01, 0.005)


def report(values: list[float], metric: str = METRIC, **changes: object) -> Report:
    results = tuple(
        Result(
            scenario=Scenario(id=f"s{i}", language="en", text="Hi <b>you</b>"),
            repeat=1,
            scores={metric: Score(value=v)},
        )
        for i, v in enumerate(values)
    )
    document = Report(
        started=datetime(2026, 1, 2, tzinfo=UTC),
        python="3",
        machine="m",
        url="http://x",
        runtime=None,
        results=results,
    )
    return document.model_copy(update=changes)


def only(changes: list[Change]) -> Change:
    (change,) = changes
    return change


def test_too_few_scenarios_say_nothing() -> None:
    assert bootstrap_mean([0.1, 0.2]) is None
    assert only(compare(report([0.5, 0.5]), report([0.1, 0.1]))).verdict == "inconclusive"


def test_nothing_in_common_is_nothing_to_compare() -> None:
    assert compare(report([0.5] * 4), report([3.0] * 4, "latency.rtf")) == []
    assert compare(report([0.5] * 4), report([])) == []


def test_a_clear_loss_is_worse_and_a_clear_gain_is_better() -> None:
    before, after = [0.5 + n for n in NOISE], [0.4 - n for n in NOISE]
    assert only(compare(report(before), report(after))).verdict == "worse"
    assert only(compare(report(after), report(before))).verdict == "better"


def test_a_difference_below_the_margin_is_unchanged_and_an_unclear_one_inconclusive() -> None:
    before = [0.5] * 8
    assert only(compare(report(before), report([0.5 + n for n in NOISE]))).verdict == "unchanged"
    assert only(compare(report(before), report([0.5 + 10 * n for n in NOISE]))).verdict == "inconclusive"


def test_an_offset_counts_by_its_magnitude() -> None:
    early, late = [-60.0] * 4, [20.0] * 4
    assert only(compare(report(early, "sync.offset"), report(late, "sync.offset"))).verdict == "better"


def test_speed_is_compared_as_a_fraction() -> None:
    change = only(compare(report([10.0] * 4, "latency.rtf"), report([10.5] * 4, "latency.rtf")))
    assert (change.margin, change.verdict) == (1.0, "unchanged")


def test_the_interval_holds_the_mean_and_is_the_same_each_time() -> None:
    found = bootstrap_mean([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found is not None
    assert 1.0 < found[0] < 3.0 < found[1] < 5.0
    assert found == bootstrap_mean([1.0, 2.0, 3.0, 4.0, 5.0])


def test_a_missing_or_foreign_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReportUnreadable, match=r"report\.json"):
        load_report(tmp_path)
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(ReportUnreadable, match="version"):
        load_report(tmp_path)
    assert main(["compare", str(tmp_path), str(tmp_path)]) == 2


def test_the_command_fails_where_something_became_worse(tmp_path: Path) -> None:
    for name, values in (("a", [0.5] * 4), ("b", [0.3] * 4)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text(report(values).model_dump_json())
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 1
    assert main(["compare", str(tmp_path / "b"), str(tmp_path / "a")]) == 0


def test_a_missed_control_fails_the_run() -> None:
    control = Control(
        fault="blur", metric="picture.sharpness", expectation="< 0.7", before=1.0, after=1.0, outcome="missed"
    )
    assert report([0.5]).outcome == "pass"
    assert report([0.5], controls=(control,)).outcome == "fail"
    assert report([0.5], controls=(control.model_copy(update={"outcome": "skipped"}),)).outcome == "pass"


def test_the_page_is_self_contained_and_escapes_what_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "s0.jpg").write_bytes(b"\xff\xd8jpeg")
    document = report([0.5, 0.6, 0.4])
    verdict = Verdict(metric=METRIC, rule="≥ 0.9", observed=0.5, outcome="fail")
    first = document.results[0].model_copy(
        update={"still": "s0.jpg", "sync_curve": tuple([0.1] * 121), "verdicts": (verdict,)}
    )
    second = document.results[1].model_copy(
        update={"failure": Failure(slug="x", detail="<script>alert(1)</script>")}
    )
    text = page(document.model_copy(update={"results": (first, second, document.results[2])}), tmp_path)
    assert "data:image/jpeg;base64,/9hqcGVn" in text
    assert "<polyline" in text
    assert "Hi &lt;b&gt;you" in text
    assert "<script" not in text
    assert "sync.score0 is 0.5, wanted ≥ 0.9" in text
    for outside in ("http-equiv", "src='http", "href=", "url("):
        assert outside not in text


def test_a_run_without_any_result_is_still_a_page(tmp_path: Path) -> None:
    assert "No control was run" in page(report([]), tmp_path)
