"""The children of this process. They start when they are needed, serve one caller at a time, and are kept for the next one.

Children know nothing about images, so that all callers can share them. One thread that lives as long as the process starts all of
them, because Linux ends a child when the *thread* that started it ends (slimmer.sandbox.limits).
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from slimmer.errors import SandboxFailed
from slimmer.sandbox.child import Child
from slimmer.sandbox.readers import declared
from slimmer.workers import Workers


class Pool:
    """Children that wait for work. Safe to use from several threads."""

    def __init__(self, readers: Callable[[], tuple[str, ...]] = declared) -> None:
        """`readers` returns the places of the readers that a child must know."""
        self._readers = readers
        self._lock = threading.Lock()
        self._starter = Workers(1)
        self._idle: list[Child | Future[Child]] = []

    def warm(self) -> None:
        """Begin to start a child if there is none. That takes a fifth of a second, in which other work can go on."""
        with self._lock:
            if not self._idle:
                self._idle.append(self._start())

    def lend(self, most: int) -> list[Child]:
        """Return at least one child and at most `most`. Raise SandboxFailed if none can be started.

        Children that died, or that started before one of the readers was declared, are replaced.
        """
        with self._lock:
            taken = [self._idle.pop() for _ in range(min(most, len(self._idle)))]
            taken += [self._start() for _ in range(most - len(taken))]
        children = [child for one in taken if (child := _started(one)) is not None]
        readers = frozenset(self._readers())
        fit = [child for child in children if child.is_alive and readers.issubset(child.readers)]
        for child in children:
            if child not in fit:
                child.end()
        return fit or [self.fresh()]

    def fresh(self) -> Child:
        """Return a new child. Raise SandboxFailed if it cannot be started."""
        with self._lock:
            starting = self._start()
        return starting.result()

    def take_back(self, children: list[Child]) -> None:
        """Keep children that have nothing left to do."""
        with self._lock:
            self._idle += children

    def close(self) -> None:
        """End all idle children."""
        with self._lock:
            idle, self._idle = self._idle, []
        for one in idle:
            if (child := _started(one)) is not None:
                child.end()

    def _start(self) -> Future[Child]:
        return self._starter.submit(Child, self._readers())


def _started(one: Child | Future[Child]) -> Child | None:
    if isinstance(one, Child):
        return one
    with suppress(SandboxFailed):
        return one.result()
    return None


POOL = Pool()
"""All children of this process."""

atexit.register(POOL.close)
