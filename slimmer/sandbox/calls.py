"""Restrict the system calls of a child with a seccomp filter, on Linux. All other calls fail with EPERM.

Limits and another user keep a child away from files, programs and the network. That is not enough: if slimmer does not run as root, a
child runs as slimmer's user, and could trace, write to, signal and limit that user's processes.

Sources: seccomp(2), the kernel's tables of system calls, struct sock_filter of linux/filter.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Machine:
    """The numbers of the allowed calls on a machine. `signals` and `limits` may only be used on this process (0 for `limits`)."""

    architecture: int
    any: tuple[int, ...]
    signals: tuple[int, ...]
    limits: int


_MACHINES = {
    "x86_64": _Machine(
        0xC000003E,
        # read write close fstat poll lseek mmap mprotect munmap brk, rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack,
        # writev sched_yield mremap madvise nanosleep getitimer setitimer getpid exit exit_group, gettimeofday getrlimit getrusage
        # times getuid getppid gettid futex time restart_syscall, clock_gettime clock_getres clock_nanosleep ppoll getrandom
        # membarrier rseq
        (
            *(0, 1, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 131, 20, 24, 25, 28, 35, 36, 38, 39, 60, 231, 96, 97, 98),
            *(100, 102, 110, 186, 202, 201, 219, 228, 229, 230, 271, 318, 324, 334),
        ),
        (62, 200, 234),  # kill tkill tgkill
        302,  # prlimit64
    ),
    "aarch64": _Machine(
        0xC00000B7,
        # the same, without poll (ppoll is there) and time
        (
            *(
                63,
                64,
                57,
                80,
                62,
                222,
                226,
                215,
                214,
                134,
                135,
                139,
                132,
                66,
                124,
                216,
                233,
                101,
                102,
                103,
                172,
                93,
                94,
            ),
            *(169, 163, 165, 153, 174, 173, 178, 98, 128, 113, 114, 115, 73, 278, 283, 293),
        ),
        (129, 130, 131),
        261,
    ),
}

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def refuse_calls() -> bool:
    """Install the filter. no_new_privs must be set. Return False if there is no filter for this machine or the kernel has no support."""
    machine = _MACHINES.get(os.uname().machine)
    if sys.platform != "linux" or machine is None or sys.maxsize < 1 << 32 or sys.byteorder != "little":
        return False
    code = b"".join(_filter(machine, os.getpid()))
    program = _Program(len(code) // 8, code)
    return bool(ctypes.CDLL(None).prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0)


def _filter(machine: _Machine, process: int) -> Iterable[bytes]:
    """Yield the filter's instructions: loads, comparisons that skip what follows, and results. A process ID is 32 bits of its argument."""
    yield _step(_LOAD, _ARCHITECTURE)
    yield _step(_EQUAL, machine.architecture, 1)
    yield _step(_RETURN, _REFUSE)
    yield _step(_LOAD, _NUMBER)
    for number in machine.any:
        yield _step(_EQUAL, number, 0, 1)
        yield _step(_RETURN, _ALLOW)
    for number, only in [*((number, process) for number in machine.signals), (machine.limits, 0)]:
        yield _step(_EQUAL, number, 0, 4)
        yield _step(_LOAD, _FIRST_ARGUMENT)
        yield _step(_EQUAL, only, 1)
        yield _step(_RETURN, _REFUSE)
        yield _step(_RETURN, _ALLOW)
    yield _step(_RETURN, _REFUSE)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)
