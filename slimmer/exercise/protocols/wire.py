"""A connection to a server that is not trusted: all that is read is bounded in time and size."""

from __future__ import annotations

import socket
import time
from types import TracebackType

from slimmer.exercise.tls import any_certificate

MOST = 1 << 20
"""The bytes that are read of one connection in all."""

LONGEST_LINE = 4096
"""The bytes of a line, with its end."""

PIECE = 1 << 14


class Ended(OSError):
    """The server closed the connection."""


class Nonsense(ValueError):
    """The server sent what the protocol does not allow, or more than a session needs."""


class Wire:
    """A TCP connection, as a context manager. Its methods raise OSError, of which TimeoutError is one, or Nonsense."""

    def __init__(self, endpoint: tuple[str, int], seconds: float, room: int = MOST) -> None:
        """Connect. This and all that follows may take `seconds`, until `allow` is called. At most `room` bytes are read."""
        self.allow(seconds)
        self._socket = self._connected(endpoint, seconds)
        self._rest = bytearray()
        self._room = room

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def allow(self, seconds: float) -> None:
        """Give all that follows so much time from now on."""
        self._end = time.monotonic() + seconds

    def start_tls(self, protocol: str = "") -> bool:
        """Go on with TLS, and accept any certificate. What was received before belongs to no one: RFC 3207, section 6.

        With a `protocol`, ask the server to speak it (ALPN, RFC 7301). Return False if it does not say that it will.
        """
        self._rest.clear()
        self._socket.settimeout(self._left())
        context = any_certificate()
        if protocol:
            context.set_alpn_protocols([protocol])
        self._socket = secure = context.wrap_socket(self._socket, server_hostname="localhost")
        return not protocol or secure.selected_alpn_protocol() == protocol

    def shut(self) -> None:
        """Send nothing more, so that a server that waits for more gives up."""
        self._socket.shutdown(socket.SHUT_WR)

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self._socket.settimeout(self._left())
        self._socket.sendall(data)

    def peek(self) -> bytes:
        """Return what comes next, at least one byte, and leave it there."""
        if not self._rest:
            self._receive()
        return bytes(self._rest)

    def some(self) -> bytes:
        """Return what comes next, at least one byte."""
        return self._take(len(self.peek()))

    def exactly(self, count: int) -> bytes:
        """Return so many bytes."""
        if not 0 <= count <= len(self._rest) + self._room:
            raise Nonsense("a message is too long")
        while len(self._rest) < count:
            self._receive()
        return self._take(count)

    def line(self) -> bytes:
        """Return the next line, without its end (LF, or CR LF)."""
        searched = 0
        while (at := self._rest.find(b"\n", searched, LONGEST_LINE)) < 0:
            if (searched := len(self._rest)) >= LONGEST_LINE:
                raise Nonsense("a line is too long")
            self._receive()
        return self._take(at + 1)[:-1].removesuffix(b"\r")

    def _take(self, count: int) -> bytes:
        data = bytes(self._rest[:count])
        del self._rest[:count]
        return data

    def _receive(self) -> None:
        self._socket.settimeout(self._left())
        data = self._piece()
        if not data:
            raise Ended("the connection was closed")
        self._room -= len(data)
        if self._room < 0:
            raise Nonsense("more came than a session needs")
        self._rest += data

    def _connected(self, endpoint: tuple[str, int], seconds: float) -> socket.socket:
        return socket.create_connection(endpoint, seconds)

    def _piece(self) -> bytes:
        return self._socket.recv(PIECE)

    def _left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left
