"""Makes three videos, in English, Mandarin and Spanish, through the public API, and stops what it started."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / ".cache" / "demo"
LOG = ROOT / ".cache" / "demo.log"
START_LIMIT_S = 180
VIDEO_LIMIT_S = 600
POLL_S = 0.15
LOG_TAIL_LINES = 15


@dataclass(frozen=True)
class Line:
    """What is said in one video."""

    name: str
    language: str
    voice: str
    text: str


LINES = (
    Line(
        "English",
        "en",
        "demo-en",
        "Hello! I am only a photograph, yet I can speak. Give me a script and half a minute of your voice, "
        "and I will say it for you.",
    ),
    Line(
        "Mandarin",
        "zh",
        "demo-zh",
        "你好！我只是一张照片，可是我会说话。给我一段文字，我就能替你把它说出来。",
    ),
    Line(
        "Spanish",
        "es",
        "demo-es",
        "¡Hola! Solo soy una fotografía, pero puedo hablar. Dame un guion y medio minuto de tu voz, "
        "y lo diré por ti.",
    ),
)


class DemoError(Exception):
    """The demo cannot go on; the message says what a person can do about it."""


def free_port() -> int:
    """A port on which nothing listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def log_tail() -> str:
    """The last lines that the server wrote."""
    lines = LOG.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]
    return "\n".join(f"    {line}" for line in lines) or "    (it wrote nothing)"


@contextmanager
def running_server(port: int) -> Iterator[httpx.Client]:
    """The runtime with every engine in its process; ended when the block is left, however it is left.

    Raises:
        DemoError: it ended, or did not answer in time.
    """
    DATA.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "USE_EXTERNAL_GPU_SERVICE": "false",
        "DATABASE_URL": "",
        "STORAGE_URL": "",
        "DATA_DIR": str(DATA),
        "ASSETS_DIR": str(ROOT / "assets"),
        "MODELS_DIR": os.environ.get("MODELS_DIR") or str(ROOT / "models"),
    }
    command = [sys.executable, "-m", "avatar_runtime", "--host", "127.0.0.1", "--port", str(port)]
    with LOG.open("wb") as log:
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            _wait_until_healthy(client, server)
            try:
                yield client
            except httpx.TransportError as error:
                raise DemoError(
                    f"The server stopped answering ({error}). It wrote last:\n{log_tail()}"
                ) from error
    finally:
        _end(server)


def _wait_until_healthy(client: httpx.Client, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise DemoError(f"The server ended with status {server.returncode}. It wrote last:\n{log_tail()}")
        try:
            if client.get("/health", timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise DemoError(f"The server did not answer within {START_LIMIT_S} s. It wrote last:\n{log_tail()}")


def _end(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is not None:
        return
    server.terminate()
    try:
        server.wait(timeout=15)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def answer_of(response: httpx.Response) -> dict[str, Any]:
    """The JSON of a good answer.

    Raises:
        DemoError: it is a problem document; the message is its detail.
    """
    if response.is_success:
        found: dict[str, Any] = response.json()
        return found
    problem = response.json() if "json" in response.headers.get("content-type", "") else {}
    raise DemoError(f"The server refused: {problem.get('detail') or response.text[:300]}")


@dataclass(frozen=True)
class Made:
    """A finished video and what it cost."""

    line: Line
    path: Path
    duration_s: float
    learning_s: float
    """For the voice and the photo: some seconds the first time, nothing later."""
    making_s: float


def make_video(client: httpx.Client, line: Line, out: Path, bar: Progress) -> Made:
    """Writes the video of ``line`` to ``out``.

    Raises:
        DemoError: the job failed or took too long.
    """
    start = time.monotonic()
    task = bar.add_task(f"{line.name}: learning the voice", total=100)
    body = {"text": line.text, "language": line.language, "voice": line.voice}
    job = answer_of(
        client.post("/api/v1/generate", json=body, headers={"Prefer": "respond-async"}, timeout=120)
    )
    learning_s = time.monotonic() - start
    bar.update(task, description=f"{line.name}: making the video")
    while job["status"] not in ("completed", "failed", "canceled"):
        if time.monotonic() - start > VIDEO_LIMIT_S:
            raise DemoError(f"The {line.name} video was not ready after {VIDEO_LIMIT_S} s.")
        bar.update(task, completed=job["progress"])
        time.sleep(POLL_S)
        job = answer_of(client.get(f"/api/v1/jobs/{job['id']}"))
    if job["status"] != "completed":
        problem = job.get("error") or {}
        raise DemoError(f"The {line.name} video failed: {problem.get('detail', job['status'])}\n{log_tail()}")
    part = out.with_name(f".{out.name}.part")
    with client.stream("GET", job["video_url"]) as response, part.open("wb") as file:
        response.raise_for_status()
        for chunk in response.iter_bytes():
            file.write(chunk)
    part.replace(out)
    bar.update(task, completed=100, description=line.name)
    making_s = time.monotonic() - start - learning_s
    return Made(line, out, float(job["duration_s"]), learning_s, making_s)


def main() -> int:
    """The exit status: 0 three videos are there, 1 a message says why not, 130 interrupted."""
    parser = argparse.ArgumentParser(description="Makes an English, a Mandarin and a Spanish video.")
    parser.add_argument("--out", type=Path, default=ROOT / "out", help="folder of the videos (default out/)")
    parser.add_argument("--port", type=int, default=0, help="port of the server (default: a free one)")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(stderr=True)
    start = time.monotonic()
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
        rows = _demo(arguments.port, arguments.out, console)
    except DemoError as failure:
        console.print(str(failure), style="red", highlight=False, markup=False, soft_wrap=True)
        return 1
    except OSError as failure:
        console.print(f"{failure.strerror}: {failure.filename or ''}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("\nInterrupted; the server has been stopped. make demo starts again.")
        return 130
    _report(rows, time.monotonic() - start)
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _demo(port: int, out: Path, console: Console) -> list[Made]:
    if port and not _is_free(port):
        raise DemoError(f"Port {port} is taken. Leave --port out, and a free one is chosen.")
    columns = (TextColumn("  {task.description:28}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with ExitStack() as stack:
        with console.status("Starting the server …"):
            client = stack.enter_context(running_server(port or free_port()))
        bar = stack.enter_context(Progress(*columns, console=console))
        return [make_video(client, line, out / f"demo-{line.language}.mp4", bar) for line in LINES]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _report(rows: list[Made], total_s: float) -> None:
    console = Console()
    headings = ("video", "language", "lasts", "voice learnt in", "made in", "× real time")
    table = Table(*headings, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for row in rows:
        shown = row.path.relative_to(ROOT) if row.path.is_relative_to(ROOT) else row.path
        seconds = (f"{value:.1f} s" for value in (row.duration_s, row.learning_s, row.making_s))
        table.add_row(str(shown), row.line.name, *seconds, f"{row.duration_s / row.making_s:.1f}")
    console.print(table)
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    console.print(
        f"{total_s:.1f} s in all, the start of the server included. To watch: {opener} {rows[0].path}\n"
        "Next: make serve starts the API and prints the requests to send it.",
        soft_wrap=True,
        highlight=False,
    )


if __name__ == "__main__":
    sys.exit(main())
