"""Make calls in threads: several side by side, or one while something else is checked.

The threads are daemons, and the program does not wait for them at its end: a call that waits for an app or an engine must not keep
slimmer from ending. Each call has its own time limit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TypeVar

TICK = 0.5
"""Seconds between two checks."""

T = TypeVar("T")
R = TypeVar("R")


def begin(call: Callable[[], R]) -> Future[R]:
    """Start the call in a new thread."""
    future: Future[R] = Future()
    threading.Thread(target=fulfil, args=(future, call), daemon=True).start()
    return future


def attended(call: Callable[[], R], look: Callable[[], None]) -> R:
    """Return or raise what the call does. Meanwhile, call `look` now and then; if that raises, the call is abandoned."""
    future = begin(call)
    while not wait([future], TICK).done:
        look()
    return future.result()


def side_by_side(
    work: Callable[[T], R], items: Sequence[T], width: int, head_start: Callable[[int], float] = lambda overtaken: 0.0
) -> list[R]:
    """Return the results of `work` for each item, in order. At most `width` calls run at the same time.

    A call starts when all earlier ones have ended, or after `head_start` seconds. That function gets the number of times that a call
    did not wait for the others. So calls that end soon run one after the other. Raises what the first failed call raised, in order.
    """
    if len(items) == 1:
        return [work(items[0])]
    futures: list[Future[R]] = []
    running: set[Future[R]] = set()
    overtaken = 0
    for item in items:
        running = set(wait(running, head_start(overtaken)).not_done)
        overtaken += bool(running)
        while len(running) >= width:
            running = set(wait(running, return_when=FIRST_COMPLETED).not_done)
        futures.append(begin(lambda item=item: work(item)))  # type: ignore[misc]
        running.add(futures[-1])
    return [future.result() for future in futures]


def fulfil(future: Future[R], call: Callable[[], R]) -> None:
    """Make the call in this thread, and put what it returns or raises into the future."""
    try:
        future.set_result(call())
    except BaseException as error:
        future.set_exception(error)
