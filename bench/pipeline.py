"""Text → MP4 against real time, and the latency of the first stream event.

Baseline: the duration of the finished video (real time). Each figure is a ratio within one run: seconds of
video per second of waiting, and per second of processor time of all processes. The runtime is started in
embedded mode on a free port, pinned to one or two processors; one request warms it up and is not counted.

    python bench/pipeline.py [--cpus 1 2] [--repeats 5] [--size 512] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import httpx

from avatar_contracts.performance import PerformanceRequest, RenderOptions
from avatar_contracts.speech import SpeechRequest
from avatar_contracts.stream import EventDecoder, performance_events

ROOT = Path(__file__).resolve().parent.parent
TEXTS = {
    "en": "Welcome to our studio. Give me one photo, half a minute of your voice and a script, and I will say "
    "it for you. Every word stays in step with the lips, and nothing leaves this machine.",
    "zh": "欢迎来到我们的工作室。给我一张照片、半分钟的录音和一段文字，我就能替你把它说出来。每一个字都和口型一致，数据也不会离开这台机器。",
    "es": "Bienvenidos a nuestro estudio. Dame una foto, medio minuto de tu voz y un guion, y lo diré por ti. "
    "Cada palabra va al paso de los labios, y nada sale de esta máquina.",
}
PINNED = (
    "import os, runpy, sys; os.sched_setaffinity(0, {cpus!r}); sys.argv = {argv!r}; "
    "runpy.run_module(sys.argv[0], run_name='__main__')"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(module: str, cpus: set[int], folder: Path) -> Iterator[tuple[httpx.Client, int]]:
    """A service of ours on loopback, pinned to ``cpus``: its client and its process id."""
    port = free_port()
    argv = [module, "--host", "127.0.0.1", "--port", str(port)]
    env = {**os.environ, "DATA_DIR": str(folder / module), "LOG_LEVEL": "WARNING"}
    process = subprocess.Popen([sys.executable, "-c", PINNED.format(cpus=cpus, argv=argv)], cwd=ROOT, env=env)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300) as client:
            deadline = time.monotonic() + 90
            while True:
                try:
                    if client.get("/health").status_code == 200:
                        break
                except httpx.TransportError:
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise
                time.sleep(0.1)
            yield client, process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all its living and reaped descendants."""
    ticks = 0.0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            ticks += cpu_seconds(int(child)) * os.sysconf("SC_CLK_TCK")
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (ticks + sum(int(f) for f in fields[11:15])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """Resident memory of a process and its living descendants; shared pages are divided among their users."""
    total = 0.0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            total += resident_mib(int(child))
    shares = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert shares is not None
    return total + int(shares.group(1)) / 1024


def whole_pipeline(cpus: set[int], repeats: int, size_px: int) -> dict[str, object]:
    """Video seconds per second, by language, through the runtime's public API."""
    figures: dict[str, object] = {"cpus": len(cpus)}
    with (
        tempfile.TemporaryDirectory() as folder,
        started("avatar_runtime", cpus, Path(folder)) as (client, pid),
    ):
        for language, text in TEXTS.items():
            body = {
                "text": text,
                "language": language,
                "reference_image": "astronaut.png",
                "voice": f"demo-{language}.wav",
                "size_px": size_px,
            }
            ratios, cpu_ratios, seconds = [], [], 0.0
            for repeat in range(repeats + 1):
                wall, cpu = time.monotonic(), cpu_seconds(pid)
                job = client.post("/api/v1/generate", json={**body, "seed": repeat})
                job.raise_for_status()
                wall, cpu = time.monotonic() - wall, cpu_seconds(pid) - cpu
                seconds = float(job.json()["duration_s"])
                if repeat:
                    ratios.append(seconds / wall)
                    cpu_ratios.append(seconds / cpu)
            figures[language] = {
                "video_s": round(seconds, 2),
                "times_real_time": spread(ratios),
                "times_real_time_per_cpu_second": spread(cpu_ratios),
            }
        figures["resident_mib"] = round(resident_mib(pid))
    return figures


def first_event(cpus: set[int], repeats: int, size_px: int) -> dict[str, object]:
    """Milliseconds from POST /v1/performances to the first event and to the first picture, warm."""
    with tempfile.TemporaryDirectory() as folder, started("avatar_gpu", cpus, Path(folder)) as (client, _):
        photo = (ROOT / "assets/images/astronaut.png").read_bytes()
        recording = (ROOT / "assets/voice/demo-en.wav").read_bytes()
        portrait, voice = sha256(photo).hexdigest(), sha256(recording).hexdigest()
        client.put(f"/v1/portraits/{portrait}", content=photo).raise_for_status()
        client.put(f"/v1/voices/{voice}", content=recording).raise_for_status()
        events, pictures = [], []
        for repeat in range(repeats + 1):
            request = PerformanceRequest(
                speech=SpeechRequest(text=TEXTS["en"], language="en", voice=voice),
                portrait=portrait,
                render=RenderOptions(size_px=size_px),
            )
            asked = time.monotonic()
            first = picture = 0.0
            decoder = EventDecoder(performance_events)
            with client.stream("POST", "/v1/performances", json=request.model_dump(mode="json")) as answer:
                answer.raise_for_status()
                for chunk in answer.iter_raw():
                    for event in decoder.feed(chunk):
                        first = first or time.monotonic() - asked
                        if event.type == "video" and not picture:
                            picture = time.monotonic() - asked
            if repeat:
                events.append(first * 1000)
                pictures.append(picture * 1000)
    return {"cpus": len(cpus), "first_event_ms": spread(events), "first_picture_ms": spread(pictures)}


def spread(values: list[float]) -> dict[str, float]:
    return {
        "min": round(min(values), 2),
        "median": round(statistics.median(values), 2),
        "max": round(max(values), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cpus", type=int, nargs="+", default=[2, 1], help="how many processors to pin to")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    available = sorted(os.sched_getaffinity(0))
    report: dict[str, list[dict[str, object]]] = {"pipeline": [], "first_event": []}
    for count in arguments.cpus:
        cpus = set(available[:count])
        figures = whole_pipeline(cpus, arguments.repeats, arguments.size)
        report["pipeline"].append(figures)
        print(json.dumps(figures, ensure_ascii=False), flush=True)
        latency = first_event(cpus, arguments.repeats, arguments.size)
        report["first_event"].append(latency)
        print(json.dumps(latency), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
