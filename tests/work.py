"""Limits for tests of hostile input: processor time in units of what this machine does at this moment; and a limit for hangs."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

STEPS = 100_000
HANGING = 60.0
"""Seconds after which a call hangs that should have given up long before: half a second of work takes this machine no minute."""


@contextmanager
def work_of_at_most(units: float) -> Iterator[None]:
    """Raise AssertionError if what runs within takes more processor time than so many units.

    A unit is what a loop of 100,000 additions costs, before or after, whichever is more: about 5 ms on a usual machine that does
    nothing else. Child processes count, too. Input that makes an algorithm quadratic costs thousands of units.
    """
    unit = _unit()
    before = _spent()
    yield
    spent = _spent() - before
    unit = max(unit, _unit())
    assert spent <= units * unit, f"{spent / unit:.0f} units of work ({spent:.2f} s of processor time)"


def _unit() -> float:
    started, total = time.process_time(), 0
    for number in range(STEPS):
        total += number * number
    return time.process_time() - started


def _spent() -> float:
    """Seconds of processor time of this process and its children, the living and the dead."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = time.process_time() + ended.ru_utime + ended.ru_stime
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            times = child.cpu_times()
            spent += times.user + times.system
    return spent
