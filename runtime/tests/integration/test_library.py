"""Voices and portraits: what is installed, what is uploaded, and what is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from fake_gpu import FakeGpu
from live_runtime import GENERATE, HELLO, PNG, WAV, problem_of, running

PORTRAITS = "/api/v1/portraits"
VOICES = "/api/v1/voices"


@pytest.fixture
def gpu() -> FakeGpu:
    return FakeGpu()


@pytest.fixture
async def client(tmp_path: Path, gpu: FakeGpu) -> AsyncIterator[httpx.AsyncClient]:
    async with running(tmp_path, gpu, max_upload_bytes=4096) as found:
        yield found


async def names(client: httpx.AsyncClient, route: str) -> list[str]:
    return [entry["name"] for entry in (await client.get(route)).json()["data"]]


def stored(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "data" / "library").rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("route", "data", "status", "slug"),
    [
        (PORTRAITS, b"Dear diary", 422, "image-unreadable"),
        (PORTRAITS, b"", 422, "image-unreadable"),
        (PORTRAITS, WAV, 422, "image-unreadable"),
        (PORTRAITS, PNG + b"NOFACE", 422, "no-face"),
        (PORTRAITS, PNG + b"x" * 5000, 413, "payload-too-large"),
        (VOICES, b"Dear diary", 422, "audio-unreadable"),
        (VOICES, WAV + b"SHORT", 422, "speech-too-short"),
        (VOICES, WAV + b"x" * 5000, 413, "payload-too-large"),
    ],
)
@pytest.mark.parametrize("way", ["form", "raw"])
async def test_a_bad_file_is_refused_and_not_kept(
    client: httpx.AsyncClient, tmp_path: Path, way: str, route: str, data: bytes, status: int, slug: str
) -> None:
    before = await names(client, route)
    if way == "form":
        answer = await client.post(route, files={"file": ("mine", data)})
    else:
        answer = await client.post(route, content=data)
    assert (answer.status_code, problem_of(answer).slug) == (status, slug)
    assert await names(client, route) == before
    assert stored(tmp_path) == []


async def test_an_upload_that_grows_past_the_limit_is_cut_off(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield PNG
        while True:
            sent += 1024
            yield b"x" * 1024

    assert problem_of(await client.post(PORTRAITS, content=endless())).slug == "payload-too-large"
    assert sent < 64 * 1024
    assert stored(tmp_path) == []


@pytest.mark.parametrize("name", ["../x.png", "a/b.png", "C:\\x.png", ".x", "a\u202eb.png", "x" * 200])
async def test_a_bad_name_is_refused(client: httpx.AsyncClient, tmp_path: Path, name: str) -> None:
    answer = await client.post(PORTRAITS, content=PNG, params={"name": name})
    assert problem_of(answer).slug == "name-unsafe"
    answer = await client.post(PORTRAITS, files={"file": ("a.png", PNG)}, data={"name": name})
    assert problem_of(answer).slug == "name-unsafe"
    assert stored(tmp_path) == []


@pytest.mark.parametrize(
    ("files", "data", "slug"),
    [
        ({"photo": ("a.png", PNG)}, {}, "unsupported-media-type"),
        ({}, {"name": "a.png"}, "image-unreadable"),
        ({"file": ("a.png", PNG)}, {"title": "a"}, "invalid-request"),
    ],
)
async def test_a_form_of_another_shape_is_refused(
    client: httpx.AsyncClient, files: dict[str, tuple[str, bytes]], data: dict[str, str], slug: str
) -> None:
    answer = await client.post(PORTRAITS, files=files, data=data)
    assert problem_of(answer).slug == slug


async def test_an_uploaded_photo_is_listed_with_what_was_found_and_can_be_used(
    client: httpx.AsyncClient, gpu: FakeGpu, tmp_path: Path
) -> None:
    data = PNG + b"my face"
    digest = sha256(data).hexdigest()
    answer = await client.post(PORTRAITS, files={"file": ("me.png", data)})
    assert answer.status_code == 201
    document = answer.json()
    assert (document["name"], document["sha256"], document["source"]) == ("me.png", digest, "uploaded")
    assert document["enrolment"]["warnings"][0]["code"] == "dark"
    assert document in (await client.get(PORTRAITS)).json()["data"]
    assert stored(tmp_path) == [digest]
    for name in ("me.png", "me", digest):
        answer = await client.post(GENERATE, json={**HELLO, "reference_image": name})
        assert answer.status_code == 200
    assert {request.portrait for request in gpu.performed} == {digest}


async def test_a_raw_upload_takes_its_name_from_the_query(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        VOICES, content=WAV + b"hi", params={"name": "Ana.wav"}, headers={"Content-Type": "audio/wav"}
    )
    assert answer.json()["name"] == "Ana.wav"
    assert answer.json()["media_type"] == "audio/wav"
    unnamed = (await client.post(VOICES, content=WAV + b"ho")).json()
    assert unnamed["name"] == f"{unnamed['sha256'][:12]}.wav"


async def test_the_same_bytes_again_are_the_same_entry(client: httpx.AsyncClient) -> None:
    first = (await client.post(PORTRAITS, files={"file": ("me.png", PNG)})).json()
    second = (await client.post(PORTRAITS, files={"file": ("other.png", PNG)})).json()
    assert first == second
    assert (await names(client, PORTRAITS)).count("me.png") == 1


async def test_the_same_bytes_from_many_callers_at_once_are_one_entry(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *(client.post(VOICES, files={"file": ("me.wav", WAV + b"me")}) for _ in range(8))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert (await names(client, VOICES)).count("me.wav") == 1


async def test_other_bytes_under_a_taken_name_get_a_name_of_their_own(client: httpx.AsyncClient) -> None:
    await client.post(PORTRAITS, files={"file": ("me.png", PNG + b"1")})
    second = (await client.post(PORTRAITS, files={"file": ("me.png", PNG + b"2")})).json()
    assert second["name"] == f"me-{second['sha256'][:8]}.png"
    third = (await client.post(PORTRAITS, files={"file": ("astronaut.png", PNG + b"3")})).json()
    assert third["name"] == f"astronaut-{third['sha256'][:8]}.png"


async def test_only_images_of_the_assets_folder_are_portraits(client: httpx.AsyncClient) -> None:
    assert await names(client, PORTRAITS) == ["astronaut.png", "broken.png", "landscape.png"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"language": "not a tag"}, "language"),
        ({"language": "en", "transcript": "word " * 500}, "transcript"),
        ({"lang": "en"}, "lang"),
    ],
    ids=["language", "length", "field"],
)
async def test_what_a_form_tells_wrongly_of_a_recording_is_refused(
    client: httpx.AsyncClient, data: dict[str, str], says: str
) -> None:
    answer = await client.post(VOICES, files={"file": ("me.wav", WAV + b"me")}, data=data)

    assert answer.status_code == 422
    assert says in problem_of(answer).detail


async def test_the_language_and_the_words_of_a_recording_reach_the_gpu_service(
    client: httpx.AsyncClient,
) -> None:
    files = {"file": ("me.wav", WAV + b"me")}
    told = {"language": "zh-cn", "transcript": "你好，世界。"}

    plain = (await client.post(VOICES, files=files)).json()["enrolment"]
    spoken = (await client.post(VOICES, files=files, data=told)).json()["enrolment"]
    again = (await client.post(VOICES, files=files)).json()["enrolment"]

    assert plain["transcript"] is None
    assert (spoken["language"], spoken["transcript"]) == ("zh-CN", "你好，世界。")
    assert again == spoken


async def test_voices_list_recordings_and_built_in_voices(client: httpx.AsyncClient) -> None:
    listed = (await client.get(VOICES)).json()["data"]
    assert [(v["name"], v["source"]) for v in listed] == [
        ("es.wav", "installed"),
        ("maria.wav", "installed"),
        ("clicker", "built-in"),
        ("clacker", "built-in"),
    ]
    assert json.dumps(listed)
