"""Messages to and from an app over one connection that is not HTTP: a WebSocket, bytes over TCP or a Unix socket, or UDP datagrams."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from slimmer.exercise.draft import Draft
from slimmer.exercise.origin import Origin


class Kind(StrEnum):
    """What carries an exchange."""

    WEBSOCKET = "websocket"
    TCP = "tcp"
    UDP = "udp"
    UNIX = "unix"


@dataclass(frozen=True, slots=True)
class Step:
    """Send `data`, or, if `expected`, wait until it comes. A WebSocket's `data` is a text message, unless it is `binary`."""

    data: bytes = field(repr=False)
    expected: bool
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """An exchange, which passes if all that is expected comes. `path` and `headers` are of a WebSocket's handshake.

    If `port` is None and `unix_socket` is "", it goes to every port that speaks HTTP. No repr, message or artifact contains steps, headers or `secrets`.
    `draft`: the handshake, if it has places for values of earlier answers, as in a Request.
    """

    kind: Kind
    steps: tuple[Step, ...] = field(repr=False)
    path: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    port: int | None = None
    unix_socket: str = ""
    origin: Origin = field(default=Origin(), compare=False, repr=False)
    draft: Draft | None = field(default=None, compare=False, repr=False)
    secrets: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def method(self) -> str:
        """What stands before the path, or alone, where people read of this exchange."""
        return self.kind.upper()

    @property
    def source(self) -> str:
        """What generated it, as in a Request: nothing generates exchanges."""
        return ""

    @property
    def body(self) -> bytes:
        """All that is sent."""
        return b"".join(step.data for step in self.steps if not step.expected)

    @property
    def has_own_port(self) -> bool:
        """True if the port or Unix socket need not speak HTTP."""
        return self.kind is not Kind.WEBSOCKET
