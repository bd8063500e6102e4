"""A bounded hand-over between the threads of one task, which ends for everybody at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Closed(Exception):
    """The task stopped; whoever sees this returns."""


class Switch:
    """The shared stop of one task. Thread-safe, idempotent."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._channels: list[threading.Condition] = []

    def stop(self) -> None:
        """Wakes everybody who waits on a channel of this task."""
        self._stopped.set()
        for condition in self._channels:
            with condition:
                condition.notify_all()

    def stopped(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stopped.is_set()

    def watch(self, condition: threading.Condition) -> None:
        """``stop`` will notify ``condition``."""
        self._channels.append(condition)


class Channel(Generic[T]):
    """At most ``size`` items from producers to one consumer."""

    def __init__(self, switch: Switch, size: int) -> None:
        self._switch = switch
        self._size = size
        self._items: deque[T] = deque()
        self._ended = False
        self._changed = threading.Condition()
        switch.watch(self._changed)

    def put(self, item: T) -> None:
        """Waits for room. Raises ``Closed`` once the task has stopped."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self._size or self._switch.stopped())
            if self._switch.stopped():
                raise Closed
            self._items.append(item)
            self._changed.notify_all()

    def end(self) -> None:
        """Nothing more will be put."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def take(self) -> list[T]:
        """Everything that waits, at least one item; an empty list at the end.

        Raises ``Closed`` once the task has stopped.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._ended or self._switch.stopped())
            if self._switch.stopped():
                raise Closed
            taken = list(self._items)
            self._items.clear()
            self._changed.notify_all()
            return taken

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._ended or self._switch.stopped())
                if self._switch.stopped():
                    raise Closed
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item
