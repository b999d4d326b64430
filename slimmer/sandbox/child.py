"""One child process, as its parent sees it: it takes jobs, gives answers, and may die at any time."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

from slimmer.errors import SandboxFailed
from slimmer.sandbox.frames import ANSWER, ANSWER_LIMIT, Kind
from slimmer.sandbox.limits import SECONDS

AHEAD = 1 << 18
"""Bytes of jobs to give to a child before it has answered, so that it does not have to wait for the next one."""

_PIPE = 1 << 20
_PIECE = 1 << 18
_MAIN = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from slimmer.sandbox.worker import main; main(json.loads(sys.argv[2]))"
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
"""The variables that Python may need to find its own library. No others are passed on, because they may hold secrets."""


class Child:
    """A process that reads jobs. It gets the parent's module path, but neither its environment nor its file descriptors.

    `readers` are the places of the readers that it knows (slimmer.sandbox.readers). Raises SandboxFailed if it cannot be started.
    """

    def __init__(self, readers: tuple[str, ...]) -> None:
        self.readers = readers
        path = json.dumps([os.path.abspath(entry) for entry in sys.path])  # noqa: PTH100 (entries need not exist)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-X", "utf8", "-c", _MAIN, path, json.dumps(readers)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd="/",
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                start_new_session=True,  # only the parent gets Ctrl-C, and it ends its children
            )
        except OSError as error:
            raise SandboxFailed(f"cannot start a process to read the image's files: {error}") from error
        assert self._process.stdin is not None and self._process.stdout is not None
        self.input, self.output = self._process.stdin.fileno(), self._process.stdout.fileno()
        for end in (self.input, self.output):
            os.set_blocking(end, False)
        with suppress(OSError, AttributeError):
            fcntl.fcntl(self.input, fcntl.F_SETPIPE_SZ, _PIPE)
        self.unanswered: deque[int] = deque()
        self.is_ready = False
        self.heard = time.monotonic()
        self.used = 0.0  # seconds of CPU time, set when it is dead
        self._unsent: deque[memoryview] = deque()
        self._ahead = 0
        self._sizes: deque[int] = deque()
        self._received = bytearray()

    @property
    def is_alive(self) -> bool:
        """True unless it is known to be dead."""
        return self._process.poll() is None

    @property
    def has_room(self) -> bool:
        """True if it should be given another job now."""
        return not self.unanswered or self._ahead < AHEAD

    @property
    def is_sending(self) -> bool:
        """True if some jobs were not sent completely yet."""
        return bool(self._unsent)

    def give(self, number: int, head: bytes, content: bytes) -> None:
        """Queue a job for it. `send` sends it."""
        if not self.unanswered:
            self.heard = time.monotonic()
        self.unanswered.append(number)
        self._sizes.append(len(content))
        self._ahead += len(content)
        self._unsent.append(memoryview(head))
        if content:
            self._unsent.append(memoryview(content))

    def send(self) -> None:
        """Send as much as fits into the pipe. Raise BrokenPipeError if the child is dead."""
        while self._unsent:
            piece = self._unsent[0]
            try:
                sent = os.write(self.input, piece[:_PIECE])
            except BlockingIOError:
                return
            self.heard = time.monotonic()
            if sent == len(piece):
                self._unsent.popleft()
            else:
                self._unsent[0] = piece[sent:]

    def receive(self) -> Iterator[tuple[int, Kind, bytes]]:
        """Yield the answers that have arrived, with the numbers of their jobs. Raise EOFError if the child is dead or its output is invalid."""
        with suppress(BlockingIOError):
            piece = os.read(self.output, _PIECE)
            if not piece:
                raise EOFError
            self._received += piece
            self.heard = time.monotonic()
        while len(self._received) >= ANSWER.size:
            kind, length = ANSWER.unpack_from(self._received)
            if length > ANSWER_LIMIT or kind not in tuple(Kind) or (kind == Kind.READY) == self.is_ready:
                raise EOFError
            if len(self._received) < ANSWER.size + length:
                return
            text = bytes(self._received[ANSWER.size : ANSWER.size + length])
            del self._received[: ANSWER.size + length]
            if kind == Kind.READY:
                self.is_ready = True
            elif self.unanswered:
                self._ahead -= self._sizes.popleft()
                yield self.unanswered.popleft(), Kind(kind), text
            else:
                raise EOFError

    @property
    def was_ended(self) -> bool:
        """True if a signal killed it that others send and parsers do not cause."""
        return self._process.returncode in (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP, -signal.SIGINT)

    def seconds(self) -> float:
        """Return the CPU time that it has used so far."""
        import psutil

        try:
            times = psutil.Process(self._process.pid).cpu_times()
        except psutil.Error:
            return self.used
        return float(times.user + times.system)

    def end(self) -> str:
        """Kill it, and return the cause of its death, which may be earlier. Then `used` has its CPU time."""
        if self._process.returncode is None:
            os.kill(self._process.pid, signal.SIGKILL)  # it was not reaped yet, so the process ID is still its own
            _, status, usage = os.wait4(self._process.pid, 0)
            self._process.returncode = os.waitstatus_to_exitcode(status)
            self.used = usage.ru_utime + usage.ru_stime
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        return _death(self._process.returncode)


def _death(code: int) -> str:
    """Return the reason for the user if a process ended with this code. As in Popen, signals are negative."""
    if code in (-signal.SIGPROF, -signal.SIGXCPU):
        return f"it takes more than {SECONDS:.0f} s of CPU time"
    if code < 0:
        return f"its reader was killed by {_signal(-code)}"
    return f"its reader ended with exit code {code}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
