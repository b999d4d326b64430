"""Readers that do what a parser does whose author did not think of hostile input. Children load them, by PLACES."""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PLACES = tuple(
    f"{__name__}:{name}" for name in ("say", "die", "spin", "sleep", "fill", "fault", "fail", "long", "look")
)


@dataclass(frozen=True, slots=True)
class Said:
    """What was read."""

    text: str = ""
    numbers: tuple[int, ...] = ()


def say(content: bytes, more: str = "") -> Said:
    return Said(content.decode(errors="surrogateescape") + more, (len(content),))


def die(content: bytes, number: int) -> Said:
    if content == b"hostile":
        os.kill(os.getpid(), number)
    return say(content)


def spin(content: bytes) -> Said:
    while content == b"hostile":
        pass
    return say(content)


def sleep(content: bytes) -> Said:
    if content == b"hostile":
        time.sleep(1000)
    return say(content)


def fill(content: bytes) -> Said:
    pieces = [b"x" * (1 << 24) for _ in range(1 << 10 if content == b"hostile" else 1)]
    return say(content, str(len(pieces)))


def fault(content: bytes) -> Said:
    if content == b"hostile":
        ctypes.memset(0, 1, 1)
    return say(content)


def fail(content: bytes, number: int = 0) -> Said:
    if content == b"hostile":
        raise OSError(5, "no")
    return say(content)


def long(content: bytes) -> Said:
    return Said("x" * ((1 << 25) if content == b"hostile" else 1))


def _file_in_place_of_the_input() -> object:
    os.close(0)
    return os.open("/etc/passwd", os.O_RDONLY)


_LIBRARY = ctypes.CDLL(None, use_errno=True)
_PTRACE_SEIZE = 0x4206


def _asked(request: int, process: int) -> None:
    if _LIBRARY.ptrace(request, process, None, None):
        raise OSError(ctypes.get_errno(), "ptrace")


def look(content: bytes) -> Said:
    """What a reader whose code was taken over would look for."""
    found = [name for name, value in os.environ.items() if value == "password"]
    attempts: dict[str, Callable[[], object]] = {
        "a file": Path("/etc/passwd").read_bytes,
        "a socket": socket.socket,
        "a process": os.fork,
        "a pipe": os.pipe,
        "a file in place of the input": _file_in_place_of_the_input,
        "more descriptors": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (99, 99)),
        "more memory": lambda: resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)),
        "root": lambda: os.setuid(0),
        "the parent, to signal it": lambda: os.kill(os.getppid(), 0),
        "everybody, to signal them": lambda: os.kill(-1, 0),
        "the parent's limits": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE),
        "the parent, to trace it": lambda: _asked(_PTRACE_SEIZE, os.getppid()),
    }
    for name, attempt in attempts.items():
        with suppress(OSError, ValueError):
            attempt()
            found.append(name)
    limits = resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_FSIZE)
    return Said(" ".join(sorted(found)), tuple(number for limit in limits for number in limit))
