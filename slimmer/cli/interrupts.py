"""Turn the signals that end a program into the regular end of a watch."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTS = tuple(number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)))
"""The signals that a user ends a program with."""


@contextmanager
def interrupts_as_event() -> Iterator[threading.Event]:
    """Yield an event. Within the block, the signals in INTERRUPTS set it and do nothing else. Ignored signals (nohup) stay ignored."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    handled = [number for number in INTERRUPTS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, lambda number, frame: event.set()) for number in handled}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
