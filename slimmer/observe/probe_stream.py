"""The probe's stream while it lasts: a thread reads its records as they come, others wait for them and give orders."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from slimmer.errors import ObservationIncomplete, SlimmerError
from slimmer.observe.log import AccessLog
from slimmer.observe.records import RecordReader

ATTACH_TIMEOUT = 30.0
"""Seconds for the probe to say that it watches the app."""

DRAIN_TIMEOUT = 30.0
END_TIMEOUT = 1.0
"""Seconds for what the probe said before it ended to be read."""

QUIET = 5.0
"""Seconds without a word from the probe, after which it is asked whether it is there."""

PATIENCE = (10.0, 30.0)
"""Seconds to wait for the probe's `pong`, each time that it is asked: a machine may be busy."""

STOPPED_HINT = (
    "It was stopped, or its machine is too busy. A root app can stop it: run the app as another user (--user), or keep it from "
    "signals to processes that are not its own. On a busy machine: try again."
)

JOIN_TIMEOUT = 30.0
READ_SIZE = 1 << 16


class Stream(Protocol):
    """A byte stream to and from a process in a container (slimmer.engine.streams.MultiplexedStream)."""

    def recv(self, size: int) -> bytes: ...

    def sendall(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class ProbeStream:
    """What the probe tells (docs/probe-protocol.md, "Record stream"), from the moment when this is made until `close`."""

    def __init__(self, stream: Stream, reader: RecordReader, hint: str | None = None) -> None:
        """`reader` takes the records in. `hint` says what to do about a log that is not whole; None for the usual."""
        self._stream = stream
        self._reader = reader
        self._hint = hint
        self._changed = threading.Condition()
        self._ordering = threading.Lock()
        self._failure: SlimmerError | None = None
        self._over = False
        self._heard = time.monotonic()
        self._asked = 0.0  # when the probe was asked for a sign of life that it has not given yet; 0 for not at all
        self._thread = threading.Thread(target=self._read, name="slimmer-probe", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close the stream, which tells the probe that nobody listens any more."""
        self._stream.close()
        self._thread.join(JOIN_TIMEOUT)

    @property
    def over(self) -> bool:
        """Whether there is no more to come: the stream has ended, or the probe has said that this was all."""
        with self._changed:
            return self._over or self._reader.ended

    def listening_ports(self) -> tuple[int, ...]:
        """Ports on which the container was said to listen, each once, in the order of their appearance."""
        with self._changed:
            return tuple(dict.fromkeys(listener.port for listener in self._reader.listeners))

    def wait_for(self, happened: Callable[[], bool], timeout: float) -> bool:
        """Wait until something was read, the stream ended or the time is over; whether it happened."""
        with self._changed:
            self._changed.wait_for(lambda: happened() or self._over, timeout)
            return happened()

    def wait(self, seconds: float) -> None:
        """Return at the next record, at the end of the stream, or after so many seconds.

        Raises as `check` does, and ObservationIncomplete when the probe has been silent for long, though it was asked.
        """
        with self._changed:
            if not self._over:
                self._changed.wait(seconds)
        self.check()
        self._attend()

    def check(self) -> None:
        """Raise ObservationIncomplete when the stream made no sense, or the probe gave up."""
        if self._failure is not None:
            raise self._failure
        if self._reader.fatal:
            raise ObservationIncomplete(f"the probe gave up: {self._reader.fatal}", hint=self._hint)

    def check_alive(self) -> None:
        """Ask the probe whether it is there, twice. Raises ObservationIncomplete when it does not answer in time."""
        if not any(self.answers_within(seconds) for seconds in PATIENCE):
            raise self._silent()
        self.check()

    def answers_within(self, seconds: float) -> bool:
        """Whether the probe answers in time, or has much to tell, and does; True also when there is no more to come."""
        pongs, middle = self._reader.pongs, time.monotonic() + seconds / 2
        self._ping()
        return self.wait_for(lambda: self._reader.pongs > pongs, seconds) or self.over or self._heard > middle

    def order(self, order: str) -> None:
        """Give the probe an order. Raises ObservationIncomplete when it is gone."""
        try:
            with self._ordering:
                self._stream.sendall(order.encode() + b"\n")
        except OSError as error:
            self.check()
            raise ObservationIncomplete(f"the probe is gone: {error}", hint=self._hint) from error

    def drain(self) -> bool:
        """Have everything told that has happened until now; False when the probe ends instead.

        Raises ObservationIncomplete when it is gone, or says nothing.
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
        """All that was told. `drained`: whether everything is known to be in it, though the probe has not told of its end.

        Raises ObservationIncomplete when events were lost, or when there was no end.
        """
        self.check()
        with self._changed:
            log = self._reader.log(image_id, complete=self._reader.ended or drained)
        if log.lost:
            raise ObservationIncomplete(f"{log.lost} events were lost: {_counters(log)}", hint=self._hint)
        if not log.complete:
            raise ObservationIncomplete(
                "the run ended without the probe's trailer: the log may lack its last events", hint=self._hint
            )
        return log

    def heartbeat(self) -> Callable[[], None]:
        """A look for the time in which a command runs, to be taken again and again. Raises ObservationIncomplete.

        Nothing but an answer to `ping` counts, since the app may go on and be recorded while the process that starts
        commands was stopped.
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
        """Ask for a sign of life after a while without any."""
        now = time.monotonic()
        if self.over or now - self._heard < QUIET:
            return
        if not self._asked:
            self._asked = now
            self._ping()
        elif now - self._asked > sum(PATIENCE):
            raise self._silent()

    def _ping(self) -> None:
        """A probe that is gone gives no answer, and its stream ends; one that takes no order does not answer either."""
        if not self._ordering.acquire(blocking=False):
            return
        try:
            self._stream.sendall(b"ping\n")
        except OSError:
            pass
        finally:
            self._ordering.release()

    def _silent(self) -> ObservationIncomplete:
        return ObservationIncomplete("the probe does not answer, so nobody sees what the app does", hint=STOPPED_HINT)

    def _read(self) -> None:
        try:
            while data := self._stream.recv(READ_SIZE):
                with self._changed:
                    self._heard, self._asked = time.monotonic(), 0.0
                    self._reader.feed(data)
                    self._changed.notify_all()
        except SlimmerError as error:
            self._failure = error
        except (OSError, ValueError):
            pass  # the stream was closed, here or there: whether the log is complete shows in its trailer
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()


def _counters(log: AccessLog) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(log.counters.items()))
