"""Carry out an exchange over a WebSocket (RFC 6455). The library `websockets` speaks the protocol.

Its client for threads reads and writes one TLS connection in two threads, which OpenSSL does not allow ("openssl-threads", SSL objects):
answers got lost on busy machines. So this is the one for asyncio, with an event loop of its own for each exchange.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from slimmer.exercise.client import KEPT_BODY_LIMIT, LOCALHOST, Reply, Trouble
from slimmer.exercise.exchange import Exchange, Step
from slimmer.exercise.exchange_client import Ended, Talk
from slimmer.exercise.tls import any_certificate

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

CLOSING = 1.0
"""Seconds that the app has to close the connection, too."""

_T = TypeVar("_T")

_silent = logging.getLogger("slimmer.websocket")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False  # it would log headers and messages


class WebSocket:
    """A connection after the handshake."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connection: ClientConnection) -> None:
        self._loop, self._connection = loop, connection

    def send(self, step: Step, seconds: float) -> None:
        self._await(self._connection.send(step.data if step.binary else step.data.decode()), seconds)

    def receive(self, seconds: float) -> bytes:
        return self._await(self._connection.recv(decode=False), seconds)

    def _await(self, work: Coroutine[Any, Any, _T], seconds: float) -> _T:
        """Return what came of it. Raise TimeoutError when the time is up, without waiting for what the library does then."""
        from websockets.exceptions import ConnectionClosed

        task = self._loop.create_task(work)
        self._loop.run_until_complete(asyncio.wait([task], timeout=seconds))
        if not task.done():
            raise TimeoutError
        try:
            return task.result()
        except ConnectionClosed as error:
            raise Ended from error

    def close(self) -> None:
        """Close the connection. An app that reads nothing is not waited for."""
        with suppress(TimeoutError, OSError):
            self._await(self._connection.close(), CLOSING)
        self._connection.transport.abort()


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
            with _opened(exchange, plain, authority, scheme, timeout) as connection:
                return Talk(connection, started, timeout, messages=True).reply(exchange.steps, 101)
        except TimeoutError:
            trouble = Trouble.SILENT
        except (WebSocketException, OSError, EOFError, ValueError) as error:
            status = error.response.status_code if isinstance(error, InvalidStatus) else None
            trouble = Trouble.NO_WEBSOCKET
    return Reply(status=status, trouble=trouble, seconds=time.monotonic() - started)


@contextmanager
def _opened(
    exchange: Exchange, plain: socket.socket, authority: str, scheme: str, timeout: float
) -> Iterator[WebSocket]:
    """Yield a connection after its handshake. It follows no redirect, because it has this one socket, and uses no proxy."""
    from websockets.asyncio.client import connect

    class Connect(connect):
        def process_redirect(self, exc: Exception) -> Exception | str:
            return exc

    tls = any_certificate() if scheme == "https" else None
    opening = Connect(
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
    loop = asyncio.new_event_loop()
    try:
        talk = WebSocket(loop, loop.run_until_complete(_made(opening)))
        try:
            yield talk
        finally:
            talk.close()
    finally:
        if left := asyncio.all_tasks(loop):  # they end with the connection
            loop.run_until_complete(asyncio.wait(left, timeout=CLOSING))
        loop.close()


async def _made(opening: Awaitable[ClientConnection]) -> ClientConnection:
    return await opening
