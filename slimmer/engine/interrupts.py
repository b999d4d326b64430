"""Engine calls that an interrupt does not cut in two: the engine would go on, and nobody would know what it makes.

A Ctrl-C raises KeyboardInterrupt in the main thread, wherever that is; so the call is made in another one, and waited for.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

INTERRUPTS = 10
"""So many Ctrl-C are put off until what was begun has come to its end."""

Result = TypeVar("Result")


def finish(work: Callable[[], Result], cancel: Callable[[], object] = lambda: None) -> Result:
    """Do `work` to its end and return its result; an interrupt calls `cancel`, and is raised when `work` has ended.

    Further ones, up to INTERRUPTS in all, are put off as well: `cancel`, which may be called again, makes the wait short.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    outcome: Future[Result] = Future()  # and no Thread.join: an interrupted one takes the thread for ended (3.11)
    try:
        _start(threading.Thread(target=_fulfil, args=(outcome, work), daemon=True))
        return outcome.result()
    except KeyboardInterrupt:
        _put_off(outcome, cancel)
        raise


def _put_off(outcome: Future[Result], cancel: Callable[[], object]) -> None:
    for _ in range(INTERRUPTS):
        with suppress(KeyboardInterrupt):
            cancel()
            outcome.exception()
            return


def _start(thread: threading.Thread) -> None:
    """Start a thread; an interrupt comes before or after, since one in between makes a thread that nobody knows."""
    if not hasattr(signal, "pthread_sigmask"):
        thread.start()
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        thread.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _fulfil(outcome: Future[Result], work: Callable[[], Result]) -> None:
    try:
        outcome.set_result(work())
    except BaseException as error:
        outcome.set_exception(error)
