"""Whatever is sent, the answer is no 500 and the next request works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_gpu import FakeGpu
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_runtime import GENERATE, HELLO, problem_of, running

FIELDS = (
    "text", "language", "reference_image", "voice", "size_px", "fps", "speed", "seed", "expressiveness",
    "head_motion", "emotion", "likeness", "engines", "other",
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=12)
    | st.sampled_from(["en", "zh-cn", "maria", "astronaut", "../x", "25", "happy"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["speech", "motion", "x"]), inner, max_size=3)
    ),
    max_leaves=4,
)
QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with running(tmp_path, FakeGpu(), generate_wait_s=0.0, max_upload_bytes=4096) as found:
        yield found
        assert (await found.get("/health")).json()["status"] == "ok"


def check(answer: httpx.Response) -> None:
    assert answer.status_code != 500
    if answer.is_error:
        problem_of(answer)
    else:
        assert answer.status_code in {200, 201, 202}


@QUICK
@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4))
async def test_any_json_is_answered(client: httpx.AsyncClient, change: dict[str, Any]) -> None:
    check(await client.post(GENERATE, json={**HELLO, **change}))


@QUICK
@given(
    st.binary(max_size=200),
    st.sampled_from(
        ["application/json", "multipart/form-data; boundary=b", "application/x-www-form-urlencoded", "x", ""]
    ),
)
async def test_any_body_is_answered(client: httpx.AsyncClient, body: bytes, content_type: str) -> None:
    for route in (GENERATE, "/api/v1/portraits", "/api/v1/voices"):
        check(await client.post(route, content=body, headers={"Content-Type": content_type}))


@QUICK
@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"file", b"name", b"voice", b"reference_image", b"text", b"language", b"\xff"]),
            st.sampled_from(
                [b"", b'; filename="a.png"', b'; filename="../x"', b"; filename=", b"; filename*=x"]
            ),
            st.binary(max_size=30),
        ),
        max_size=4,
    )
)
async def test_any_form_is_answered(
    client: httpx.AsyncClient, parts: list[tuple[bytes, bytes, bytes]]
) -> None:
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % part for part in parts
    )
    for route in (GENERATE, "/api/v1/portraits", "/api/v1/voices"):
        answer = await client.post(
            route, content=body + b"--b--\r\n", headers={"Content-Type": "multipart/form-data; boundary=b"}
        )
        check(answer)


@QUICK
@given(st.text(st.characters(codec="utf-8"), max_size=20), st.sampled_from(["Range", "If-Range", "Prefer"]))
async def test_any_header_is_answered(client: httpx.AsyncClient, value: str, header: str) -> None:
    headers = {header: value.encode()}
    check(await client.get("/api/v1/videos/x.mp4", headers=headers))  # type: ignore[arg-type]
    check(await client.post(GENERATE, json={**HELLO, "text": ""}, headers=headers))  # type: ignore[arg-type]


@QUICK
@given(st.dictionaries(st.sampled_from(["limit", "after", "status"]), st.text(max_size=8), max_size=3))
async def test_any_query_is_answered(client: httpx.AsyncClient, query: dict[str, str]) -> None:
    check(await client.get("/api/v1/jobs", params=query))
