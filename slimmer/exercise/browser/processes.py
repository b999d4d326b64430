"""The processes below the worker: what memory they use, and their end."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from pathlib import Path

import psutil

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Let processes whose parent has ended be below this one: PR_SET_CHILD_SUBREAPER(2const)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _below() -> list[psutil.Process]:
    with suppress(psutil.Error):
        return psutil.Process().children(recursive=True)
    return []


def memory() -> int:
    """Return the bytes that all processes of the browser use, without what they share with files."""
    return sum(_used(process.pid) for process in _below())


def _used(pid: int) -> int:
    """Return RssAnon and RssShmem of a process: proc_pid_status(5)."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has ended, or this is not Linux
        with suppress(psutil.Error):
            return int(psutil.Process(pid).memory_info().rss)
        return 0
    kilobytes = (line.split()[1] for line in lines if line.startswith(("RssAnon:", "RssShmem:")))
    return sum(map(int, kilobytes)) << 10


def kill_below() -> None:
    """Kill all processes below this one. Those whose parent has ended are below it, too (PR_SET_CHILD_SUBREAPER)."""
    for _ in range(5):
        found = _below()
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(found, 2.0)
        if not found:
            return
