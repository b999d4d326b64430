"""Calls in threads of their own: several side by side, or one with something to look after meanwhile.

The threads are daemons, and nobody waits for them at the end of the program: what an app or an engine keeps waiting must not keep
slimmer from ending. Each call has a limit of time of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TypeVar

TICK = 0.5
"""Seconds between two looks."""

T = TypeVar("T")
R = TypeVar("R")


def begin(call: Callable[[], R]) -> Future[R]:
    """Make the call in a thread of its own."""
    future: Future[R] = Future()
    threading.Thread(target=fulfil, args=(future, call), daemon=True).start()
    return future


def attended(call: Callable[[], R], look: Callable[[], None]) -> R:
    """What the call returns or raises; or what `look` raises meanwhile: then the call is left to itself."""
    future = begin(call)
    while not wait([future], TICK).done:
        look()
    return future.result()


def side_by_side(
    work: Callable[[T], R], items: Sequence[T], width: int, head_start: Callable[[int], float] = lambda overtaken: 0.0
) -> list[R]:
    """The results of `work` for each item, in the items' order; at most `width` calls at a time.

    A call is begun when all before it have ended, or at the latest after `head_start` seconds, which is told how often that was
    so already. So where each ends soon, they come in turn. Raises what the first call raised, in the items' order.
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
    """Make the call here, and give the future what it returns or raises."""
    try:
        future.set_result(call())
    except BaseException as error:
        future.set_exception(error)
