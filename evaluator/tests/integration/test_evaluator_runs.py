"""The evaluator against a scriptable runtime: what it asks, writes, and answers with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_runtime import FakeRuntime, Take
from synthetic_video import Recipe, make_video

from avatar_contracts.problems import AtCapacity, EngineFailed, UnsupportedLanguage
from avatar_evaluator.cli import main
from avatar_evaluator.runtime_client import NotDelivered, RuntimeClient, RuntimeUnreachable
from avatar_evaluator.scenario import Scenario

GATES = """
- {metric: container.video_codec, equals: h264}
- {metric: container.audio_codec, equals: aac}
- {metric: container.av_difference, abs_max: 1.0}
- {metric: container.frame_timing, max: 0}
- {metric: sync.offset, abs_max: 45, required: false}
"""
SCENARIOS = """
- {id: en_a, language: en, text: Hello., tags: [ci]}
- {id: es_a, language: es, text: Hola., tags: [ci], options: {seed: 3}}
- {id: zh_long, language: zh, text: 你好。}
"""


@pytest.fixture(scope="module")
def good_video() -> bytes:
    return make_video(Recipe())


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "all.yaml").write_text(SCENARIOS, encoding="utf-8")
    (tmp_path / "gates.yaml").write_text(GATES)
    return tmp_path


def evaluate(workplace: Path, runtime: FakeRuntime, *more: str) -> tuple[int, dict[str, Any]]:
    """The exit code of ``run`` and the report it wrote."""
    out = workplace / "out"
    code = main(
        [
            *("run", "--url", "http://fake", "--scenarios", str(workplace / "scenarios")),
            *("--gates", str(workplace / "gates.yaml"), "--out", str(out)),
            *("--models", str(workplace), *more),
        ],
        httpx.ASGITransport(runtime.app(), raise_app_exceptions=False),
    )
    report: dict[str, Any] = json.loads((out / "report.json").read_text(encoding="utf-8"))
    return code, report


def always(take: Take) -> Callable[[dict[str, Any]], Take]:
    return lambda body: take


def test_a_refused_request_fails_the_run_and_the_others_still_run(
    workplace: Path, good_video: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(body: dict[str, Any]) -> Take:
        refusal = UnsupportedLanguage("No voice speaks es.") if body["language"] == "es" else None
        return Take(good_video, refuse=refusal)

    code, report = evaluate(workplace, FakeRuntime(script), "--tag", "ci")
    assert code == 1
    english, spanish = report["results"]
    assert english["failure"] is None
    assert spanish["failure"] == {"slug": "unsupported-language", "detail": "No voice speaks es."}
    assert "No voice speaks es." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("take", "slug"),
    [
        (Take(polls=2, fail=EngineFailed("A worker ended.")), "engine-failed"),
        (Take(refuse=AtCapacity("Full.", retry_after_s=1)), "at-capacity"),
        (Take(nonsense=b"{}"), "no-job"),
        (Take(nonsense=b"<html>"), "no-job"),
        (Take(lose_video=True), "no-video"),
        (Take(claims={"video_url": None}), "no-video"),
        (Take(b"this is no video"), "media-unreadable"),
    ],
)
def test_every_way_of_not_delivering_is_named(workplace: Path, take: Take, slug: str) -> None:
    code, report = evaluate(workplace, FakeRuntime(always(take)), "--scenario", "en_a", "--no-warm-up")
    assert code == 1
    assert report["results"][0]["failure"]["slug"] == slug


def test_a_video_that_breaks_a_gate_fails_the_run(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = make_video(Recipe(drop_frame=10, audio_longer_s=0.5))
    code, report = evaluate(workplace, FakeRuntime(always(Take(bad))), "--scenario", "en_a")
    assert code == 1
    outcomes = {v["metric"]: v["outcome"] for v in report["results"][0]["verdicts"]}
    assert outcomes == {
        "container.video_codec": "pass",
        "container.audio_codec": "pass",
        "container.av_difference": "fail",
        "container.frame_timing": "fail",
        "sync.offset": "skipped",
    }
    assert "container.frame_timing" in capsys.readouterr().out


def test_a_good_run_passes_and_keeps_videos_and_scores(workplace: Path, good_video: bytes) -> None:
    runtime = FakeRuntime(always(Take(good_video)))
    code, report = evaluate(workplace, runtime, "--tag", "ci", "--repeat", "2")
    assert code == 0
    assert [r["scenario"]["id"] for r in report["results"]] == ["en_a", "en_a", "es_a", "es_a"]
    assert report["cold"]["verdicts"] == []
    assert report["runtime"]["version"] == "fake"
    assert report["schema_version"] == 1
    first = report["results"][0]
    assert (workplace / "out" / first["video"]).read_bytes() == good_video
    assert first["engines"]["render"] == "mesh"
    assert first["scores"]["latency.reported"]["details"]["render"] == 640.5
    assert first["scores"]["voice.speaker_similarity"]["status"] == "not_scored"
    assert runtime.requests[0] == {"text": "Hello.", "language": "en"}
    assert runtime.requests[-1] == {"text": "Hola.", "language": "es", "seed": 3}
    assert len(runtime.requests) == 5


def test_a_job_that_is_not_done_at_once_is_waited_for(workplace: Path, good_video: bytes) -> None:
    runtime = FakeRuntime(always(Take(good_video, polls=2)))
    code, report = evaluate(workplace, runtime, "--scenario", "en_a", "--no-warm-up")
    assert code == 0
    latency = report["results"][0]["scores"]["latency.time_to_result"]
    assert latency["details"]["first_answer_s"] < latency["value"]


def test_no_runtime_or_another_service_ends_before_anything_is_asked(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def other(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text="It works!")

    arguments = ["run", "--url", "http://fake", "--scenarios", str(workplace / "scenarios")]
    assert main(arguments, httpx.MockTransport(other)) == 2
    assert "no runtime answers at http://fake" in capsys.readouterr().err


def test_wrong_scenarios_end_before_anything_is_asked(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for more, fault in ((["--tag", "none"], "no scenario"), (["--scenario", "zz"], "zz")):
        assert main(["run", "--scenarios", str(workplace / "scenarios"), *more]) == 2
        assert fault in capsys.readouterr().err


def test_list_shows_the_scenarios(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--scenarios", str(workplace / "scenarios"), "--tag", "ci"]) == 0
    shown = capsys.readouterr().out
    assert "en_a" in shown
    assert "zh_long" not in shown


def test_score_judges_any_file(
    workplace: Path, good_video: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = workplace / "some.mp4"
    path.write_bytes(good_video)
    assert main(["score", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["container.video_codec"]["value"] == "h264"
    assert main(["score", str(path)]) == 0
    assert "audio.loudness" in capsys.readouterr().out
    path.write_bytes(make_video(Recipe(drop_frame=10)))
    assert main(["score", str(path), "--gates", str(workplace / "gates.yaml")]) == 1
    path.write_bytes(b"no video")
    assert main(["score", str(path)]) == 2


async def test_waiting_ends_at_the_scenarios_limit(tmp_path: Path) -> None:
    runtime = FakeRuntime(always(Take(polls=10**9)))
    scenario = Scenario(id="a", language="en", text="Hi", limit_s=0.2)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(runtime.app()), base_url="http://fake"
    ) as http:
        with pytest.raises(NotDelivered, match=r"not finished after 0\.2 s"):
            await RuntimeClient(http, poll_s=0.01).record(scenario, tmp_path / "x.mp4")


async def test_the_clock_is_the_clients_own(tmp_path: Path, good_video: bytes) -> None:
    now_s = [100.0]

    async def sleep(seconds: float) -> None:
        now_s[0] += seconds

    runtime = FakeRuntime(always(Take(good_video, polls=4)))
    transport = httpx.ASGITransport(runtime.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://fake") as http:
        client = RuntimeClient(http, poll_s=0.5, clock_s=lambda: now_s[0], sleep=sleep)
        delivery = await client.record(Scenario(id="a", language="en", text="Hi"), tmp_path / "x.mp4")
    assert (delivery.answer_s, delivery.result_s) == (0.0, 2.0)


async def test_a_broken_connection_is_not_delivered(tmp_path: Path) -> None:
    async def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(broken), base_url="http://fake") as http:
        client = RuntimeClient(http)
        with pytest.raises(NotDelivered, match="ConnectError"):
            await client.record(Scenario(id="a", language="en", text="Hi"), tmp_path / "x.mp4")
        with pytest.raises(RuntimeUnreachable):
            await client.health()
