"""A run of the image under the probe: a Subject that can be exercised, and in the end an AccessLog.

The container's PID 1 is held by its own filter until the supervisor, started with `exec`, has taken over; so the first
record is the app's own execve.
"""

from __future__ import annotations

import itertools
import os
import signal as signals
import sys
import time
from collections.abc import Callable
from concurrent.futures import wait
from types import TracebackType
from typing import Protocol

from slimmer.errors import AppFailed, EngineError, ObservationIncomplete
from slimmer.exit_codes import KILLED, TIMED_OUT
from slimmer.observe.log import AccessLog
from slimmer.observe.probe_stream import ATTACH_TIMEOUT, ProbeStream, Stream
from slimmer.observe.records import CommandResult, RecordReader
from slimmer.probe_mount import ProbeMount
from slimmer.runs.container_run import ContainerRun, RunningContainer
from slimmer.tasks import attended, begin

STOP_TIMEOUT = 10.0
"""What `docker stop` waits before it kills, unless the image says otherwise."""

END_TIMEOUT = 1.0
"""Seconds for the end of a container to become known, whose processes are gone already."""

RELEASE_PATIENCE = 3.0
CLOSE_PATIENCE = 1.0
"""Seconds for the probe to answer before it is left."""

POLL = 0.01

ENDED_HINT = (
    "It was killed: by the kernel, which was short of memory, or by a root app. Run the app as another user then (--user), or keep "
    "it from signals to processes that are not its own."
)


class WatchedContainer(RunningContainer, Protocol):
    """The part of slimmer.engine.containers.Container that a run under the probe needs."""

    def start(self) -> None: ...

    def exec_stream(self, argv: tuple[str, ...], *, user: str) -> Stream: ...

    def kill(self, signal: str) -> None: ...


class WatchedRun(ContainerRun[WatchedContainer]):
    """A container under the probe. Use it as a context manager: leaving it kills what is left of the run."""

    def __init__(
        self,
        container: WatchedContainer,
        mount: ProbeMount,
        identity: str,
        recorder: str,
        endpoint: Callable[[int], tuple[str, int]],
        reader: RecordReader | None = None,
        release: Callable[[], None] = lambda: None,
    ) -> None:
        """`mount` is the probe in the container. `release` ends a supervisor that was stopped: what it traces could not end,
        and the engine not remove the container. `reader` takes the records in; a caller that passes its own has them, too,
        when the run fails.
        """
        super().__init__(container, endpoint)
        self._mount = mount
        self._release = release
        self._identity = identity
        self._recorder = recorder
        self._reader = reader or RecordReader()
        self._reader.expect(mount)
        self._numbers = itertools.count(1)
        self._stream: ProbeStream | None = None

    def __enter__(self) -> WatchedRun:
        try:
            self._container.start()
            self._supervise()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._stream is not None:
            if not self._stream.answers_within(CLOSE_PATIENCE):
                wait([begin(self._release)], RELEASE_PATIENCE)  # no longer: it may be the engine that does not answer
            self._stream.close()

    # ------------------------------------------------------------------ the supervisor

    def _supervise(self) -> None:
        argv = (self._mount.program, "supervise", "--recorder", self._recorder)
        try:
            self._stream = ProbeStream(self._container.exec_stream(argv, user="0:0"), self._reader)
        except EngineError:
            self._check_started()
            raise
        if not self._stream.wait_for(lambda: bool(self._reader.attached), ATTACH_TIMEOUT):
            self._stream.check()
            self._check_started()
            raise ObservationIncomplete(
                "the probe did not take over the app", hint="`slimmer doctor` tells what the engine's kernel allows."
            )

    def _supervised(self) -> ProbeStream:
        if self._stream is None:
            raise EngineError("the run is not supervised")
        return self._stream

    def _check_started(self) -> None:
        """Raises AppFailed when the container has ended already: its command could not be run."""
        code = self._container.wait(END_TIMEOUT)
        if code is not None:
            raise AppFailed(f"the app exited at once, with code {code}{_quoted(self.last_log_lines())}")

    # ------------------------------------------------------------------ Subject

    def listening_ports(self) -> tuple[int, ...]:
        """Ports on which the probe saw the app listen, each once, in the order of their appearance."""
        return self._supervised().listening_ports()

    def exit_code(self) -> int | None:
        """The app's exit code, None while it runs. Raises ObservationIncomplete when it runs on unwatched."""
        stream = self._supervised()
        if not stream.over:
            return None
        code = self._container.wait(STOP_TIMEOUT)
        if code is None and not self._reader.ended:
            stream.check()
            raise ObservationIncomplete("the probe was ended, but the app goes on without it", hint=ENDED_HINT)
        return code

    def wait(self, seconds: float) -> None:
        """Return at the next record, at the end of the run, or after so many seconds."""
        self._supervised().wait(seconds)

    def check_observed(self) -> None:
        """Raises ObservationIncomplete when the probe does not answer: then the app is held at its calls, and not to blame."""
        self._supervised().check_alive()

    def execute(self, command: tuple[str, ...], timeout: float) -> tuple[int, str]:
        """Run a command in the container, as the image's user, under the probe like the app itself.

        Exit code and the last 4 kB of the output. A command that does not end in time has exit code 124, as with timeout(1);
        it ends with the container. One that ends with the container has 137. Raises ObservationIncomplete when the probe does
        not answer meanwhile: the command would wait for it.
        """
        return attended(lambda: self._ordered(command, timeout), self._supervised().heartbeat())

    def _ordered(self, command: tuple[str, ...], timeout: float) -> tuple[int, str]:
        stream, results, number = self._supervised(), self._reader.results, next(self._numbers)
        words = ("run", "--recorder", self._recorder, "--identity", self._identity, "--", *command)
        stream.order(f"run {number} {b''.join(os.fsencode(word) + bytes(1) for word in words).hex()}")
        if not stream.wait_for(lambda: number in results, timeout) and not stream.over:
            stream.order(f"tell {number}")
            stream.wait_for(lambda: number in results, END_TIMEOUT)
        result = results.pop(number, CommandResult(None, ""))
        if result.code is not None:
            return result.code, result.output
        if stream.over:
            return KILLED, result.output
        return TIMED_OUT, result.output + f"\n(no end within {timeout:g} s)"

    # ------------------------------------------------------------------ the end

    def finish(self, image_id: str, stop_signal: str, stop_timeout: float | None) -> AccessLog:
        """Stop the app as `docker stop` would, with the shutdown observed, and return the log.

        Raises ObservationIncomplete when events were lost, or when the run ended without a word from the probe.
        """
        drained = self._stop(stop_signal or "SIGTERM", stop_timeout or STOP_TIMEOUT)
        return self._supervised().log(image_id, drained=drained)

    def exit_code_at_end(self) -> int | None:
        """The exit code that the app had in the end, however it came to that; to be asked after `finish`."""
        return self._container.wait(END_TIMEOUT)

    def _stop(self, signal: str, timeout: float) -> bool:
        """Drain, ask the app to stop, wait, kill. Whether everything up to the kill is known to be in the log."""
        stream = self._supervised()
        if stream.over:
            self._wait_for_end(timeout if self._reader.ended else END_TIMEOUT)
            return False
        if not stream.drain():
            return False
        if self._reaches(signal):
            self._container.kill(signal)
        else:
            timeout = 0.0  # nothing would happen: PID 1 of a namespace gets only what it asked for
        if self._wait_for_end(timeout):
            # It may have died of the signal, with no exit_group to see: all up to the signal was drained.
            return True
        drained = stream.drain()
        self._container.kill("SIGKILL")
        self._wait_for_end(timeout)
        return drained

    def _reaches(self, signal: str) -> bool:
        """Whether PID 1 catches or blocks the signal; True when that is not known."""
        number = _signal_number(signal)
        return number is None or bool(self._reader.signals >> (number - 1) & 1)

    def _wait_for_end(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        # After the trailer nothing more comes; in a shared PID namespace the engine may leave the stream open.
        self._supervised().wait_for(lambda: self._reader.ended, timeout)
        return self._container.wait(max(POLL, deadline - time.monotonic())) is not None


def _signal_number(signal: str) -> int | None:
    """The number of a signal by its Linux name or number; None for one that this system does not know by name."""
    if signal.isdigit():
        return int(signal) or None
    name = signal.upper() if signal.upper().startswith("SIG") else f"SIG{signal.upper()}"
    known = signals.Signals.__members__.get(name) if sys.platform == "linux" else None
    return None if known is None else int(known)


def _quoted(lines: str) -> str:
    return f"; its last words:\n{lines}" if lines.strip() else ", without a word"
