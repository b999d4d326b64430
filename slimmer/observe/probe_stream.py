"""The stream from and to a running probe. One thread reads its records as they come; others wait for them and send orders."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from slimmer.errors import ObservationIncomplete, SlimmerError
from slimmer.observe.log import AccessLog, names_of, ports_of
from slimmer.observe.records import RecordReader

ATTACH_TIMEOUT = 30.0
"""Seconds to wait until the probe reports that it watches the app."""

DRAIN_TIMEOUT = 30.0
END_TIMEOUT = 1.0
"""Seconds to wait for the last records of a probe that has ended."""

QUIET = 5.0
"""Seconds of silence after which the probe gets a `ping`."""

PATIENCE = (10.0, 30.0)
"""Seconds to wait for the probe's `pong`, for each `ping`. The machine may be busy."""

STOPPED_HINT = (
    "It was stopped, or the machine is too busy. An app that runs as root can stop it. Run the app as another user (--user), or make "
    "sure that it signals only its own processes. On a busy machine, try again."
)

JOIN_TIMEOUT = 30.0
READ_SIZE = 1 << 16


class Stream(Protocol):
    """A byte stream to and from a process in a container (slimmer.engine.streams.MultiplexedStream)."""

    def recv(self, size: int) -> bytes: ...

    def sendall(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class ProbeStream:
    """The probe's record stream (docs/probe-protocol.md, "Record stream"). It is read from construction until `close`."""

    def __init__(self, stream: Stream, reader: RecordReader, hint: str | None = None) -> None:
        """`reader` receives the records. `hint` is the hint for an incomplete log; None is the default hint."""
        self._stream = stream
        self._reader = reader
        self._hint = hint
        self._changed = threading.Condition()
        self._ordering = threading.Lock()
        self._failure: SlimmerError | None = None
        self._over = False
        self._heard = self._news_at = time.monotonic()
        self._pings = 0
        self._asked = 0.0  # the time of a ping that was not answered yet; 0 if there is none
        self._thread = threading.Thread(target=self._read, name="slimmer-probe", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close the stream. This tells the probe that nobody is listening any more."""
        self._stream.close()
        self._thread.join(JOIN_TIMEOUT)

    @property
    def over(self) -> bool:
        """True if nothing more will come: the stream has ended, or the probe has sent its trailer."""
        with self._changed:
            return self._over or self._reader.ended

    def listening_ports(self) -> tuple[int, ...]:
        """Return the TCP ports that the container listens on, as reported so far, each once and in that order."""
        with self._changed:
            return ports_of(self._reader.listeners, "tcp")

    def bound_ports(self) -> tuple[int, ...]:
        """Return the UDP ports that the container has bound, in the same way."""
        with self._changed:
            return ports_of(self._reader.listeners, "udp")

    def listening_sockets(self) -> tuple[str, ...]:
        """Return the names of the Unix sockets that the container listens on, in the same way."""
        with self._changed:
            return names_of(self._reader.listeners)

    @property
    def quiet(self) -> float:
        """The seconds since the app last opened a file of the image or a port for the first time."""
        return time.monotonic() - self._news_at

    def opened(self) -> int:
        """Return how many files of the image were opened or run by now. Raise ObservationIncomplete if the probe is gone or silent.

        The probe answers a ping after it has written everything that happened before (docs/probe-protocol.md).
        """
        with self._ordering:
            number = self._send("ping")
        if (
            not self.wait_for(lambda: self._reader.pongs >= number or self._reader.ended, sum(PATIENCE))
            and not self.over
        ):
            raise self._silent()
        self.check()
        return len(self._reader.files)

    def wait_for(self, happened: Callable[[], bool], timeout: float) -> bool:
        """Wait until `happened` returns True, the stream has ended or the time is over. Return the result of `happened`."""
        with self._changed:
            self._changed.wait_for(lambda: happened() or self._over, timeout)
            return happened()

    def wait(self, seconds: float) -> None:
        """Return at the next record, at the end of the stream, or after this many seconds.

        Raises what `check` raises, and ObservationIncomplete if the probe does not answer a ping.
        """
        with self._changed:
            if not self._over:
                self._changed.wait(seconds)
        self.check()
        self._attend()

    def check(self) -> None:
        """Raise ObservationIncomplete if the stream was invalid or the probe gave up."""
        if self._failure is not None:
            raise self._failure
        if self._reader.fatal:
            raise ObservationIncomplete(f"the probe gave up: {self._reader.fatal}", hint=self._hint)

    def check_alive(self) -> None:
        """Ping the probe up to twice. Raise ObservationIncomplete if it does not answer in time."""
        if not any(self.answers_within(seconds) for seconds in PATIENCE):
            raise self._silent()
        self.check()

    def answers_within(self, seconds: float) -> bool:
        """Return True if the probe answers in time or is still sending many records, or if the stream is over."""
        pongs, middle = self._reader.pongs, time.monotonic() + seconds / 2
        self._ping()
        return self.wait_for(lambda: self._reader.pongs > pongs, seconds) or self.over or self._heard > middle

    def order(self, order: str) -> None:
        """Send the probe an order. Raise ObservationIncomplete if it is gone."""
        with self._ordering:
            self._send(order)

    def drain(self) -> bool:
        """Wait until the probe has sent everything that has happened so far. Return False if the probe ends instead.

        Raises ObservationIncomplete if it is gone or silent.
        """
        before = self._reader.drained
        try:
            self.order("drain")
        except ObservationIncomplete:
            if not self.wait_for(lambda: self._reader.ended, END_TIMEOUT):
                raise
        if self.wait_for(lambda: self._reader.drained > before or self._reader.ended, DRAIN_TIMEOUT):
            return True
        if not self.over:
            self.check()
            raise self._silent()
        return False

    def log(self, image_id: str, *, drained: bool) -> AccessLog:
        """Return everything that was read. `drained`: it is known to be complete, although the trailer is missing.

        Raises ObservationIncomplete if events were lost, or if the log is not complete.
        """
        self.check()
        with self._changed:
            log = self._reader.log(image_id, complete=self._reader.ended or drained)
        if log.lost:
            raise ObservationIncomplete(f"{log.lost} events were lost: {_counters(log)}", hint=self._hint)
        if not log.complete:
            raise ObservationIncomplete(
                "the run ended without the probe's trailer, so the last events may be missing", hint=self._hint
            )
        return log

    def heartbeat(self) -> Callable[[], None]:
        """Return a function to call repeatedly while a command runs. It raises ObservationIncomplete if the probe is dead or stopped.

        Only answers to `ping` count. The app may still be recorded while the process that starts commands is stopped.
        """
        asked, pongs, due = 0.0, 0, time.monotonic() + QUIET

        def look() -> None:
            nonlocal asked, pongs, due
            self.check()
            now = time.monotonic()
            if self.over or now < due:
                return
            if not asked:
                asked, pongs = now, self._reader.pongs
                self._ping()
            elif self._reader.pongs > pongs:
                asked, due = 0.0, now + QUIET
            elif now - asked > sum(PATIENCE):
                raise self._silent()

        return look

    def _attend(self) -> None:
        """Ping the probe if it has been silent for a while. Raise ObservationIncomplete if it does not answer."""
        now = time.monotonic()
        if self.over or now - self._heard < QUIET:
            return
        if not self._asked:
            self._asked = now
            self._ping()
        elif now - self._asked > sum(PATIENCE):
            raise self._silent()

    def _ping(self) -> None:
        """Send a ping. Failures are ignored: a probe that is gone or takes no orders gives no answer either."""
        if not self._ordering.acquire(blocking=False):
            return
        try:
            with suppress(SlimmerError):
                self._send("ping")
        finally:
            self._ordering.release()

    def _send(self, order: str) -> int:
        """Send an order, and return how many pings were sent so far. The caller holds the lock. Raise ObservationIncomplete if the probe is gone."""
        self._pings += order == "ping"
        try:
            self._stream.sendall(order.encode() + b"\n")
        except OSError as error:
            self.check()
            raise ObservationIncomplete(f"the probe is gone: {error}", hint=self._hint) from error
        return self._pings

    def _silent(self) -> ObservationIncomplete:
        return ObservationIncomplete("the probe does not answer, so the app is no longer observed", hint=STOPPED_HINT)

    def _read(self) -> None:
        try:
            while data := self._stream.recv(READ_SIZE):
                with self._changed:
                    self._heard, self._asked = time.monotonic(), 0.0
                    known = self._reader.news
                    self._reader.feed(data)
                    self._news_at = self._heard if self._reader.news > known else self._news_at
                    self._changed.notify_all()
        except SlimmerError as error:
            self._failure = error
        except (OSError, ValueError):
            pass  # the stream was closed on either side; the trailer shows if the log is complete
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()


def _counters(log: AccessLog) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(log.counters.items()))
