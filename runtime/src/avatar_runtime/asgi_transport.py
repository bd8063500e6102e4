"""An httpx transport that calls an ASGI app in this process and streams what it sends.

``httpx.ASGITransport`` gives the answer back when the app has finished; here every chunk is delivered when it
is sent, a slow reader slows the app, and closing the answer is the app's ``http.disconnect``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from types import TracebackType
from typing import Any, Self

import httpx

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Message, Receive, Send], Awaitable[None]]

CHUNKS_WAITING = 16
_ASGI = {"version": "3.0", "spec_version": "2.3"}
_log = logging.getLogger(__name__)


class StreamingASGITransport(httpx.AsyncBaseTransport):
    """Calls ``app``. As an asynchronous context manager it runs the app's lifespan around the calls."""

    def __init__(self, app: ASGIApp, *, grace_s: float = 5.0) -> None:
        self._app = app
        self._grace_s = grace_s
        self._exchanges: set[asyncio.Task[None]] = set()
        self._lifespan: _Lifespan | None = None

    async def __aenter__(self) -> Self:
        self._lifespan = _Lifespan(self._app)
        await self._lifespan.startup()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends the exchanges that are left, then the app's lifespan."""
        tasks = list(self._exchanges)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        lifespan, self._lifespan = self._lifespan, None
        if lifespan is not None:
            await lifespan.shutdown()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer as soon as its head is known.

        Raises:
            httpx.RemoteProtocolError: the app raised, or returned without an answer; the cause is attached.
                In the middle of the body the same error comes from the reading.
            httpx.ReadTimeout: the app sent nothing for the read time-out.
        """
        exchange = _Exchange(self._scope(request), request)
        task = asyncio.create_task(exchange.run(self._app), name=f"asgi {request.method} {request.url.path}")
        self._exchanges.add(task)
        task.add_done_callback(self._exchanges.discard)
        exchange.on_disconnect = lambda: self._end_within_grace(task)
        try:
            status, headers = await exchange.head()
        except BaseException:
            exchange.disconnect()
            raise
        return httpx.Response(status, headers=headers, stream=_Body(exchange), request=request)

    def _end_within_grace(self, task: asyncio.Task[None]) -> None:
        timer = asyncio.get_running_loop().call_later(self._grace_s, task.cancel)
        task.add_done_callback(lambda _: timer.cancel())

    def _scope(self, request: httpx.Request) -> Message:
        url = request.url
        return {
            "type": "http",
            "asgi": _ASGI,
            "http_version": "1.1",
            "method": request.method,
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.split(b"?")[0],
            "query_string": url.query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "server": (url.host, url.port),
            "client": ("in-process", 0),
            "state": dict(self._lifespan.state) if self._lifespan else {},
        }


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Message, request: httpx.Request) -> None:
        self._scope = scope
        self._request = request
        self._upload = self._read_upload()
        self._upload_done = False
        self._read_timeout_s: float | None = request.extensions.get("timeout", {}).get("read")
        self._head: asyncio.Future[tuple[int, list[tuple[bytes, bytes]]]] = (
            asyncio.get_running_loop().create_future()
        )
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(CHUNKS_WAITING)
        self._failure: BaseException | None = None
        self._answered = False
        self._over = asyncio.Event()
        self._disconnected = False
        self.on_disconnect: Callable[[], None] = lambda: None

    async def run(self, app: ASGIApp) -> None:
        try:
            await app(self._scope, self._receive, self._send)
            if not self._answered:
                raise RuntimeError("the app returned without finishing its answer")
        except Exception as error:  # noqa: BLE001 — the broad catch of this in-process server
            self._fail(error)
        except asyncio.CancelledError as error:
            self._fail(error)
            raise
        finally:
            self._over.set()
            self._chunks.put_nowait(None)

    def _fail(self, error: BaseException) -> None:
        if self._answered:
            _log.warning("the app raised after its answer was complete", exc_info=error)
        elif not self._disconnected:
            self._failure = error
            if not self._head.done():
                self._head.set_exception(self._broken())

    async def head(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        head: tuple[int, list[tuple[bytes, bytes]]] = await self._within_time(asyncio.shield(self._head))
        return head

    async def body(self) -> AsyncIterator[bytes]:
        while (chunk := await self._within_time(self._chunks.get())) is not None:
            self._room.release()
            yield chunk
        if self._failure is not None:
            raise self._broken()

    def disconnect(self) -> None:
        """Tells the app that nobody listens any more. Idempotent."""
        if self._disconnected:
            return
        self._disconnected = True
        self._over.set()
        for _ in range(CHUNKS_WAITING):
            self._room.release()
        if not self._answered:
            self.on_disconnect()

    async def _within_time(self, waiting: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(self._read_timeout_s):
                return await waiting
        except TimeoutError as error:
            raise httpx.ReadTimeout("the app sent nothing in time", request=self._request) from error

    def _broken(self) -> httpx.RemoteProtocolError:
        broken = httpx.RemoteProtocolError("the app broke off its answer", request=self._request)
        broken.__cause__ = self._failure
        return broken

    async def _read_upload(self) -> AsyncIterator[bytes]:
        assert isinstance(self._request.stream, httpx.AsyncByteStream)
        async for chunk in self._request.stream:
            if chunk:
                yield chunk

    async def _receive(self) -> Message:
        if not self._upload_done and not self._disconnected:
            async for chunk in self._upload:
                return {"type": "http.request", "body": chunk, "more_body": True}
            self._upload_done = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if not self._head.done():
                self._head.set_result((message["status"], list(message.get("headers", []))))
        elif message["type"] == "http.response.body" and not self._answered:
            if chunk := message.get("body", b""):
                await self._put(bytes(chunk))
            if not message.get("more_body", False):
                self._answered = True
                self._over.set()
                self._chunks.put_nowait(None)

    async def _put(self, chunk: bytes) -> None:
        if not self._disconnected:
            await self._room.acquire()
            self._chunks.put_nowait(chunk)


class _Body(httpx.AsyncByteStream):
    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._exchange.body():
            yield chunk

    async def aclose(self) -> None:
        self._exchange.disconnect()


class _Lifespan:
    """The lifespan protocol, spoken to an app from a task of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.state: dict[str, Any] = {}
        self._app = app
        self._to_app: asyncio.Queue[str] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Raises what the app raised, or ``RuntimeError`` with what it said."""
        self._task = asyncio.create_task(self._run(), name="asgi lifespan")
        await self._ask("startup")

    async def shutdown(self) -> None:
        if self._task is not None and not self._task.done():
            await self._ask("shutdown")
            await self._task

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": _ASGI, "state": self.state}
        await self._app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        return {"type": f"lifespan.{await self._to_app.get()}"}

    async def _send(self, message: Message) -> None:
        self._from_app.put_nowait(message)

    async def _ask(self, phase: str) -> None:
        assert self._task is not None
        self._to_app.put_nowait(phase)
        answer = asyncio.create_task(self._from_app.get())
        try:
            await asyncio.wait({answer, self._task}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                await self._task
                raise RuntimeError(f"the app ended during {phase} without an answer")
            if answer.result()["type"] != f"lifespan.{phase}.complete":
                await asyncio.gather(self._task, return_exceptions=True)
                cause = self._task.exception() if not self._task.cancelled() else None
                said = str(answer.result().get("message", "")).strip().splitlines()
                raise RuntimeError(f"the app failed during {phase}: {''.join(said[-1:])}") from cause
        finally:
            answer.cancel()
