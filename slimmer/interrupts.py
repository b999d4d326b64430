"""Protect engine calls from interrupts. Otherwise the engine would go on, and slimmer would not know what it makes.

Ctrl-C raises KeyboardInterrupt in the main thread, wherever that is. So the call runs in another thread, and the main thread waits.
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
"""The number of interrupts that wait until the work has ended."""

PATIENCE = 3.0
"""The most seconds that an interrupt waits. If the engine takes longer or does not answer, the run's watcher cleans up."""

TICK = 0.1

Result = TypeVar("Result")


def finish(work: Callable[[], Result], cancel: Callable[[], object] = lambda: None) -> Result:
    """Run `work` to its end and return its result. An interrupt calls `cancel`, and is raised when `work` has ended.

    Up to INTERRUPTS interrupts wait like this. `cancel` may be called several times, and should make `work` end soon. After PATIENCE
    seconds the interrupt is raised anyway; `work` goes on, and its result is lost.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    outcome: Future[Result] = Future()  # not Thread.join: after an interrupt, it takes the thread for ended (3.11)
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
    """Wait for an outcome, at most until `end`. Wake now and then: Python does not notice a signal just before a wait."""
    while not outcome.done() and (left := end - time.monotonic()) > 0:
        with suppress(TimeoutError):
            outcome.exception(min(left, TICK))
            return


@contextmanager
def without_interrupts() -> Iterator[None]:
    """Hold back interrupts of this thread within the block. Processes and threads started there inherit that."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(thread: threading.Thread) -> None:
    """Start a thread without interrupts, so that no thread is lost."""
    with without_interrupts():
        thread.start()
