"""Signals of the command line: what ends a program, as an end of a watch that is no failure."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTS = tuple(number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)))
"""Signals with which a user ends a program."""


@contextmanager
def interrupts_as_event() -> Iterator[threading.Event]:
    """Within, such a signal sets the event and does nothing else. One that is ignored (nohup) stays so."""
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
