"""``POST /api/v1/generate`` from the outside: every refusal first, then what works."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_gpu import FakeGpu
from live_runtime import (
    GENERATE,
    HELLO,
    PNG,
    WAV,
    eventually,
    job_when,
    problem_of,
    running,
    serving,
    settings_in,
)

from avatar_contracts.problems import EngineFailed, NoFace
from avatar_runtime.app import create_app

JSON = {"Content-Type": "application/json"}

REFUSALS: list[tuple[str, dict[str, Any], int, str]] = [
    ("an empty text", {"text": ""}, 422, "text-empty"),
    ("a text without a word", {"text": " ?! "}, 422, "text-empty"),
    ("100,000 characters", {"text": "word " * 20_000}, 422, "text-too-long"),
    ("a language nobody speaks", {"language": "tlh"}, 422, "unsupported-language"),
    ("what is no language", {"language": "?"}, 422, "invalid-request"),
    ("an unknown field", {"resolutoin": 512}, 422, "invalid-request"),
    ("a photo that is not there", {"reference_image": "nobody.png"}, 404, "asset-not-found"),
    ("a text file as photo", {"reference_image": "readme.txt"}, 404, "asset-not-found"),
    ("a damaged photo", {"reference_image": "broken.png"}, 422, "image-unreadable"),
    ("a photo without a face", {"reference_image": "landscape.png"}, 422, "no-face"),
    ("a voice that is not there", {"voice": "nobody"}, 404, "asset-not-found"),
    ("a path as photo", {"reference_image": "../../etc/passwd"}, 422, "name-unsafe"),
    ("an absolute path as photo", {"reference_image": "/etc/passwd"}, 422, "name-unsafe"),
    ("a path as voice", {"voice": "..\\secret.wav"}, 422, "name-unsafe"),
    ("a NUL in a name", {"voice": "maria\x00.wav"}, 422, "name-unsafe"),
    ("an odd size", {"size_px": 333}, 422, "invalid-request"),
    ("an engine that is not there", {"engines": {"render": "paint"}}, 422, "engine-not-found"),
    ("an engine that cannot run", {"engines": {"speech": "grand"}}, 503, "engine-unavailable"),
]


@pytest.mark.parametrize(
    ("change", "status", "slug"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS]
)
async def test_a_bad_request_is_a_problem_and_the_next_one_works(
    tmp_path: Path, change: dict[str, Any], status: int, slug: str
) -> None:
    gpu = FakeGpu()
    async with running(tmp_path, gpu) as client:
        problem = problem_of(await client.post(GENERATE, json={**HELLO, **change}))
        assert (problem.status, problem.slug) == (status, slug)
        assert gpu.performed == []
        assert (await client.get("/api/v1/jobs")).json()["data"] == []
        assert (await client.post(GENERATE, json=HELLO)).status_code == 200


@pytest.mark.parametrize(
    ("body", "headers", "status", "slug"),
    [
        (b'{"text": "\xff\xfe", "language": "en"}', JSON, 400, "malformed-body"),
        (b"{", JSON, 400, "malformed-body"),
        (b"", JSON, 400, "malformed-body"),
        (b'{"text": "\\ud800", "language": "en"}', JSON, 400, "malformed-body"),
        (b'["text"]', JSON, 422, "invalid-request"),
        (b"[" * 100_000, JSON, 400, "malformed-body"),
        (b"hello", {"Content-Type": "text/plain"}, 415, "unsupported-media-type"),
        (b"hello", {}, 415, "unsupported-media-type"),
        (b"hello", {"Content-Type": "multipart/form-data"}, 400, "malformed-body"),
        (b"hello", {"Content-Type": "multipart/form-data; boundary=x"}, 400, "malformed-body"),
        (b"x" * 3_000_000, JSON, 413, "payload-too-large"),
    ],
)
async def test_a_body_that_cannot_be_read_is_a_problem(
    tmp_path: Path, body: bytes, headers: dict[str, str], status: int, slug: str
) -> None:
    async with running(tmp_path, FakeGpu()) as client:
        problem = problem_of(await client.post(GENERATE, content=body, headers=headers))
        assert (problem.status, problem.slug) == (status, slug)
        assert (await client.post(GENERATE, json=HELLO)).status_code == 200


@pytest.mark.parametrize(
    ("field", "name", "data", "status", "slug"),
    [
        ("reference_image", "a.png", b"Dear diary, no image", 422, "image-unreadable"),
        ("reference_image", "a.png", b"", 422, "image-unreadable"),
        ("reference_image", "a.png", PNG + b"NOFACE", 422, "no-face"),
        ("reference_image", "a.png", PNG + b"CORRUPT", 422, "image-unreadable"),
        ("reference_image", "..%2F..%2Fx.png", PNG, 422, "name-unsafe"),
        ("reference_image", "../../x.png", PNG, 422, "name-unsafe"),
        ("reference_image", "a.png", PNG + b"x" * 20_000, 413, "payload-too-large"),
        ("voice", "a.wav", WAV + b"SHORT", 422, "speech-too-short"),
        ("voice", "a.wav", PNG, 422, "audio-unreadable"),
        ("portrait", "a.png", PNG, 415, "unsupported-media-type"),
    ],
)
async def test_a_bad_upload_is_refused_before_the_job_exists(
    tmp_path: Path, field: str, name: str, data: bytes, status: int, slug: str
) -> None:
    gpu = FakeGpu()
    form = {"text": "Hello.", "language": "en", "size_px": "128"}
    async with running(tmp_path, gpu, max_upload_bytes=16_384) as client:
        answer = await client.post(GENERATE, data=form, files={field: (name, data)})
        problem = problem_of(answer)
        assert (problem.status, problem.slug) == (status, slug)
        assert (await client.get("/api/v1/jobs")).json()["data"] == []
        assert (await client.post(GENERATE, json=HELLO)).status_code == 200
    assert list((tmp_path / "data" / "library").rglob("*.part")) == []
    assert not [path for path in (tmp_path / "data" / "library").rglob("*") if path.is_file()]


async def test_an_unreachable_gpu_service_is_told_and_the_runtime_stays_up(tmp_path: Path) -> None:
    settings = settings_in(
        tmp_path, use_external_gpu_service=True, gpu_service_url="http://127.0.0.1:9", retry_for_s=0.1
    )
    async with serving(create_app(settings)) as client:
        health = (await client.get("/health")).json()
        assert health["status"] == "degraded"
        assert "cannot be reached" in health["detail"]
        problem = problem_of(await client.post(GENERATE, json={**HELLO, "reference_image": "x"}))
        assert problem.slug == "asset-not-found"
        (tmp_path / "assets" / "images").mkdir(parents=True)
        (tmp_path / "assets" / "images" / "astronaut.png").write_bytes(PNG)
        problem = problem_of(await client.post(GENERATE, json=HELLO))
        assert problem.slug == "gpu-service-unreachable"
        assert problem.retryable


async def test_the_call_of_the_readme_gives_a_video(tmp_path: Path) -> None:
    gpu = FakeGpu()
    async with running(tmp_path, gpu) as client:
        answer = await client.post(
            GENERATE,
            json={"text": "Hello from GPU acceleration!", "language": "en", "reference_image": "astronaut"},
        )
        assert answer.status_code == 200
        job = answer.json()
        assert answer.headers["location"] == f"/api/v1/jobs/{job['id']}"
        assert (job["status"], job["progress"], job["segments_done"]) == ("completed", 100.0, 1)
        assert [warning["code"] for warning in job["warnings"]] == ["dark", "fake"]
        assert {"speech", "render", "perform", "assemble", "total"} <= set(job["timings_ms"])
        video = await client.get(job["video_url"])
        assert video.headers["content-type"] == "video/mp4"
        assert video.content[4:8] == b"ftyp"
        assert len(video.content) == job["size_bytes"]
        assert (await client.get(f"/api/v1/jobs/{job['id']}")).json() == job
    assert [request.render.size_px for request in gpu.performed] == [None]


@pytest.mark.parametrize(
    ("headers", "extra"),
    [({"Prefer": "respond-async"}, {}), ({}, {"async": True}), ({"Prefer": "respond-async, wait=0"}, {})],
)
async def test_a_caller_who_does_not_wait_gets_the_job_at_once(
    tmp_path: Path, headers: dict[str, str], extra: dict[str, Any]
) -> None:
    gpu = FakeGpu(hold_after=3)
    async with running(tmp_path, gpu) as client:
        answer = await client.post(GENERATE, json={**HELLO, **extra}, headers=headers)
        assert answer.status_code == 202
        assert answer.json()["status"] in {"queued", "processing"}
        assert answer.json()["video_url"] is None
        gpu.released.set()
        job = await job_when(client, answer.json()["id"], "completed")
        assert (await client.head(job["video_url"])).status_code == 200


async def test_a_film_that_takes_longer_than_the_limit_is_answered_with_the_job(tmp_path: Path) -> None:
    gpu = FakeGpu(hold_after=3)
    async with running(tmp_path, gpu, generate_wait_s=0.1) as client:
        answer = await client.post(GENERATE, json=HELLO)
        assert answer.status_code == 202
        assert answer.headers["location"] == f"/api/v1/jobs/{answer.json()['id']}"
        gpu.released.set()
        await job_when(client, answer.json()["id"], "completed")


async def test_a_failure_of_the_engine_is_told_to_the_caller_who_waits(tmp_path: Path) -> None:
    gpu = FakeGpu(fail_with=[NoFace("The face left the picture.")])
    async with running(tmp_path, gpu) as client:
        problem = problem_of(await client.post(GENERATE, json=HELLO))
        assert problem.slug == "no-face"
        assert problem.model_extra is not None
        job = (await client.get(f"/api/v1/jobs/{problem.model_extra['job_id']}")).json()
        assert job["status"] == "failed"
        assert job["error"]["detail"] == "The face left the picture."
        assert (await client.post(GENERATE, json=HELLO)).status_code == 200


async def test_an_engine_that_fails_once_is_tried_again(tmp_path: Path) -> None:
    gpu = FakeGpu(fail_with=[EngineFailed("A worker died.")])
    async with running(tmp_path, gpu) as client:
        assert (await client.post(GENERATE, json=HELLO)).status_code == 200
    assert len(gpu.performed) == 2


async def test_a_stream_that_breaks_off_is_performed_again(tmp_path: Path) -> None:
    gpu = FakeGpu(break_after=[6])
    async with running(tmp_path, gpu) as client:
        assert (await client.post(GENERATE, json=HELLO)).status_code == 200
    assert len(gpu.performed) == 2
    assert len({request.task_id for request in gpu.performed}) == 2


async def test_a_service_that_is_full_is_asked_again(tmp_path: Path) -> None:
    gpu = FakeGpu(busy=1)
    async with running(tmp_path, gpu) as client:
        assert (await client.post(GENERATE, json=HELLO)).status_code == 200


async def test_forgotten_enrolments_are_sent_again(tmp_path: Path) -> None:
    gpu = FakeGpu(forget_before=1)
    async with running(tmp_path, gpu) as client:
        answer = await client.post(GENERATE, json={**HELLO, "voice": "maria"})
        assert answer.status_code == 200
    assert len(gpu.uploads) == 4
    assert len(set(gpu.uploads)) == 2


async def test_of_a_photo_of_several_people_the_largest_face_is_taken_where_that_is_asked(
    tmp_path: Path,
) -> None:
    gpu = FakeGpu(several_faces=True)
    async with running(tmp_path, gpu) as client:
        refused = await client.post(GENERATE, json=HELLO)
        assert (refused.status_code, refused.json()["faces"]) == (422, 2)
        gpu.forget_before = 1
        answer = await client.post(GENERATE, json={**HELLO, "pick_face": "largest"})
        assert answer.status_code == 200
        assert "several-faces" in [warning["code"] for warning in answer.json()["warnings"]]
    assert len(gpu.uploads) == 3


async def test_a_known_portrait_is_not_uploaded_again(tmp_path: Path) -> None:
    gpu = FakeGpu()
    async with running(tmp_path, gpu) as client:
        for _ in range(3):
            assert (await client.post(GENERATE, json=HELLO)).status_code == 200
    assert len(gpu.uploads) == 1


async def test_a_form_with_files_makes_a_film_of_them(tmp_path: Path) -> None:
    gpu = FakeGpu()
    form = {
        "text": "你好。",
        "language": "zh-cn",
        "size_px": "128",
        "fps": "30000/1001",
        "engines.render": "grey",
    }
    files = {"reference_image": ("我.png", PNG + b"me"), "voice": ("me.wav", WAV + b"me")}
    async with running(tmp_path, gpu) as client:
        answer = await client.post(GENERATE, data=form, files=files)
        assert answer.status_code == 200, answer.text
        assert answer.json()["fps"] == "30000/1001"
        assert answer.json()["language"] == "zh-CN"
        names = [p["name"] for p in (await client.get("/api/v1/portraits")).json()["data"]]
        assert "我.png" not in names
    request = gpu.performed[0]
    assert gpu.portraits[request.portrait] == PNG + b"me"
    assert request.speech.voice is not None
    assert gpu.voices[request.speech.voice] == WAV + b"me"


@pytest.mark.parametrize(
    ("change", "voice"),
    [
        ({}, None),
        ({"language": "es-MX"}, WAV + b"una voz"),
        ({"voice": "maria.wav"}, WAV + b"a voice"),
        ({"voice": "assets/voice/maria.wav"}, WAV + b"a voice"),
        ({"voice": "clacker"}, "clacker"),
    ],
)
async def test_a_voice_is_a_recording_a_built_in_name_or_that_of_the_language(
    tmp_path: Path, change: dict[str, Any], voice: bytes | str | None
) -> None:
    gpu = FakeGpu()
    async with running(tmp_path, gpu) as client:
        assert (await client.post(GENERATE, json={**HELLO, **change})).status_code == 200
    asked = gpu.performed[0].speech.voice
    assert (gpu.voices.get(asked, asked) if asked else None) == voice


async def test_options_reach_the_gpu_service(tmp_path: Path) -> None:
    gpu = FakeGpu()
    options = {
        "size_px": 256, "fps": 30, "speed": 1.25, "seed": 7, "expressiveness": 0.9, "head_motion": 0.1,
        "emotion": "happy", "likeness": 0.8,
        "engines": {"speech": "fake", "motion": "still", "render": "grey"},
    }  # fmt: skip
    async with running(tmp_path, gpu) as client:
        assert (await client.post(GENERATE, json={**HELLO, **options})).status_code == 200
    asked = gpu.performed[0]
    assert (asked.speech.speed, asked.speech.likeness, asked.speech.emotion) == (1.25, 0.8, "happy")
    assert (asked.motion.seed, asked.motion.expressiveness, asked.motion.head_motion) == (7, 0.9, 0.1)
    assert (asked.render.size_px, asked.render.frame_rate.num) == (256, 30)
    assert (asked.speech.engine, asked.motion.engine, asked.render.engine) == ("fake", "still", "grey")


async def test_a_running_job_is_cancelled_here_and_over_there(tmp_path: Path) -> None:
    gpu = FakeGpu(hold_after=4)
    async with running(tmp_path, gpu) as client:
        waiting = asyncio.create_task(client.post(GENERATE, json=HELLO))
        await eventually(lambda: bool(gpu.performed))
        job_id = (await client.get("/api/v1/jobs")).json()["data"][0]["id"]
        cancelled = (await client.post(f"/api/v1/jobs/{job_id}/cancel")).json()
        assert cancelled["status"] == "canceled"
        problem = problem_of(await waiting)
        assert problem.slug == "task-cancelled"
        assert gpu.cancelled == [gpu.performed[0].task_id]
        again = (await client.post(f"/api/v1/jobs/{job_id}/cancel")).json()
        assert again["status"] == "canceled"
    assert not (tmp_path / "data" / "jobs" / job_id).exists()


async def test_the_timeline_places_words_in_the_whole_film(tmp_path: Path) -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 40
    async with running(tmp_path, FakeGpu()) as client:
        job = (await client.post(GENERATE, json={**HELLO, "text": text})).json()
        timeline = (await client.get(f"/api/v1/jobs/{job['id']}/timeline")).json()
    assert job["segments"] == 2
    assert len(timeline["segments"]) == 2
    second = timeline["words"][1]
    assert second["start"] > timeline["segments"][1]
    assert text[second["text_start"] : second["text_end"]] == second["text"] == "The"


async def test_routes_that_do_not_exist_are_problems(tmp_path: Path) -> None:
    async with running(tmp_path, FakeGpu()) as client:
        assert problem_of(await client.get("/api/v1/nothing")).slug == "not-found"
        assert problem_of(await client.get(GENERATE)).slug == "method-not-allowed"
        assert problem_of(await client.get("/api/v1/jobs/" + "0" * 32)).slug == "job-not-found"
        assert problem_of(await client.get("/api/v1/jobs/nonsense")).slug == "invalid-request"
        assert problem_of(await client.post("/api/v1/jobs/" + "0" * 32 + "/cancel")).slug == "job-not-found"


async def test_the_api_documents_itself(tmp_path: Path) -> None:
    async with running(tmp_path, FakeGpu()) as client:
        document = (await client.get("/openapi.json")).json()
        assert (await client.get("/docs")).status_code == httpx.codes.OK
    request_body = document["paths"][GENERATE]["post"]["requestBody"]["content"]
    assert request_body["application/json"]["schema"]["$ref"].endswith("/GenerateRequest")
    assert set(document["components"]["schemas"]["GenerateRequest"]["required"]) == {"text", "language"}


async def test_languages_and_engines_are_those_of_the_gpu_service(tmp_path: Path) -> None:
    async with running(tmp_path, FakeGpu()) as client:
        languages = (await client.get("/api/v1/languages")).json()
        engines = (await client.get("/api/v1/engines")).json()
    assert [language["tag"] for language in languages["data"]] == ["en", "es", "zh"]
    assert engines["defaults"]["render"] == "grey"
