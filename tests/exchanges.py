"""Exchanges with real servers, as bytes in a file: record one through a relay, and play the server's side of it again.

    python -m tests.exchanges HOST PORT FILE

listens on a port of the loopback, prints it, and records one connection to a real server. A line of the file is `>` or `<` and the bytes
that the client or the server sent, in hexadecimal digits.
"""

from __future__ import annotations

import selectors
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PIECE = 1 << 16

Exchange = list[tuple[str, bytes]]


def read(file: Path) -> Exchange:
    """Return the pieces of an exchange: who sent it ("<" for the server), and what."""
    lines = file.read_text().splitlines()
    return [(line[0], bytes.fromhex(line[1:])) for line in lines if line[:1] in ("<", ">")]


@contextmanager
def playing(exchange: Exchange) -> Iterator[int]:
    """Play the server's side on a port of the loopback, as often as someone connects, while the client sends what is recorded."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener, exchange), daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, exchange: Exchange) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client, suppress(OSError):
            _play(client, exchange)


def _play(client: socket.socket, exchange: Exchange) -> None:
    for side, data in exchange:
        if side == "<":
            client.sendall(data)
            continue
        while data:
            piece = client.recv(len(data))
            if not piece or not data.startswith(piece):
                return
            data = data[len(piece) :]


def record(server: tuple[str, int], file: Path) -> None:
    """Record one connection."""
    exchange: Exchange = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        client, _ = listener.accept()
    with client, socket.create_connection(server) as peer, selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ, (">", peer))
        selector.register(peer, selectors.EVENT_READ, ("<", client))
        while True:
            for key, _ in selector.select():
                side, other = key.data
                sender = key.fileobj
                assert isinstance(sender, socket.socket)
                if not (data := sender.recv(PIECE)):
                    file.write_text("".join(f"{who}{what.hex()}\n" for who, what in exchange))
                    return
                other.sendall(data)
                if exchange and exchange[-1][0] == side:
                    data = exchange.pop()[1] + data
                exchange.append((side, data))


if __name__ == "__main__":
    record((sys.argv[1], int(sys.argv[2])), Path(sys.argv[3]))
