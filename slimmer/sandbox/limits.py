"""What a child gives up before it reads anything: memory, time, files, programs, the network, the user's rights and processes.

Sources: getrlimit(2), setitimer(2), prctl(2). Where a system lacks a limit (macOS has no limit on address space), the others
hold. Time is bounded for each job by a timer of the processor time that the process uses (ITIMER_PROF), so that a busy
machine makes no difference; its signal, SIGPROF, ends the process even in the middle of native code.
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
"""Processor time for one file."""

MEMORY = 1 << 30
"""Bytes of address space: a program of 200 MB has to fit in, and the tree of a source of 1 MiB."""

STACK = 8 << 20
"""Bytes of the stack on which parsers run (the main thread's)."""

LIFETIME = 900
"""Processor time of a child's whole life, in seconds."""

_NOBODY = 65534
"""The user without rights: the kernel's overflow ID, and "nobody" on Linux."""

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


def confine() -> None:
    """Give up what reading bytes from a pipe does not need. There is no way back.

    Nothing can be imported any more, and whoever tries learns that there is no such module (as codecs.lookup does).
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
    """Root could lift the limits again, and read any file."""
    if os.geteuid() == 0:
        with suppress(OSError):  # a user namespace may have no such user
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)


def _leave_with_parent() -> None:
    """End when the thread ends that started this process. Changing the user clears this, so it comes after that."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def start_timer() -> None:
    """Begin to count the processor time of a job."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)


def stop_timer() -> None:
    """The job is done."""
    signal.setitimer(signal.ITIMER_PROF, 0)
