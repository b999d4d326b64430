"""Threads that nobody waits for longer than a moment."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

import slimmer
from slimmer.workers import Workers

PATIENCE = 30.0

STUCK = """
import threading
from slimmer.workers import Workers
with Workers(1) as pool:
    stuck, waiting = pool.submit(threading.Event().wait), pool.submit(print, "never")
print(waiting.cancelled(), stuck.done())
"""


def test_work_gives_its_result_or_its_error() -> None:
    with Workers(2) as pool:
        assert pool.submit(divmod, 7, 2).result(PATIENCE) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 7, 0).result(PATIENCE)


def test_as_many_at_a_time_as_it_has_threads() -> None:
    meeting = threading.Barrier(3)
    with Workers(3) as pool:
        met = [pool.submit(meeting.wait, PATIENCE) for _ in range(6)]
        assert sorted(future.result(PATIENCE) for future in met) == [0, 0, 1, 1, 2, 2]


def test_what_was_begun_may_end_when_it_is_left() -> None:
    begun = threading.Event()
    with Workers(1) as pool:
        work = pool.submit(begun.wait, PATIENCE)
        begun.set()
    assert work.result(0)


def test_neither_its_end_nor_the_programs_waits_for_a_thread_that_is_stuck() -> None:
    ended = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert ended.stdout == "True False\n"


def test_nothing_else_makes_threads_that_python_waits_for_at_its_end() -> None:
    sources = Path(slimmer.__file__).parent.rglob("*.py")
    code = {path: path.read_text() for path in sources}
    assert [path for path, text in code.items() if "ThreadPoolExecutor" in text] == []
    starts = [line for text in code.values() for line in text.splitlines() if "threading.Thread(" in line]
    assert [line for line in starts if "daemon=True" not in line] == []
