"""``GET /api/v1/videos/{filename}``: whole, in parts, and never anything else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from fake_gpu import FakeGpu
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_runtime import problem_of, running

DATA = bytes(range(256)) * 40
NAME = "0123456789abcdef0123456789abcdef.mp4"
URL = f"/api/v1/videos/{NAME}"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with running(tmp_path, FakeGpu()) as found:
        (tmp_path / "data" / "videos" / NAME).write_bytes(DATA)
        (tmp_path / "data" / "secret.mp4").write_bytes(b"secret")
        yield found


async def test_the_whole_file(client: httpx.AsyncClient) -> None:
    answer = await client.get(URL)
    assert answer.status_code == 200
    assert answer.content == DATA
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-length"] == str(len(DATA))


async def test_head_is_get_without_a_body(client: httpx.AsyncClient) -> None:
    whole, head = await client.get(URL), await client.head(URL)
    assert head.content == b""
    assert head.status_code == 200
    for name in ("content-length", "etag", "content-type", "accept-ranges", "last-modified"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-", 0, 10240), ("bytes=0-1", 0, 2), ("bytes=100-199", 100, 200), ("bytes=-10", 10230, 10240)],
)
async def test_a_part(client: httpx.AsyncClient, asked: str, start: int, end: int) -> None:
    answer = await client.get(URL, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == DATA[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(DATA)}"
    head = await client.head(URL, headers={"Range": asked})
    assert (head.status_code, head.headers["content-length"]) == (206, str(end - start))


async def test_a_part_beyond_the_end_is_a_problem_that_tells_the_size(client: httpx.AsyncClient) -> None:
    answer = await client.get(URL, headers={"Range": "bytes=20000-"})
    assert problem_of(answer).slug == "range-not-satisfiable"
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(DATA)}"


async def test_a_copy_that_is_still_right_is_not_sent_again(client: httpx.AsyncClient) -> None:
    etag = (await client.get(URL)).headers["etag"]
    for condition in (etag, f'"other", W/{etag}', "*"):
        answer = await client.get(URL, headers={"If-None-Match": condition})
        assert (answer.status_code, answer.content) == (304, b"")
    assert (await client.get(URL, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_a_part_of_another_version_is_answered_with_the_whole_file(client: httpx.AsyncClient) -> None:
    known = (await client.get(URL)).headers
    for condition, status in (
        (known["etag"], 206),
        (known["last-modified"], 206),
        ('"other"', 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
        ("yesterday", 200),
    ):
        answer = await client.get(URL, headers={"Range": "bytes=0-1", "If-Range": condition})
        assert answer.status_code == status


async def test_a_video_that_is_not_there_is_a_problem(client: httpx.AsyncClient) -> None:
    assert problem_of(await client.get("/api/v1/videos/nothing.mp4")).slug == "asset-not-found"


@pytest.mark.parametrize(
    "path",
    ["../secret.mp4", "..%2Fsecret.mp4", "%2e%2e%2fsecret.mp4", "..%5Csecret.mp4", "/etc/passwd", "%00.mp4",
     "a/../../secret.mp4", "x.mp4%00.txt", "secret.mp4/", ".mp4", "avatar.sqlite3", "%FF%FE.mp4", "x" * 5000],
)  # fmt: skip
async def test_a_path_trick_is_refused(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(httpx.URL(f"http://runtime/api/v1/videos/{path}"))
    assert problem_of(answer).status in {404, 422}
    assert answer.content != b"secret"


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sampled_from(["..", "/", "\\", "%2e", "secret", ".mp4", "\0", "a", "%"]), max_size=8))
async def test_no_name_leads_out_of_the_folder(client: httpx.AsyncClient, parts: list[str]) -> None:
    name = "".join(parts)
    answer = await client.get(f"/api/v1/videos/{quote(name, safe='')}")
    assert answer.status_code in {404, 405, 422}
    assert answer.content != b"secret"
