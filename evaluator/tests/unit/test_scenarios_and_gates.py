"""Scenarios and gates are data that is checked before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from avatar_evaluator.gates import Gate, GatesUnreadable, judge, load_gates
from avatar_evaluator.scenario import Scenario, ScenarioUnreadable, load_scenarios
from avatar_evaluator.score import Score, Value

ROOT = Path(__file__).parents[2]
GOOD = "- {id: b, language: en, text: Hi, tags: [ci, short]}\n- {id: a, language: es_mx, text: Hola}\n"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioUnreadable, match="nowhere"):
        load_scenarios(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"{id: a, language: en, text: ''}", "text"),
        (b"{id: a, language: 'no language', text: x}", "language"),
        (b"{id: ../a, language: en, text: x}", "id"),
        (b"{id: a, language: en, text: x, colour: red}", "colour"),
        (b"{id: a, language: en, text: x, limit_s: 0}", "limit_s"),
        (b"[1, 2]", "valid"),
        (b"", "valid"),
        (b"{id: a", "YAML"),
        (b"\xff\xfe\x00", "YAML"),
    ],
)
def test_a_fault_names_file_and_field(tmp_path: Path, content: bytes, fault: str) -> None:
    (tmp_path / "bad.yaml").write_bytes(content)
    with pytest.raises(ScenarioUnreadable, match=rf"(?s)bad\.yaml.*{fault}"):
        load_scenarios(tmp_path)


def test_an_id_that_is_twice_there_or_unknown_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    with pytest.raises(ScenarioUnreadable, match="no scenario 'zz'"):
        load_scenarios(tmp_path, ids=["zz"])
    (tmp_path / "b.yaml").write_text(GOOD)
    with pytest.raises(ScenarioUnreadable, match="twice"):
        load_scenarios(tmp_path)


def test_scenarios_are_chosen_by_tag_and_id_in_order_of_id(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    assert [s.id for s in load_scenarios(tmp_path)] == ["a", "b"]
    assert [s.id for s in load_scenarios(tmp_path, tags=["ci", "short"])] == ["b"]
    assert load_scenarios(tmp_path, tags=["ci", "long"]) == []
    assert [s.id for s in load_scenarios(tmp_path, ids=["a"])] == ["a"]


def test_a_scenario_becomes_the_body_of_a_request() -> None:
    scenario = Scenario(id="a", language="ES_mx", text="Hola", voice="narrator", options={"seed": 7})
    assert scenario.body() == {"text": "Hola", "language": "es-MX", "voice": "narrator", "seed": 7}


def test_the_scenarios_that_come_along_speak_three_languages_short_and_medium() -> None:
    scenarios = load_scenarios(ROOT / "scenarios", tags=["ci"])
    found = {(s.language.split("-")[0], s.id.split("_")[1]) for s in scenarios}
    assert found == {(lang, length) for lang in ("en", "zh", "es") for length in ("short", "medium")}


@pytest.mark.parametrize(
    "content",
    [
        "- {metric: audio.loudness}",
        "- {metric: audio.beauty, min: 1}",
        "- {metric: audio.loudness, minimum: 1}",
        "audio.loudness",
        "3",
        "{",
    ],
)
def test_a_gate_that_means_nothing_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "gates.yaml").write_text(content)
    with pytest.raises(GatesUnreadable, match=r"gates\.yaml"):
        load_gates(tmp_path / "gates.yaml")


def test_missing_gates_are_named(tmp_path: Path) -> None:
    with pytest.raises(GatesUnreadable, match="absent"):
        load_gates(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("gate", "value", "outcome"),
    [
        (Gate(metric="audio.loudness", min=-18, max=-14), -16.0, "pass"),
        (Gate(metric="audio.loudness", min=-18, max=-14), -14.0, "pass"),
        (Gate(metric="audio.loudness", min=-18, max=-14), -13.9, "fail"),
        (Gate(metric="audio.loudness", min=-18), -20.0, "fail"),
        (Gate(metric="container.av_difference", abs_max=1), -1.5, "fail"),
        (Gate(metric="container.av_difference", abs_max=1), -0.5, "pass"),
        (Gate(metric="container.video_codec", equals="h264"), "h264", "pass"),
        (Gate(metric="container.video_codec", equals="h264"), "vp9", "fail"),
        (Gate(metric="container.video_codec", min=1), "h264", "fail"),
        (Gate(metric="audio.loudness", min=-18), float("nan"), "fail"),
    ],
)
def test_a_gate_judges_a_value(gate: Gate, value: Value, outcome: str) -> None:
    (verdict,) = judge([gate], {gate.metric: Score(value=value)})
    assert verdict.outcome == outcome


def test_a_missing_value_fails_a_required_gate_and_skips_the_others() -> None:
    scores = {"audio.loudness": Score.missing("the sound is silent", "LUFS")}
    required, optional = (Gate(metric="audio.loudness", min=-18, required=r) for r in (True, False))
    verdicts = judge([required, optional], scores)
    assert [v.outcome for v in verdicts] == ["fail", "skipped"]
    assert verdicts[0].reason == "the sound is silent"


def test_a_score_in_error_fails_its_gate() -> None:
    score = Score(value="128×128", status="error", reason="the job promised 512×512")
    (verdict,) = judge(
        [Gate(metric="container.picture_size", equals="128×128")], {"container.picture_size": score}
    )
    assert verdict.outcome == "fail"


def test_the_gates_that_come_along_are_valid() -> None:
    assert len(load_gates(ROOT / "gates.yaml")) >= 8
