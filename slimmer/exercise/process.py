"""Run a command on this machine to its end, keep the tail of its output, and leave no child process behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from typing import IO

from slimmer.exit_codes import TIMED_OUT
from slimmer.formatting import OUTPUT_TAIL, output_text
from slimmer.interrupts import finish

TICK = 0.05
GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""


def run_shell(
    command: str, environment: Mapping[str, str], timeout: float, abandon: Callable[[], bool]
) -> tuple[int, str]:
    """Run `sh -c COMMAND` until it exits, `timeout` seconds are over, or `abandon` returns True.

    Return the exit code and the last 4 kB of stdout and stderr together. The exit code is 128 + number for a signal, as in the shell,
    and 124 if the command was ended here. Its whole process group is ended in any case, even if an exception is raised.
    """
    interrupted = threading.Event()
    return finish(
        lambda: _run(command, environment, timeout, lambda: interrupted.is_set() or abandon()), interrupted.set
    )


def _run(command: str, environment: Mapping[str, str], timeout: float, abandon: Callable[[], bool]) -> tuple[int, str]:
    """Run the command. This is a thread of its own: an interrupt between fork and bookkeeping would leave a process behind."""
    signal.pthread_sigmask(
        signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    )  # the command inherits the mask
    process = subprocess.Popen(
        ["sh", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **environment},
        start_new_session=True,
    )
    assert process.stdout is not None
    output = _Tail(process.stdout)
    try:
        in_time = _wait(process, time.monotonic() + timeout, abandon)
    finally:
        _end_group(process)
    code = process.returncode
    if not in_time:
        return TIMED_OUT, output.text()
    return (code if code >= 0 else 128 - code), output.text()


def _wait(process: subprocess.Popen[bytes], end: float, abandon: Callable[[], bool]) -> bool:
    while time.monotonic() < end:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(min(TICK, max(0.0, end - time.monotonic())))
            return True
        if abandon():
            return False
    return False


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End the process group: first politely, then by force. This includes what a finished command left in the background."""
    if process.poll() is None:
        _signal(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
    _signal(process.pid, signal.SIGKILL)
    process.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


class _Tail:
    """Reads a pipe to its end in a thread, and keeps the last bytes."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._data = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def text(self) -> str:
        """Return what was read. Do not wait long: a process that left its group may hold the pipe open."""
        self._thread.join(GRACE)
        return output_text(self._data)

    def _read(self) -> None:
        with self._pipe:
            while data := os.read(self._pipe.fileno(), 1 << 16):
                self._data = (self._data + data)[-OUTPUT_TAIL:]
