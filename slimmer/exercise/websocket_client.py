"""Carry out an exchange over a WebSocket (RFC 6455). The library `websockets` speaks the protocol."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING

from slimmer.exercise.client import KEPT_BODY_LIMIT, LOCALHOST, Reply, Trouble
from slimmer.exercise.exchange import Exchange, Step
from slimmer.exercise.exchange_client import Ended, Talk
from slimmer.exercise.tls import any_certificate

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

CLOSING = 1.0
"""Seconds that the app has to close the connection, too."""

_silent = logging.getLogger("slimmer.websocket")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False  # it would log headers and messages


class WebSocket:
    """A connection after the handshake."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def send(self, step: Step, seconds: float) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            self._connection.send(step.data if step.binary else step.data.decode())
        except ConnectionClosed as error:
            raise Ended from error

    def receive(self, seconds: float) -> bytes:
        from websockets.exceptions import ConnectionClosed

        try:
            return self._connection.recv(timeout=seconds, decode=False)
        except ConnectionClosed as error:
            raise Ended from error


@contextmanager
def _cut_after(connection: socket.socket, seconds: float) -> Iterator[None]:
    """Cut the connection when the time is up: a message that the app does not read could be sent forever."""

    def cut() -> None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def talk_websocket(exchange: Exchange, endpoint: tuple[str, int], authority: str, scheme: str, timeout: float) -> Reply:
    """Carry out an exchange over a WebSocket, in at most `timeout` seconds. `authority` is the host and port that the app is told."""
    from websockets.exceptions import InvalidStatus, WebSocketException

    started, status = time.monotonic(), None
    try:
        plain = socket.create_connection(endpoint, timeout)
    except OSError:
        return Reply(trouble=Trouble.REFUSED, seconds=time.monotonic() - started)
    with plain:
        try:
            with (
                _opened(exchange, plain, authority, scheme, timeout) as connection,
                _cut_after(connection.socket, timeout),
            ):
                return Talk(WebSocket(connection), started, timeout, messages=True).reply(exchange.steps, 101)
        except TimeoutError:
            trouble = Trouble.SILENT
        except (WebSocketException, OSError, EOFError, ValueError) as error:
            status = error.response.status_code if isinstance(error, InvalidStatus) else None
            trouble = Trouble.NO_WEBSOCKET
    return Reply(status=status, trouble=trouble, seconds=time.monotonic() - started)


def _opened(
    exchange: Exchange, plain: socket.socket, authority: str, scheme: str, timeout: float
) -> AbstractContextManager[ClientConnection]:
    """Return a connection after its handshake. It follows no redirect, because it has this one socket, and uses no proxy."""
    from websockets.sync.client import connect

    tls = any_certificate() if scheme == "https" else None
    return connect(
        f"{'wss' if tls else 'ws'}://{authority}{exchange.path}",
        sock=plain,
        ssl=tls,
        server_hostname=LOCALHOST if tls else None,
        compression=None,
        additional_headers=[(name, value) for name, value in exchange.headers if name.lower() != "host"],
        user_agent_header=None if any(name.lower() == "user-agent" for name, _ in exchange.headers) else "slimmer",
        proxy=None,
        open_timeout=timeout,
        ping_interval=None,
        close_timeout=CLOSING,
        max_size=KEPT_BODY_LIMIT,
        logger=_silent,
    )
