"""What a relay to a Unix socket does, on this machine: each connection to a TCP port is carried to the socket, in both directions."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path


class SocketBridge:
    """A TCP port of this machine that leads to a Unix socket. It takes every connection, whatever becomes of it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint: tuple[str, int] = self._listener.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), _connected(self._path) as server:
            threading.Thread(target=_pump, args=(client, server), daemon=True).start()
            _pump(server, client)


def _connected(path: str) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    try:
        server.connect(f"\0{path[1:]}" if path.startswith("@") else path)
    except OSError:
        server.close()
        raise
    return server


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Copy until the source sends no more, or breaks off."""
    with contextlib.suppress(OSError):
        with contextlib.suppress(ConnectionError):
            while data := source.recv(65536):
                target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def socket_problem(path: str, seconds: float) -> str:
    """Return why a socket takes no connection for so many seconds, in the probe's words (probes/files/socket_relay.c)."""
    end = time.monotonic() + seconds
    while True:
        try:
            _connected(path).close()
        except OSError as error:
            if time.monotonic() < end:
                time.sleep(0.005)
                continue
            if isinstance(error, FileNotFoundError):
                return "there is no such socket"
            is_socket = path.startswith("@") or Path(path).is_socket()
            return "nobody listens on it" if is_socket else "it is not a socket"
        return ""
