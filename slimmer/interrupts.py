"""Engine calls that an interrupt does not cut in two: the engine would go on, and nobody would know what it makes.

A Ctrl-C raises KeyboardInterrupt in the main thread, wherever that is; so the call is made in another one, and waited for.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import TypeVar

from slimmer.tasks import fulfil

INTERRUPTS = 10
"""So many Ctrl-C are put off until what was begun has come to its end."""

PATIENCE = 3.0
"""Seconds for which one is put off: an engine that takes longer, or does not answer, is left to the run's watcher."""

TICK = 0.1

Result = TypeVar("Result")


def finish(work: Callable[[], Result], cancel: Callable[[], object] = lambda: None) -> Result:
    """Do `work` to its end and return its result; an interrupt calls `cancel`, and is raised when `work` has ended.

    Further ones, up to INTERRUPTS in all, are put off as well: `cancel`, which may be called again, makes the wait short.
    It lasts PATIENCE at most; then `work` goes on by itself, and nobody takes its result.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    outcome: Future[Result] = Future()  # and no Thread.join: an interrupted one takes the thread for ended (3.11)
    try:
        _start(threading.Thread(target=fulfil, args=(outcome, work), daemon=True))
        _await(outcome, math.inf)
        return outcome.result()
    except KeyboardInterrupt:
        _put_off(outcome, cancel)
        raise


def _put_off(outcome: Future[Result], cancel: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    for _ in range(INTERRUPTS):
        with suppress(KeyboardInterrupt):
            cancel()
            _await(outcome, end)
            return


def _await(outcome: Future[Result], end: float) -> None:
    """Wait for an outcome until so late, waking now and then: Python does not see a signal that comes just before a wait."""
    while not outcome.done() and (left := end - time.monotonic()) > 0:
        with suppress(TimeoutError):
            outcome.exception(min(left, TICK))
            return


@contextmanager
def without_interrupts() -> Iterator[None]:
    """An interrupt of this thread comes before or after, and not to a process or thread that is started within."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(thread: threading.Thread) -> None:
    """Start a thread; an interrupt in between would make a thread that nobody knows."""
    with without_interrupts():
        thread.start()
