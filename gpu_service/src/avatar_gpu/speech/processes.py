"""A small pool of worker processes; a worker that crashes or hangs costs one retry, never the service.

Calls are thread-safe. A worker is started when it is first needed, is used by one caller at a time, and is
killed when it answers nothing in time or answers nonsense.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from avatar_contracts.problems import EngineFailed
from avatar_gpu.speech.wire import FrameBroken, read_frame, write_frame

_log = logging.getLogger(__name__)

T = TypeVar("T")

ATTEMPTS = 2
"""How often a task is tried before the caller hears of it."""


class WorkerDied(Exception):
    """The process ended, was killed at its time limit, or answered something that is no answer."""


class OperationFailed(Exception):
    """The worker is well but refused: ``error`` is the class name of its exception."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(f"{error}: {detail}")
        self.error = error
        self.detail = detail


class Worker:
    """One process. Not thread-safe: ``WorkerPool`` lends it to one caller at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        self.holds: set[str] = set()
        """Keys of what its callers have left in it."""
        self.calls = 0

    def call(self, operation: str, timeout_s: float, **arguments: Any) -> Any:
        """What ``operation`` gave back.

        Raises:
            WorkerDied: no answer in ``timeout_s``, or a broken one; the process is dead afterwards.
            OperationFailed: the operation raised.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.calls += 1
        watchdog = threading.Timer(timeout_s, self.process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            write_frame(self.process.stdin, {"op": operation, "args": arguments})
            answer = read_frame(self.process.stdout)
        except (OSError, FrameBroken) as error:
            self.kill()
            raise WorkerDied(str(error)) from error
        finally:
            watchdog.cancel()
        if answer is None:
            self.kill()
            raise WorkerDied(f"the process ended with {self.process.returncode} before it answered")
        if answer.get("ok") is True:
            return answer.get("result")
        if answer.get("ok") is False:
            raise OperationFailed(str(answer.get("error")), str(answer.get("detail")))
        self.kill()
        raise WorkerDied("the answer has no verdict")

    def kill(self) -> None:
        """Ends the process at once; safe to repeat."""
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    _log.debug("a pipe of a dead worker could not be flushed")
        self.process.wait()


class WorkerPool:
    """Up to ``size`` workers of one module, run as ``python -m module``."""

    def __init__(
        self,
        module: str,
        size: int,
        *,
        command: Sequence[str] | None = None,
        retire_after: int | None = None,
    ) -> None:
        """``retire_after``: calls after which a worker is replaced, for a library that leaks."""
        self._retire_after = retire_after
        self._command = tuple(command) if command else (sys.executable, "-m", module)
        self._module = module
        self._size = size
        self._idle: list[Worker] = []
        self._lent: set[Worker] = set()
        self._free = threading.Condition()
        self._closed = False

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the living workers."""
        with self._free:
            return tuple(worker.process.pid for worker in (*self._idle, *self._lent))

    def call(self, operation: str, timeout_s: float, **arguments: Any) -> Any:
        """``operation``'s result from any worker; see ``run``."""
        return self.run(lambda worker: worker.call(operation, timeout_s, **arguments))

    def run(self, task: Callable[[Worker], T]) -> T:
        """What ``task`` gave back with a worker of its own; repeated once with a fresh worker after a death.

        Raises:
            EngineFailed: two workers died in a row, or the pool is closed.
            OperationFailed: as the worker answered.
        """
        for attempt in range(1, ATTEMPTS + 1):
            worker = self._lend()
            try:
                result = task(worker)
            except WorkerDied as death:
                _log.warning(
                    "worker died",
                    extra={"worker_module": self._module, "attempt": attempt, "reason": str(death)},
                )
                self._take_back(worker, alive=False)
            except BaseException:
                self._take_back(worker, alive=True)
                raise
            else:
                self._take_back(worker, alive=True)
                return result
        raise EngineFailed("The speech worker stopped twice while working on this text; try again.")

    def start_all(self) -> None:
        """Starts every worker that is not running yet."""
        with self._free:
            while len(self._idle) + len(self._lent) < self._size and not self._closed:
                self._idle.append(Worker(self._command))

    def each(self, operation: str, timeout_s: float, **arguments: Any) -> None:
        """Asks every worker of the pool once, one after another: pays costs ahead of the first request."""
        self.start_all()
        with self._free:
            workers = list(self._idle)
            self._idle.clear()
            self._lent.update(workers)
        for worker in workers:
            try:
                worker.call(operation, timeout_s, **arguments)
            except WorkerDied as death:
                self._take_back(worker, alive=False)
                _log.warning(
                    "worker died while warming", extra={"worker_module": self._module, "reason": str(death)}
                )
            except OperationFailed:
                self._take_back(worker, alive=True)
                raise
            else:
                self._take_back(worker, alive=True)

    def close(self) -> None:
        """Ends every worker, also those at work; calls that wait or follow fail."""
        with self._free:
            self._closed = True
            workers = [*self._idle, *self._lent]
            self._idle.clear()
            self._free.notify_all()
        for worker in workers:
            worker.process.kill()
            worker.process.wait()
        for worker in workers:
            if worker not in self._lent:
                worker.kill()

    def _lend(self) -> Worker:
        with self._free:
            while not self._closed:
                while self._idle:
                    worker = self._idle.pop()
                    if worker.process.poll() is None:
                        self._lent.add(worker)
                        return worker
                    worker.kill()
                if len(self._lent) < self._size:
                    worker = Worker(self._command)
                    self._lent.add(worker)
                    return worker
                self._free.wait()
        raise EngineFailed("The speech engine is closing; try again.")

    def _take_back(self, worker: Worker, *, alive: bool) -> None:
        with self._free:
            self._lent.discard(worker)
            if self._retire_after is not None and worker.calls >= self._retire_after:
                alive = False
            if alive and not self._closed and worker.process.poll() is None:
                self._idle.append(worker)
            else:
                worker.kill()
            self._free.notify()
