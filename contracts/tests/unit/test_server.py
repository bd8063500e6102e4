"""Every failure of an app is a problem document with a request id."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

from avatar_contracts.model import Request as Body
from avatar_contracts.problems import AtCapacity, NoFace
from avatar_contracts.server import install_problem_handlers


class Thing(Body):
    name: str
    size: int


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    install_problem_handlers(app)

    @app.post("/things")
    async def make(thing: Thing) -> Thing:
        return thing

    @app.get("/full")
    async def full() -> None:
        raise AtCapacity("Every place is taken.", retry_after_s=7)

    @app.get("/face")
    async def face() -> None:
        raise NoFace("Send a photo with one face.")

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError("password=hunter2")

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, "short and stout")

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"one"
            yield b"two"

        return StreamingResponse(pieces())

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        yield http


def problem(response: httpx.Response) -> dict[str, object]:
    assert response.headers["content-type"].startswith("application/problem+json")
    document: dict[str, object] = response.json()
    assert document["status"] == response.status_code
    assert document["request_id"] == response.headers["x-request-id"]
    return document


async def test_an_avatar_error_keeps_its_status_and_says_when_to_retry(client: httpx.AsyncClient) -> None:
    response = await client.get("/full")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "7"
    assert problem(response)["type"] == "urn:realtime-avatar:problem:at-capacity"
    assert problem(await client.get("/face"))["detail"] == "Send a photo with one face."


async def test_broken_json_and_invalid_utf_8_are_malformed(client: httpx.AsyncClient) -> None:
    for body in (b'{"name": ', b'{"name": "\xff\xfe"}', b"\x00"):
        response = await client.post("/things", content=body, headers={"content-type": "application/json"})
        assert response.status_code == 400, body
        assert problem(response)["type"] == "urn:realtime-avatar:problem:malformed-body"


async def test_a_wrong_field_is_named(client: httpx.AsyncClient) -> None:
    response = await client.post("/things", json={"name": "a", "size": "big", "colour": "red"})
    assert response.status_code == 422
    document = problem(response)
    assert document["type"] == "urn:realtime-avatar:problem:invalid-request"
    assert isinstance(document["errors"], list)
    assert {e["field"] for e in document["errors"]} == {"size", "colour"}
    assert "size" in str(document["detail"])


async def test_a_missing_body_is_an_invalid_request(client: httpx.AsyncClient) -> None:
    assert problem(await client.post("/things"))["status"] == 422


async def test_unknown_addresses_and_methods_are_problems(client: httpx.AsyncClient) -> None:
    assert problem(await client.get("/nowhere"))["type"] == "urn:realtime-avatar:problem:not-found"
    response = await client.delete("/things")
    assert problem(response)["type"] == "urn:realtime-avatar:problem:method-not-allowed"
    assert response.headers["allow"] == "POST"


async def test_a_status_without_a_class_keeps_its_detail(client: httpx.AsyncClient) -> None:
    assert problem(await client.get("/teapot"))["detail"] == "short and stout"


async def test_a_crash_says_nothing_of_the_inside_and_is_logged_once(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="avatar_contracts.server"):
        response = await client.get("/crash", headers={"x-request-id": "abc-1"})
    assert response.status_code == 500
    assert "hunter2" not in response.text
    assert problem(response)["request_id"] == "abc-1"
    logged = [r for r in caplog.records if r.name == "avatar_contracts.server"]
    assert [r.__dict__["request_id"] for r in logged] == ["abc-1"]
    assert logged[0].exc_info is not None


@pytest.mark.parametrize("given", ["", "two words", "x" * 65, "semi;colon"])
async def test_a_malformed_request_id_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    response = await client.get("/stream", headers={"x-request-id": given})
    assert len(response.headers["x-request-id"]) == 32


async def test_a_good_answer_carries_the_callers_request_id(client: httpx.AsyncClient) -> None:
    response = await client.get("/stream", headers={"x-request-id": "mine.7"})
    assert response.text == "onetwo"
    assert response.headers["x-request-id"] == "mine.7"
