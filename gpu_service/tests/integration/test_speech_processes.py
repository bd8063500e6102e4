"""Worker processes: what happens when they crash, hang, babble, or lose their parent."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from avatar_contracts.problems import EngineFailed
from avatar_gpu.speech.processes import OperationFailed, WorkerPool

PROGRAM = """
    import os, sys, time
    from pathlib import Path
    from avatar_gpu.speech.wire import serve

    def crash_once(marker):
        if not Path(marker).exists():
            Path(marker).touch()
            os._exit(3)
        return "survived"

    def babble():
        os.write(1, b"a library in C that prints")
        print("a library that prints")
        return "clean"

    def refuse():
        raise LookupError("nothing here")

    serve({
        "echo": lambda value: value,
        "crash": lambda: os._exit(3),
        "crash_once": crash_once,
        "hang": lambda: time.sleep(60),
        "print": babble,
        "refuse": refuse,
        "pid": os.getpid,
    })
"""

MakePool = Callable[..., WorkerPool]


@pytest.fixture
def make_pool(tmp_path: Path) -> Iterator[MakePool]:
    pools: list[WorkerPool] = []

    def make(source: str = PROGRAM, size: int = 1) -> WorkerPool:
        program = tmp_path / f"program{len(pools)}.py"
        program.write_text(textwrap.dedent(source))
        pools.append(WorkerPool("program", size, command=[sys.executable, str(program)]))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def wait_until_dead(pid: int, limit_s: float = 10.0) -> bool:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if not is_alive(pid):
            return True
        time.sleep(0.02)
    return False


def test_a_worker_that_crashes_twice_is_an_engine_failure(make_pool: MakePool) -> None:
    with pytest.raises(EngineFailed):
        make_pool().call("crash", 10.0)


def test_a_worker_that_crashes_once_costs_a_retry(make_pool: MakePool, tmp_path: Path) -> None:
    pool = make_pool()

    assert pool.call("crash_once", 10.0, marker=str(tmp_path / "marker")) == "survived"


def test_a_hanging_worker_is_killed_and_the_pool_goes_on(make_pool: MakePool) -> None:
    pool = make_pool()
    pool.start_all()
    (first,) = pool.pids

    with pytest.raises(EngineFailed):
        pool.call("hang", 0.3)

    assert wait_until_dead(first)
    assert pool.call("echo", 10.0, value=7) == 7


@pytest.mark.parametrize(
    "babble",
    [
        b"HTTP/1.1 200 OK\r\n\r\n" * 10,
        b"\x00\x00\x00\x02\xc1\xc1",
        b"\xff" * 8,
        b"\x00\x00\x00\x01\x01",
        b"\x00",
    ],
    ids=["text", "not msgpack", "length above the limit", "no map", "cut length"],
)
def test_an_answer_that_is_no_frame_is_an_engine_failure(make_pool: MakePool, babble: bytes) -> None:
    pool = make_pool(f"import os; os.write(1, {babble!r}); os.close(1)")

    with pytest.raises(EngineFailed):
        pool.call("echo", 10.0, value=1)


def test_a_refusal_reaches_the_caller_and_spares_the_worker(make_pool: MakePool) -> None:
    pool = make_pool()
    before = pool.call("pid", 10.0)

    with pytest.raises(OperationFailed) as caught:
        pool.call("refuse", 10.0)

    assert (caught.value.error, caught.value.detail) == ("LookupError", "nothing here")
    assert pool.call("pid", 10.0) == before


def test_what_a_library_prints_never_reaches_the_frames(make_pool: MakePool) -> None:
    pool = make_pool()

    assert [pool.call("print", 10.0) for _ in range(3)] == ["clean"] * 3


def test_a_killed_idle_worker_is_replaced_without_a_failure(make_pool: MakePool) -> None:
    pool = make_pool()
    pid = pool.call("pid", 10.0)
    os.kill(pid, 9)
    assert wait_until_dead(pid)

    assert pool.call("pid", 10.0) != pid


def test_many_threads_share_a_small_pool(make_pool: MakePool) -> None:
    pool = make_pool(size=2)
    answers: dict[int, int] = {}

    def ask(value: int) -> None:
        answers[value] = pool.call("echo", 20.0, value=value)

    threads = [threading.Thread(target=ask, args=(value,)) for value in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == {value: value for value in range(24)}
    assert len(pool.pids) <= 2


def test_a_closed_pool_ends_its_workers_and_refuses_work(make_pool: MakePool) -> None:
    pool = make_pool(size=2)
    pool.start_all()
    pids = pool.pids

    pool.close()

    assert all(wait_until_dead(pid) for pid in pids)
    with pytest.raises(EngineFailed):
        pool.call("echo", 10.0, value=1)


def test_closing_ends_a_call_in_progress(make_pool: MakePool) -> None:
    pool = make_pool()
    pool.call("pid", 10.0)
    failures: list[Exception] = []

    def ask() -> None:
        try:
            pool.call("hang", 50.0)
        except EngineFailed as error:
            failures.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not pool.pids:
        time.sleep(0.01)
    pool.close()
    thread.join(timeout=20)

    assert not thread.is_alive()
    assert len(failures) == 1


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "inside a call"])
def test_a_worker_ends_when_its_parent_is_killed(tmp_path: Path, busy: bool) -> None:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    parent = tmp_path / "parent.py"
    parent.write_text(
        textwrap.dedent(f"""
            import sys, threading
            from avatar_gpu.speech.processes import WorkerPool
            pool = WorkerPool("program", 1, command=[sys.executable, {str(program)!r}])
            pid = pool.call("pid", 10.0)
            if {busy}:
                threading.Thread(target=lambda: pool.call("hang", 60.0), daemon=True).start()
            print(pid, flush=True)
            threading.Event().wait()
        """)
    )
    process = subprocess.Popen([sys.executable, str(parent)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pid = int(process.stdout.readline())

    process.kill()
    process.wait()
    process.stdout.close()

    assert wait_until_dead(pid)
