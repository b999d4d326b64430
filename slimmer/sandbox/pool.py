"""The children of this process: started when they are needed, lent to one caller at a time, kept for the next one.

Children know nothing of images, so that all of a process's callers can share them. They are all started by one thread that
lives as long as the process: Linux ends a child when the *thread* ends that started it (slimmer.sandbox.limits).
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
        """`readers` gives the places of the readers that a child must know."""
        self._readers = readers
        self._lock = threading.Lock()
        self._starter = Workers(1)
        self._idle: list[Child | Future[Child]] = []

    def warm(self) -> None:
        """Begin to start a child, if there is none: it takes a fifth of a second, in which others can work."""
        with self._lock:
            if not self._idle:
                self._idle.append(self._start())

    def lend(self, most: int) -> list[Child]:
        """At least one child and at most `most`. Raises SandboxFailed when none can be started.

        A child that died, or that was started before one of the readers was declared, is replaced.
        """
        with self._lock:
            taken = [self._idle.pop() for _ in range(min(most, len(self._idle)))]
            taken += [self._start() for _ in range(most - len(taken))]
        children = [child for one in taken if (child := _started(one)) is not None]
        readers = self._readers()
        fit = [child for child in children if child.is_alive and child.readers == readers]
        for child in children:
            if child not in fit:
                child.end()
        return fit or [self.fresh()]

    def fresh(self) -> Child:
        """A new child. Raises SandboxFailed."""
        with self._lock:
            starting = self._start()
        return starting.result()

    def take_back(self, children: list[Child]) -> None:
        """Keep children that have nothing left to do."""
        with self._lock:
            self._idle += children

    def close(self) -> None:
        """End all that wait."""
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
