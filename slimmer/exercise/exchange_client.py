"""Carry out one exchange with an app that is not trusted: bounded in time, size and memory, as a request is.

What was received up to the last text that was expected is the answer. What comes after it depends on chance, so it does not count.
"""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable
from typing import Protocol

from slimmer.exercise.client import KEPT_BODY_LIMIT, PIECE, Reply, Trouble
from slimmer.exercise.exchange import Exchange, Step


class Channel(Protocol):
    """A connection for messages. Both methods raise OSError; TimeoutError is one."""

    def send(self, step: Step, seconds: float) -> None:
        """Send the data of a step."""
        ...

    def receive(self, seconds: float) -> bytes:
        """Return what came next; b"" at the end, or an empty message."""
        ...


class Ended(OSError):
    """The app closed the connection."""


class TooMuch(Exception):
    """The app sent more than is kept, without what was expected."""


class Talk:
    """The steps of an exchange over a channel, up to a point in time (time.monotonic)."""

    def __init__(self, channel: Channel, started: float, timeout: float, *, messages: bool) -> None:
        """`messages`: what is received at once belongs together. Otherwise it is a stream, cut anywhere."""
        self._channel = channel
        self._started = started
        self._end = started + timeout
        self._messages = messages
        self._rest = b""
        self._heard = bytearray()

    def reply(self, steps: tuple[Step, ...], status: int | None = None) -> Reply:
        """Carry out the steps. `status` is that of the handshake."""
        trouble, reason = Trouble.NONE, ""
        for number, step in enumerate(steps, 1):
            try:
                self._await(step) if step.expected else self._channel.send(step, self._left())
            except (OSError, TooMuch) as error:
                trouble = _trouble(error)
                reason = f"step {number} ({'expect' if step.expected else 'send'})"
                break
        body = bytes(self._heard)
        return Reply(
            status=status,
            size=len(body),
            digest="" if trouble else hashlib.sha256(body).hexdigest(),
            seconds=time.monotonic() - self._started,
            trouble=trouble,
            reason=reason,
            body=None if trouble else body,
        )

    def _left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _await(self, step: Step) -> None:
        """Receive until what is expected has come. Raise OSError or TooMuch."""
        while self._messages or not self._found(step):
            piece = self._channel.receive(self._left())
            if len(self._heard) + len(self._rest) + len(piece) > KEPT_BODY_LIMIT:
                raise TooMuch
            if not self._messages:
                self._rest += piece
                continue
            self._heard += piece + b"\n"
            if step.data in piece:
                return

    def _found(self, step: Step) -> bool:
        """Take what was expected, and all before it, from what has come."""
        if not step.data:
            end = len(self._rest)
        else:
            at = self._rest.find(step.data)
            end = at + len(step.data) if at >= 0 else 0
        self._heard += self._rest[:end]
        self._rest = self._rest[end:]
        return end > 0


def _trouble(error: Exception) -> Trouble:
    if isinstance(error, TimeoutError):
        return Trouble.SILENT
    if isinstance(error, ConnectionRefusedError):  # of UDP: nobody listens
        return Trouble.REFUSED
    return Trouble.TOO_MUCH if isinstance(error, TooMuch) else Trouble.ENDED


class Tcp:
    """A TCP connection, or one to a Unix socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, step: Step, seconds: float) -> None:
        self._connection.settimeout(seconds)
        self._connection.sendall(step.data)

    def receive(self, seconds: float) -> bytes:
        self._connection.settimeout(seconds)
        if not (data := self._connection.recv(PIECE)):
            raise Ended
        return data


class Udp(Tcp):
    """A UDP socket that is connected, so that it receives from the app alone, and learns if nobody listens."""

    def receive(self, seconds: float) -> bytes:
        self._connection.settimeout(seconds)
        return self._connection.recv(PIECE)


def talk_udp(exchange: Exchange, endpoint: tuple[str, int], timeout: float) -> Reply:
    """Carry out an exchange over UDP, in at most `timeout` seconds."""
    started = time.monotonic()
    try:
        (family, kind, _, _, address), *_ = socket.getaddrinfo(*endpoint, type=socket.SOCK_DGRAM)
        with socket.socket(family, kind) as connection:
            connection.connect(address)
            return Talk(Udp(connection), started, timeout, messages=True).reply(exchange.steps)
    except OSError:
        return Reply(trouble=Trouble.REFUSED, seconds=time.monotonic() - started)


def talk_tcp(exchange: Exchange, endpoint: tuple[str, int], timeout: float) -> Reply:
    """Carry out an exchange over TCP, in at most `timeout` seconds."""
    return _talk(exchange, lambda: socket.create_connection(endpoint, timeout), timeout)


def talk_unix(exchange: Exchange, path: str, timeout: float) -> Reply:
    """Carry out an exchange over a Unix socket of this machine, in at most `timeout` seconds. A name with '@' is abstract."""

    def connect() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        try:
            connection.connect(f"\0{path[1:]}" if path.startswith("@") else path)
        except BaseException:
            connection.close()
            raise
        return connection

    return _talk(exchange, connect, timeout)


def _talk(exchange: Exchange, connect: Callable[[], socket.socket], timeout: float) -> Reply:
    started = time.monotonic()
    try:
        connection = connect()
    except OSError:
        return Reply(trouble=Trouble.REFUSED, seconds=time.monotonic() - started)
    with connection:
        return Talk(Tcp(connection), started, timeout, messages=False).reply(exchange.steps)
