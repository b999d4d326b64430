"""A call that may take long, and something to look after meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

TICK = 0.5
"""Seconds between two looks."""

T = TypeVar("T")


def attended(call: Callable[[], T], look: Callable[[], None]) -> T:
    """What the call returns or raises; or what `look` raises meanwhile: then the call is left to itself, in its daemon thread."""
    future: Future[T] = Future()
    threading.Thread(target=_run, args=(call, future), daemon=True).start()
    while not wait([future], TICK).done:
        look()
    return future.result()


def _run(call: Callable[[], T], future: Future[T]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:
        future.set_exception(error)
