"""The in-process transport behaves like a socket: it streams, slows, disconnects and tells of failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from avatar_runtime.asgi_transport import CHUNKS_WAITING, Message, Receive, Send, StreamingASGITransport

HEAD: Message = {"type": "http.response.start", "status": 200, "headers": [(b"x-answer", b"42")]}


def chunk(data: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


def client_of(app: Any, *, grace_s: float = 5.0) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=StreamingASGITransport(app, grace_s=grace_s), base_url="http://app", timeout=5
    )


async def answer_lifespan(receive: Receive, send: Send) -> None:
    for phase in ("startup", "shutdown"):
        assert (await receive())["type"] == f"lifespan.{phase}"
        await send({"type": f"lifespan.{phase}.complete"})


def http_only(handler: Any) -> Any:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await answer_lifespan(receive, send)
        else:
            await handler(scope, receive, send)

    return app


async def test_a_chunk_arrives_before_the_next_one_is_sent() -> None:
    go_on = asyncio.Event()

    async def handler(scope: Message, receive: Receive, send: Send) -> None:
        await send(HEAD)
        await send(chunk(b"one"))
        await go_on.wait()
        await send(chunk(b"two", more=False))

    async with client_of(http_only(handler)) as client, client.stream("GET", "/") as response:
        assert response.headers["x-answer"] == "42"
        chunks = response.aiter_raw()
        assert await anext(chunks) == b"one"
        go_on.set()
        assert [rest async for rest in chunks] == [b"two"]


async def test_a_reader_who_does_not_read_slows_the_app() -> None:
    sent = 0

    async def handler(scope: Message, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send(HEAD)
        for _ in range(CHUNKS_WAITING * 5):
            await send(chunk(b"x"))
            sent += 1
        await send(chunk(b"", more=False))

    async with client_of(http_only(handler)) as client, client.stream("GET", "/") as response:
        for _ in range(200):
            await asyncio.sleep(0)
        assert sent == CHUNKS_WAITING
        assert len(await response.aread()) == CHUNKS_WAITING * 5


async def test_closing_the_answer_early_is_a_disconnect() -> None:
    heard: list[str] = []
    over = asyncio.Event()

    async def handler(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await send(HEAD)
        await send(chunk(b"one"))
        heard.append((await receive())["type"])
        await send(chunk(b"nobody reads this"))
        over.set()

    async with client_of(http_only(handler)) as client:
        async with client.stream("GET", "/") as response:
            assert await anext(response.aiter_raw()) == b"one"
        await asyncio.wait_for(over.wait(), 1)
    assert heard == ["http.disconnect"]


async def test_closing_wakes_an_app_that_waits_for_room() -> None:
    over = asyncio.Event()

    async def handler(scope: Message, receive: Receive, send: Send) -> None:
        await send(HEAD)
        for _ in range(CHUNKS_WAITING * 3):
            await send(chunk(b"x"))
        over.set()

    async with client_of(http_only(handler)) as client:
        async with client.stream("GET", "/"):
            await asyncio.sleep(0)
        await asyncio.wait_for(over.wait(), 1)


async def test_an_app_that_ignores_the_disconnect_is_cancelled_after_the_grace() -> None:
    cancelled = asyncio.Event()

    async def handler(scope: Message, receive: Receive, send: Send) -> None:
        await send(HEAD)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with client_of(http_only(handler), grace_s=0.01) as client:
        async with client.stream("GET", "/"):
            pass
        await asyncio.wait_for(cancelled.wait(), 1)


async def test_work_after_a_complete_answer_is_not_cancelled() -> None:
    finished = asyncio.Event()

    async def handler(scope: Message, receive: Receive, send: Send) -> None:
        await send(HEAD)
        await send(chunk(b"done", more=False))
        await asyncio.sleep(0.05)
        finished.set()

    async with client_of(http_only(handler), grace_s=0.0) as client:
        assert (await client.get("/")).content == b"done"
        await asyncio.wait_for(finished.wait(), 1)


async def test_cancelling_the_caller_disconnects_the_app() -> None:
    heard = asyncio.Event()

    async def handler(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        heard.set()

    async with client_of(http_only(handler)) as client:
        asking = asyncio.create_task(client.get("/"))
        await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.wait_for(heard.wait(), 1)


async def test_an_error_before_the_head_reaches_the_caller_with_its_cause() -> None:
    async def handler(scope: Message, receive: Receive, send: Send) -> None:
        raise LookupError("inside")

    async with client_of(http_only(handler)) as client:
        with pytest.raises(httpx.RemoteProtocolError) as caught:
            await client.get("/")
    assert isinstance(caught.value.__cause__, LookupError)


async def test_an_error_in_the_body_comes_after_the_chunks_before_it() -> None:
    async def handler(scope: Message, receive: Receive, send: Send) -> None:
        await send(HEAD)
        await send(chunk(b"one"))
        raise LookupError("inside")

    async with client_of(http_only(handler)) as client, client.stream("GET", "/") as response:
        chunks = response.aiter_raw()
        assert await anext(chunks) == b"one"
        with pytest.raises(httpx.RemoteProtocolError) as caught:
            await anext(chunks)
    assert isinstance(caught.value.__cause__, LookupError)


async def test_an_app_that_returns_without_an_answer_is_an_error() -> None:
    async def handler(scope: Message, receive: Receive, send: Send) -> None:
        return

    async with client_of(http_only(handler)) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/")


async def test_the_app_reads_the_upload_in_chunks() -> None:
    async def upload() -> AsyncIterator[bytes]:
        yield b"ab"
        yield b"cd"

    async def handler(scope: Message, receive: Receive, send: Send) -> None:
        messages = [await receive(), await receive(), await receive()]
        assert [m["body"] for m in messages] == [b"ab", b"cd", b""]
        assert [m["more_body"] for m in messages] == [True, True, False]
        await send(HEAD)
        await send(chunk(scope["method"].encode() + scope["query_string"], more=False))

    async with client_of(http_only(handler)) as client:
        assert (await client.put("/x?a=1", content=upload())).content == b"PUTa=1"


async def test_silence_longer_than_the_read_timeout_is_a_read_timeout() -> None:
    async def handler(scope: Message, receive: Receive, send: Send) -> None:
        await send(HEAD)
        await asyncio.Event().wait()

    async with (
        client_of(http_only(handler), grace_s=0.01) as client,
        client.stream("GET", "/", timeout=0.02) as response,
    ):
        with pytest.raises(httpx.ReadTimeout):
            await anext(response.aiter_raw())


async def test_the_lifespan_runs_around_the_calls_and_shares_its_state() -> None:
    phases: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            assert (await receive())["type"] == "lifespan.startup"
            scope["state"]["model"] = "loaded"
            phases.append("startup")
            await send({"type": "lifespan.startup.complete"})
            assert (await receive())["type"] == "lifespan.shutdown"
            phases.append("shutdown")
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await send(HEAD)
            await send(chunk(scope["state"]["model"].encode(), more=False))

    async with client_of(app) as client:
        assert (await client.get("/")).content == b"loaded"
        assert phases == ["startup"]
    assert phases == ["startup", "shutdown"]


async def test_a_failed_startup_raises_what_the_app_said() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "Traceback\n  ...\nno models here"})

    with pytest.raises(RuntimeError, match="startup: no models here"):
        async with client_of(app):
            pass


async def test_an_app_that_raises_at_startup_raises_here() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        raise LookupError("no lifespan")

    with pytest.raises(LookupError):
        async with client_of(app):
            pass


async def test_closing_the_transport_ends_what_is_still_running() -> None:
    ended = asyncio.Event()

    async def handler(scope: Message, receive: Receive, send: Send) -> None:
        try:
            await send(HEAD)
            for _ in range(CHUNKS_WAITING * 2):
                await send(chunk(b"x"))
        finally:
            ended.set()

    client = client_of(http_only(handler))
    async with client:
        await client.send(client.build_request("GET", "/"), stream=True)
    assert ended.is_set()
