"""The service as its clients see it: real HTTP on a socket, fake engines behind it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from live_service import PORTRAIT, live_service
from recordings import babble

from avatar_contracts.enrolment import MAX_TRANSCRIPT_CHARS, TRANSCRIPT_HEADER
from avatar_contracts.performance import PerformanceDone, PerformanceEvent, PerformanceStarted, Video
from avatar_contracts.problems import MEDIA_TYPE
from avatar_contracts.speech import Audio, Failed, Phones, SpeechDone, SpeechStarted, Words
from avatar_contracts.stream import CONTENT_TYPE, EventDecoder, performance_events, speech_events


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    with live_service(tmp_path, max_concurrent_tasks=2, max_waiting_tasks=1) as client:
        yield client


def performance(text: str, **changes: Any) -> dict[str, Any]:
    return {"speech": {"text": text, "language": "en"}, "portrait": PORTRAIT, **changes}


def perform(client: httpx.Client, body: dict[str, Any]) -> list[PerformanceEvent]:
    answer = client.post("/v1/performances", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == CONTENT_TYPE
    decoder = EventDecoder(performance_events)
    events = list(decoder.feed(answer.content))
    decoder.close()
    return events


def wait_until_running(client: httpx.Client, tasks: int) -> None:
    deadline = time.monotonic() + 10
    while client.get("/health").json()["running"] < tasks:
        assert time.monotonic() < deadline
        time.sleep(0.01)


# Error paths


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        (performance(""), 422, "invalid-request"),
        (performance("x" * 5001), 422, "invalid-request"),
        (performance("... !!"), 422, "text-empty"),
        (performance("Hi", portrait="0" * 64), 404, "portrait-not-enrolled"),
        (performance("Hi", portrait="../../etc/passwd"), 422, "invalid-request"),
        (performance("Hi", colour="red"), 422, "invalid-request"),
        (performance("Hi", render={"size_px": 333}), 422, "invalid-request"),
        (performance("Hi", render={"engine": "oil"}), 422, "engine-not-found"),
        ({**performance("Hi"), "speech": {"text": "Hi", "language": "xx"}}, 422, "unsupported-language"),
        ({**performance("Hi"), "speech": {"text": "Hi", "language": "en; drop"}}, 422, "invalid-request"),
        (
            {**performance("Hi"), "speech": {"text": "Hi", "language": "en", "voice": "a" * 64}},
            404,
            "voice-not-enrolled",
        ),
        (
            {**performance("Hi"), "speech": {"text": "Hi", "language": "en", "engine": "absent"}},
            503,
            "engine-unavailable",
        ),
        (performance("[boom]"), 500, "internal-error"),
        (performance("[die]"), 500, "engine-failed"),
    ],
)
def test_what_is_wrong_before_the_first_event_is_a_problem_document(
    client: httpx.Client, body: dict[str, Any], status: int, slug: str
) -> None:
    answer = client.post("/v1/performances", json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    problem = answer.json()
    assert problem["type"].endswith(":" + slug)
    assert problem["detail"]
    assert "secret" not in answer.text
    assert perform(client, performance("The next request works."))[-1].type == "performance.done"


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"speech": "\xff\xfe"}', "application/json", 400),
        (b"speech=hello", "application/x-www-form-urlencoded", 422),
        (b"", "application/json", 422),
    ],
)
def test_a_broken_body_is_a_problem_document(
    client: httpx.Client, content: bytes, content_type: str, status: int
) -> None:
    answer = client.post("/v1/performances", content=content, headers={"Content-Type": content_type})
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json()["detail"]


def test_a_failure_after_the_first_event_travels_in_band(client: httpx.Client) -> None:
    events = perform(client, performance("All is well. Then [boom] happens. Never said."))
    last = events[-1]
    assert isinstance(last, Failed)
    assert last.problem.slug == "internal-error"
    assert "secret" not in last.problem.detail
    assert any(isinstance(e, Audio) for e in events)


def test_an_upload_under_a_wrong_hash_is_refused(client: httpx.Client) -> None:
    answer = client.put("/v1/voices/" + "0" * 64, content=b"something")
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("hash-mismatch")


def test_an_upload_above_the_limit_is_refused(tmp_path: Path) -> None:
    with live_service(tmp_path, max_upload_bytes=2048) as client:
        data = bytes(4096)
        digest = sha256(data).hexdigest()
        declared = client.put(f"/v1/voices/{digest}", content=data)
        undeclared = client.put(f"/v1/portraits/{digest}", content=iter([data[:2000], data[2000:]]))
    assert declared.status_code == undeclared.status_code == 413
    assert declared.json()["limit_bytes"] == 2048


@pytest.mark.parametrize(
    "headers",
    [{"Content-Language": "not a tag"}, {TRANSCRIPT_HEADER: "a" * (MAX_TRANSCRIPT_CHARS + 1)}],
    ids=["language", "length"],
)
def test_what_is_told_wrongly_of_a_recording_is_refused(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    answer = client.put("/v1/voices/" + "0" * 64, content=b"something", headers=headers)

    assert answer.status_code == 422
    assert answer.json()["type"].endswith("invalid-request")


def test_the_words_of_a_recording_travel_percent_encoded(client: httpx.Client) -> None:
    data = babble(6)
    told = {"Content-Language": "zh-cn", TRANSCRIPT_HEADER: quote("你好，世界。")}

    answer = client.put(f"/v1/voices/{sha256(data).hexdigest()}", content=data, headers=told)

    assert answer.status_code == 200, answer.text
    assert answer.json()["language"] == "zh-CN"
    assert answer.json()["transcript"] == "你好，世界。"
    assert answer.json()["warnings"][-1]["code"] == "transcript-unused"


# The stream


@pytest.mark.parametrize(("num", "den"), [(25, 1), (30, 1), (30000, 1001), (60, 1)])
def test_frames_follow_from_the_samples(client: httpx.Client, num: int, den: int) -> None:
    body = performance("One. Two. Three.", render={"frame_rate": {"num": num, "den": den}, "size_px": 128})
    events = perform(client, body)
    done = events[-1]
    assert isinstance(done, PerformanceDone)
    videos = [e for e in events if isinstance(e, Video)]
    assert [v.pts for v in videos] == list(range(done.frames))
    assert done.frames == -(-done.samples * num // (24_000 * den))
    assert sum(len(e.pcm) // 2 for e in events if isinstance(e, Audio)) == done.samples


def test_the_opening_event_comes_first_and_the_audio_is_contiguous(client: httpx.Client) -> None:
    events = perform(client, performance("One. Two."))
    opening = events[0]
    assert isinstance(opening, PerformanceStarted)
    assert opening.codec_config.startswith(b"\x00\x00\x00\x01")
    position = 0
    for event in events:
        if isinstance(event, Audio):
            assert event.pts == position
            position += len(event.pcm) // 2
    phones = [p for e in events if isinstance(e, Phones) for p in e.phones]
    assert phones[0].start == 0
    assert phones[-1].end == position
    assert all(a.end == b.start for a, b in pairwise(phones))
    words = [w for e in events if isinstance(e, Words) for w in e.words]
    assert [w.text for w in words] == ["One.", "Two."]
    assert words[1].start > words[0].end


def test_speech_alone_streams_too(client: httpx.Client) -> None:
    answer = client.post("/v1/speech", json={"text": "One. Two.", "language": "es"})
    events = list(EventDecoder(speech_events).feed(answer.content))
    assert isinstance(events[0], SpeechStarted)
    assert events[0].sentences == 2
    assert isinstance(events[-1], SpeechDone)


def test_silence_before_and_after_is_as_long_as_asked(client: httpx.Client) -> None:
    short = perform(client, performance("One.", lead_in_ms=0, tail_ms=0))[-1]
    long = perform(client, performance("One.", lead_in_ms=500, tail_ms=1500))[-1]
    assert isinstance(short, PerformanceDone)
    assert isinstance(long, PerformanceDone)
    assert long.samples - short.samples == 2 * 24_000


# Admission and cancellation


def test_tasks_beyond_the_bound_are_answered_503_and_the_waiting_one_is_served(
    client: httpx.Client,
) -> None:
    answers: dict[str, httpx.Response] = {}

    def ask(task_id: str, text: str) -> None:
        answers[task_id] = client.post("/v1/performances", json=performance(text, task_id=task_id))

    threads = [threading.Thread(target=ask, args=(f"t{i}", "One. [hang]")) for i in range(2)]
    for thread in threads:
        thread.start()
    wait_until_running(client, 2)
    waiting = threading.Thread(target=ask, args=("t2", "Fine."))
    waiting.start()
    while client.get("/health").json()["waiting"] < 1:
        time.sleep(0.01)
    refused = client.post("/v1/performances", json=performance("Too many."))
    assert refused.status_code == 503
    assert refused.json()["type"].endswith("at-capacity")
    assert refused.json()["retryable"] is True
    assert int(refused.headers["retry-after"]) >= 1
    for task_id in ("t0", "t1"):
        assert client.delete(f"/v1/tasks/{task_id}").status_code == 204
    for thread in [*threads, waiting]:
        thread.join(10)
    assert answers["t2"].status_code == 200
    assert client.get("/health").json()["running"] == 0


def test_a_cancelled_task_ends_with_its_reason(client: httpx.Client) -> None:
    with client.stream("POST", "/v1/performances", json=performance("One. [hang]", task_id="mine")) as answer:
        chunks = answer.iter_raw()
        received = next(chunks)
        asked = time.monotonic()
        assert client.delete("/v1/tasks/mine").status_code == 204
        received += b"".join(chunks)
        assert time.monotonic() - asked < 5
    events = list(EventDecoder(performance_events).feed(received))
    assert isinstance(events[-1], Failed)
    assert events[-1].problem.slug == "task-cancelled"
    assert client.delete("/v1/tasks/mine").status_code == 404


def test_a_client_that_goes_away_frees_its_place(client: httpx.Client) -> None:
    with client.stream("POST", "/v1/performances", json=performance("One. [hang]")) as answer:
        next(answer.iter_raw())
    deadline = time.monotonic() + 10
    while client.get("/health").json()["running"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_task_id_in_use_is_refused(client: httpx.Client) -> None:
    with client.stream(
        "POST", "/v1/performances", json=performance("One. [hang]", task_id="twice")
    ) as answer:
        chunks = answer.iter_raw()
        next(chunks)
        second = client.post("/v1/performances", json=performance("Hi", task_id="twice"))
        client.delete("/v1/tasks/twice")
    assert second.status_code == 409


def test_metrics_count_what_happened(client: httpx.Client) -> None:
    perform(client, performance("One."))
    client.post("/v1/performances", json=performance("..."))
    text = client.get("/metrics").text
    assert 'avatar_gpu_tasks_total{kind="performance",outcome="done"} 1.0' in text
    assert 'outcome="text-empty"} 1.0' in text
    assert "avatar_gpu_frames_total" in text


def test_every_answer_carries_a_request_id(client: httpx.Client) -> None:
    assert client.get("/health", headers={"X-Request-Id": "abc-1"}).headers["x-request-id"] == "abc-1"
    missing = client.get("/nowhere")
    assert missing.status_code == 404
    assert missing.json()["request_id"] == missing.headers["x-request-id"]
