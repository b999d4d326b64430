"""A run of the image under the probe. It is a Subject that can be exercised, and returns an AccessLog at the end.

The filter of the container's PID 1 holds it until the supervisor, started with `exec`, has taken over. So the first record is the
app's own execve.
"""

from __future__ import annotations

import itertools
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import wait
from types import TracebackType
from typing import Protocol

from slimmer.errors import AppFailed, EngineError, ObservationIncomplete, UnsupportedEngine
from slimmer.exit_codes import KILLED, TIMED_OUT
from slimmer.observe.log import AccessLog
from slimmer.observe.probe_stream import ATTACH_TIMEOUT, ProbeStream, Stream
from slimmer.observe.records import AppState, CommandResult, RecordReader
from slimmer.probe_mount import ProbeMount
from slimmer.runs.container_run import ContainerRun, Neighbourhood, RunningContainer, Sockets, no_endpoint
from slimmer.runs.shutdown import LOOK, ignores, reaches
from slimmer.tasks import attended, begin

logger = logging.getLogger(__name__)

STOP_TIMEOUT = 10.0
"""Seconds that `docker stop` waits before it kills the app, unless the image says otherwise."""

END_TIMEOUT = 1.0
"""Seconds until the engine reports the end of a container whose processes are gone."""

EARLY_END_TIMEOUT = 10.0
"""The same before anything has run. A busy engine takes its time, and the app's end is the only explanation."""

RELEASE_PATIENCE = 3.0
CLOSE_PATIENCE = 1.0
"""Seconds to wait for the probe's answer before closing its stream."""

POLL = 0.01

ENDED_HINT = (
    "It was killed, either by the kernel for lack of memory, or by an app that runs as root. In that case, run the app as another user "
    "(--user), or make sure that it signals only its own processes."
)


PROBE_FAILED = 125
"""The exit code of a probe that cannot do its work (probes/files/util.h, EXIT_PROBE)."""

FORBIDDEN = "not permitted"
"""What the probe says with EPERM."""

FORBIDDEN_HINT = (
    "It has SYS_ADMIN and SYS_PTRACE, so something else forbids it: mostly a seccomp profile of the engine's own, else AppArmor or SELinux. "
    "--security-opt seccomp=unconfined, apparmor=unconfined or label=disable lifts that for slimmer's runs."
)


class WatchedContainer(RunningContainer, Protocol):
    """The part of slimmer.engine.containers.Container that a run under the probe needs."""

    def start(self) -> None: ...

    def exec_stream(self, argv: tuple[str, ...], *, user: str) -> Stream: ...

    def kill(self, signal: str) -> None: ...


class WatchedRun(ContainerRun[WatchedContainer]):
    """A container under the probe. Use it as a context manager: at the end, what is left of the run is killed."""

    def __init__(
        self,
        container: WatchedContainer,
        mount: ProbeMount,
        identity: str,
        recorder: str,
        endpoint: Callable[[int], tuple[str, int]],
        accepts: Callable[[int], bool],
        datagram_endpoint: Callable[[int], tuple[str, int] | None] = no_endpoint,
        reader: RecordReader | None = None,
        release: Callable[[], None] = lambda: None,
        beside: Neighbourhood | None = None,
        sockets: Sockets | None = None,
    ) -> None:
        """`mount` is the probe in the container. `reader` receives the records. A caller that passes its own has them even if the run fails.

        `release` ends a stopped supervisor. Otherwise the processes that it traces could not end, and the engine could not remove the
        container.
        """
        super().__init__(container, endpoint, accepts, datagram_endpoint, beside, sockets)
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
                wait([begin(self._release)], RELEASE_PATIENCE)  # no longer, because the engine itself may not answer
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
            self._check_allowed()
            self._stream.check()
            self._check_started()
            raise ObservationIncomplete(
                "the probe did not take over the app", hint="`slimmer doctor` shows what the engine's kernel allows."
            )

    def _supervised(self) -> ProbeStream:
        if self._stream is None:
            raise EngineError("the run is not supervised")
        return self._stream

    def _check_allowed(self) -> None:
        """Raise UnsupportedEngine if the supervisor may not do its work."""
        if FORBIDDEN in self._reader.fatal:
            raise forbidden(self._reader.fatal)

    def _check_started(self) -> None:
        """Raise AppFailed if the container has already ended, because its command could not be run.

        Nothing but the probe has run in it so far. Raise UnsupportedEngine if it was not allowed to do its work.
        """
        code = self._container.wait(EARLY_END_TIMEOUT)
        if code == PROBE_FAILED and FORBIDDEN in (said := self.last_log_lines()):
            raise forbidden(said.strip())
        if code is not None:
            raise AppFailed(f"the app exited at once with code {code}{_quoted(self.last_log_lines())}")

    # ------------------------------------------------------------------ Subject

    def listening_ports(self) -> tuple[int, ...]:
        """Return the ports that the probe saw the app listen on, each once, in the order of their appearance."""
        return self._supervised().listening_ports()

    def bound_ports(self) -> tuple[int, ...]:
        """Return the UDP ports that the probe saw the app bind, in the same way."""
        return self._supervised().bound_ports()

    def listening_sockets(self) -> tuple[str, ...]:
        """Return the Unix sockets that the probe saw the app listen on, in the same way. A name with '@' is abstract."""
        return self._supervised().listening_sockets()

    def quiet(self) -> float:
        """Return the seconds since the probe saw the app open a file of the image or a port for the first time."""
        return self._supervised().quiet

    def opened(self) -> int:
        """Return how many different files of the image the app has opened or run by now."""
        return self._supervised().opened()

    def exit_code(self) -> int | None:
        """Return the app's exit code, or None while it runs. Raise ObservationIncomplete if it keeps running without the probe."""
        stream = self._supervised()
        if not stream.over:
            return None
        code = self._container.wait(STOP_TIMEOUT)
        if code is None and not self._reader.ended:
            stream.check()
            raise ObservationIncomplete("the probe has ended, but the app keeps running without it", hint=ENDED_HINT)
        return code

    def wait(self, seconds: float) -> None:
        """Return at the next record, at the end of the run, or after this many seconds."""
        self._supervised().wait(seconds)

    def check_observed(self) -> None:
        """Raise ObservationIncomplete if the probe does not answer. Then the app hangs in its system calls because of the probe."""
        self._supervised().check_alive()

    def execute(self, command: tuple[str, ...], timeout: float) -> tuple[int, str]:
        """Run a command in the container as the image's user, under the probe like the app itself.

        Returns its exit code and the last 4 kB of its output. If the command does not end in time, the code is 124, as with timeout(1),
        and the command ends with the container. If it is killed with the container, the code is 137. Raises ObservationIncomplete if the
        probe does not answer meanwhile, because the command would wait for it.
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
        """Stop the app as `docker stop` would, observe its shutdown, and return the log.

        Raises ObservationIncomplete if events were lost, or if the run ended without the probe's trailer.
        """
        drained = self._stop(stop_signal or "SIGTERM", stop_timeout or STOP_TIMEOUT)
        return self._supervised().log(image_id, drained=drained)

    def exit_code_at_end(self) -> int | None:
        """Return the app's exit code after `finish`, or None if it is unknown."""
        return self._container.wait(END_TIMEOUT)

    def _stop(self, signal: str, timeout: float) -> bool:
        """Drain the log, ask the app to stop, wait, kill. Return True if the log is known to have everything up to the kill."""
        stream = self._supervised()
        if stream.over:
            self._wait_for_end(timeout if self._reader.ended else END_TIMEOUT)
            return False
        if not stream.drain():
            return False
        before = self._reader.state
        if reaches(signal, before):
            self._container.kill(signal)
        else:
            timeout = 0.0  # PID 1 of a namespace gets only signals that it handles
        if self._wait_for_shutdown(signal, before, timeout):
            # The signal may have killed it without an exit_group. Everything up to the signal was drained.
            return True
        drained = stream.drain()
        self._container.kill("SIGKILL")
        self._wait_for_end(timeout)
        return drained

    def _wait_for_shutdown(self, signal: str, before: AppState, timeout: float) -> bool:
        """Return True as soon as the app has ended, and False if it does not end in time, or if it ignores the signal."""
        stream, deadline, last = self._supervised(), time.monotonic() + timeout, None
        while not self._wait_for_end(max(0.0, min(LOOK, deadline - time.monotonic()))):
            if time.monotonic() >= deadline or not stream.drain():
                return self._wait_for_end(max(0.0, deadline - time.monotonic()))
            now = self._reader.state
            if last is not None and ignores(signal, before, last, now):
                logger.debug("the app ignores %s: it listens and is idle, and its handler is gone", signal)
                return False
            last = now
        return True

    def _wait_for_end(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        # Nothing comes after the trailer. In a shared PID namespace, the engine may leave the stream open.
        self._supervised().wait_for(lambda: self._reader.ended, timeout)
        return self._container.wait(max(POLL, deadline - time.monotonic())) is not None


def forbidden(said: str) -> UnsupportedEngine:
    """Return the error for a probe that is not allowed to do its work, in its own words."""
    return UnsupportedEngine(f"the engine does not let the probe watch an app: {said}", hint=FORBIDDEN_HINT)


def _quoted(lines: str) -> str:
    return f"; its last output:\n{lines}" if lines.strip() else ", without any output"
