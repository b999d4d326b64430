"""A burst of requests, as of `ab -c`: `python load.py COUNT` asks $SLIMMER_URL for /data/0 … /data/COUNT-1, 200 at a time.

All 200 connections are open before the first request is sent. Prints how many answers were right.
"""

import os
import socket
import sys
import threading

AT_ONCE = 200
PATIENCE = 120
address = os.environ["SLIMMER_HOST"], int(os.environ["SLIMMER_PORT"])
together = threading.Barrier(AT_ONCE, timeout=PATIENCE)
right: list[int] = []


def ask(number: int, connection: socket.socket) -> None:
    with connection:
        connection.sendall(b"GET /data/%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % number)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    if answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n%d\n" % number):
        right.append(number)


def work(first: int) -> None:
    connection = socket.create_connection(address, PATIENCE)
    together.wait()
    for number in range(first, int(sys.argv[1]), AT_ONCE):
        ask(number, connection)
        connection = socket.create_connection(address, PATIENCE)
    connection.close()


threads = [threading.Thread(target=work, args=(first,), daemon=True) for first in range(AT_ONCE)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(PATIENCE)
print(f"right: {len(set(right))}")
sys.exit(len(set(right)) != int(sys.argv[1]))
