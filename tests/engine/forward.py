"""Forwards connections from one Unix socket to another: `forward.py PATH TARGET [DELAY [REFUSED [UNLESS]]]`; says `ready` when it listens.

DELAY holds back each piece for so many seconds, as a slow link does. REFUSED is answered with "403 Forbidden" if it is in the first line
of a connection, as by a proxy that protects an engine's socket, unless UNLESS is in it, too.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time

REFUSAL = (
    b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 10\r\nConnection: close\r\n\r\nForbidden\n"
)
PIECE = 1 << 16


def main(path: str, target: str, delay: str = "0", refused: str = "", unless: str = "") -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        print("ready", flush=True)
        while True:
            client, _ = listener.accept()
            words = (client, target, float(delay), refused.encode(), unless.encode())
            threading.Thread(target=serve, args=words, daemon=True).start()


def serve(client: socket.socket, target: str, delay: float, refused: bytes, unless: bytes) -> None:
    """One connection, from its first piece on."""
    with contextlib.suppress(OSError):
        first = client.recv(PIECE)
        line = first.partition(b"\r\n")[0]
        if refused and refused in line and not (unless and unless in line):
            client.sendall(REFUSAL)
            while client.recv(PIECE):  # what the client still sends
                pass
            client.close()
            return
        server = socket.socket(socket.AF_UNIX)
        server.connect(target)
        server.sendall(first)
        threading.Thread(target=copy, args=(server, client, delay), daemon=True).start()
        copy(client, server, delay)


def copy(source: socket.socket, target: socket.socket, delay: float) -> None:
    """Until the end of the one, which is the end of the other's input, too."""
    with contextlib.suppress(OSError):
        while data := source.recv(PIECE):
            time.sleep(delay)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main(*sys.argv[1:])
