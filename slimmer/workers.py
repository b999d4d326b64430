"""A pool of threads that does not delay the end of a run.

Python's own pool waits for its threads when it closes, and again when the program ends. An engine that does not answer would keep
slimmer from ending for minutes.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from slimmer.interrupts import without_interrupts
from slimmer.tasks import fulfil

LAST_WAIT = 0.5
"""Seconds that work in progress gets when the pool closes."""

TICK = 0.1

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Task = Callable[[], None]


class Workers:
    """Runs work in up to `number` threads. When the block ends, work that has not begun is cancelled, and the rest gets LAST_WAIT seconds."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._open: set[Future[Any]] = set()

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            left = list(self._open)
        for future in left:
            future.cancel()
        wait(left, LAST_WAIT)
        for _ in range(self._threads):
            self._tasks.put(None)

    def submit(
        self, work: Callable[Arguments, Result], *arguments: Arguments.args, **options: Arguments.kwargs
    ) -> Future[Result]:
        """Run `work` as soon as a thread is free."""
        future: Future[Result] = Future()
        with self._lock:
            self._open.add(future)
        future.add_done_callback(self._forget)
        self._tasks.put(lambda: _do(future, lambda: work(*arguments, **options)))
        self._start_one()
        return future

    def _start_one(self) -> None:
        with self._lock:
            if self._threads >= min(self._number, len(self._open)):
                return
            self._threads += 1
        with without_interrupts():
            threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()

    def _forget(self, future: Future[Result]) -> None:
        with self._lock:
            self._open.discard(future)


def wait_for(futures: Iterable[Future[Any]], end: float) -> None:
    """Wait for all futures, at most until `end` (time.monotonic). An interrupt is raised at once."""
    left = set(futures)
    while left and (seconds := end - time.monotonic()) > 0:
        left = set(wait(left, min(seconds, TICK)).not_done)


def _do(future: Future[Result], work: Callable[[], Result]) -> None:
    """Run the work, unless it was cancelled."""
    if future.set_running_or_notify_cancel():
        fulfil(future, work)
