"""What every protocol gives: a way to recognise it by what a port answers, and the steps of a harmless session."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from slimmer.exercise.protocols.wire import Nonsense, Wire
from slimmer.exercise.subject import Subject
from slimmer.formatting import printable

LONGEST_TEXT = 200

GOODBYE = 1.0
"""Seconds for the last words."""

MOST_REPLIES = 10_000
"""The parts of one answer that are read. A server that sends more does not mean to end."""

THROWAWAY = "slimmer_throwaway"
"""The name of what is written, read back and removed."""

VALUE = "a value of slimmer's"


class Refused(Exception):
    """The server answered a step with an error. `code` is the same in every run, `text` is for people."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        self.text = printable(text)[:LONGEST_TEXT]
        super().__init__(self.text)


class NotReady(Refused):
    """The server is still starting: the session begins anew a moment later."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a session. `run` returns a summary of the answers, which is the same in every run. It raises Refused, OSError or Nonsense.

    `vital`: without it, none of the others makes sense.
    """

    name: str
    run: Callable[[], str]
    vital: bool = False


class Session(ABC):
    """A session with one port. An instance holds one session; what the class has is known before."""

    name: ClassVar[str]
    """As in reports: "redis"."""

    title: ClassVar[str]
    """As people write it: "Redis"."""

    ports: ClassVar[tuple[int, ...]]
    """The ports that such servers usually have. They decide which guess comes first, and nothing else."""

    hello: ClassVar[bytes] = b""
    """A harmless first request; b"" if the server speaks first."""

    goodbye: ClassVar[bytes] = b""
    """What ends a session, so that the server does not log that its client was lost."""

    credentials: ClassVar[tuple[str, ...]] = ()
    """The variables from which the session takes a password."""

    has_datagrams: ClassVar[bool] = False
    """Its servers usually serve the same port over UDP, too."""

    is_datagram: ClassVar[bool] = False
    """The port is one of UDP."""

    def __init__(self, connect: Callable[[], Wire], environment: Mapping[str, str]) -> None:
        self._connect = connect
        self._environment = environment
        self._wire: Wire | None = None

    @classmethod
    def open(cls, subject: Subject, port: int, seconds: float) -> Wire:
        """Connect to a port of the app, in so many seconds. Raise OSError."""
        return Wire(subject.endpoint(port), seconds)

    @classmethod
    @abstractmethod
    def knows(cls, first: bytes) -> bool:
        """Return True if the first bytes that came are of this protocol: the answer to `hello`, or what the server says first."""

    @classmethod
    def confirms(cls, wire: Wire) -> bool:
        """Return True if the server keeps to the protocol after its greeting: several protocols may begin alike."""
        return True

    @abstractmethod
    def steps(self) -> tuple[Step, ...]:
        """Return the steps, in order. The first one connects."""

    def close(self) -> None:
        """Say goodbye, and close the connection, if there is one."""
        if self._wire is None:
            return
        with self._wire as wire, contextlib.suppress(OSError, ValueError):
            wire.allow(GOODBYE)
            self.leave()

    def leave(self) -> None:
        """Say goodbye. What goes wrong then does not matter: raises OSError or ValueError."""
        if self.goodbye:
            self.wire.send(self.goodbye)

    def allow(self, seconds: float) -> None:
        """Give the next step so much time."""
        if self._wire is not None:
            self._wire.allow(seconds)

    @property
    def wire(self) -> Wire:
        """The connection. It is opened when it is first used."""
        if self._wire is None:
            self._wire = self._connect()
        return self._wire

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values of the environment that the session may send."""
        return tuple(value for name in self.credentials if (value := self._environment.get(name)))

    def variable(self, *names: str, default: str = "") -> str:
        """Return the value of the first of these variables that is set and not empty."""
        return next((value for name in names if (value := self._environment.get(name))), default)


def expect(condition: bool, what: str) -> None:
    """Raise Nonsense, in words that say what was expected, if the condition does not hold."""
    if not condition:
        raise Nonsense(f"the server did not send {what}")
