"""Confine a child before it reads anything: limit its memory and time, and take away files, programs, the network and the user's rights.

Sources: getrlimit(2), setitimer(2), prctl(2). If a system lacks a limit (macOS has no limit on address space), the others still hold.
The time of each job is bounded by a timer of the process's CPU time (ITIMER_PROF), so that a busy machine makes no difference. Its
signal, SIGPROF, ends the process even in the middle of native code.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from importlib.machinery import BuiltinImporter

from slimmer.sandbox.calls import refuse_calls

SECONDS = 2.0
"""CPU time for one file."""

MEMORY = 1 << 30
"""Bytes of address space. A program of 200 MB must fit, and the tree of a source of 1 MiB."""

STACK = 8 << 20
"""Bytes of the main thread's stack, where parsers run."""

LIFETIME = 900
"""Seconds of CPU time for a child's whole life."""

_NOBODY = 65534
"""The user without rights: the kernel's overflow ID, and "nobody" on Linux."""

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


def confine() -> None:
    """Give up everything that is not needed to read bytes from a pipe. This cannot be undone.

    Afterwards, every import fails as if there were no such module. codecs.lookup, which imports, copes with that.
    """
    sys.meta_path[:] = [BuiltinImporter]
    for name, most in _LIMITS.items():
        number = getattr(resource, name, None)
        if number is not None:
            with suppress(ValueError, OSError):
                _limit(number, most)
    _become_nobody()
    if sys.platform == "linux":
        _leave_with_parent()
        refuse_calls()


_LIMITS = {
    "RLIMIT_AS": MEMORY,
    "RLIMIT_STACK": STACK,
    "RLIMIT_CPU": LIFETIME,
    "RLIMIT_CORE": 0,
    "RLIMIT_FSIZE": 0,
    "RLIMIT_NPROC": 0,  # no program, and no thread
    "RLIMIT_NOFILE": 0,  # no file and no socket, besides the descriptors that are open already
}


def _limit(number: int, most: int) -> None:
    _, hard = resource.getrlimit(number)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(number, (most, most))


def _become_nobody() -> None:
    """Give up root, which could lift the limits again and read any file."""
    if os.geteuid() == 0:
        with suppress(OSError):  # a user namespace may have no such user
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)


def _leave_with_parent() -> None:
    """Make this process end with the thread that started it. Changing the user clears this setting, so call this afterwards."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def start_timer() -> None:
    """Start to measure the CPU time of a job."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)


def stop_timer() -> None:
    """Stop the timer when the job is done."""
    signal.setitimer(signal.ITIMER_PROF, 0)
