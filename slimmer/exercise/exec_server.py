"""SLIMMER_EXEC: a small executable that the user's host commands can call to run a command in the container.

It needs no docker client. The command runs under the probe, as the image's user. SLIMMER_EXEC is a shell script in a private
temporary folder. It starts `exec_client.py`, which talks to a thread here over a Unix socket: one connection per call, JSON each
way ({"argv": [...]}, then {"code": 0, "output": "..."}).
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import socket
import socketserver
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from slimmer.errors import SlimmerError
from slimmer.exercise import exec_client

LONGEST_SOCKET_PATH = 100
"""In bytes. Linux takes 108 with the final zero (unix(7)), other systems fewer."""

REQUEST_LIMIT = 16 << 20
CANNOT_RUN = 125
"""The exit code of a call that failed in slimmer itself, as with `docker run`."""

Execute = Callable[[tuple[str, ...]], tuple[int, str]]

SCRIPT = """#!/bin/sh
exec {python} -I -S {client} {socket} "$@"
"""


@contextmanager
def exec_server(execute: Execute, prefix: str = "slimmer") -> Iterator[Path]:
    """Serve calls until the block ends, and yield the executable's path. Calls may overlap.

    The name of the temporary folder starts with `prefix`. If that is a container's name, the run's watcher knows whose it is.
    """
    with _private_folder(f"{prefix}-") as name:
        folder = Path(name)
        server = _Server(str(folder / "socket"), _Handler)
        server.execute = execute
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield _script(folder)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _private_folder(prefix: str) -> tempfile.TemporaryDirectory[str]:
    """Make a folder that only this user can enter, with a path short enough for a socket in it."""
    folder = tempfile.TemporaryDirectory(prefix=prefix)
    if len(os.fsencode(folder.name)) + len("/socket") <= LONGEST_SOCKET_PATH:
        return folder
    folder.cleanup()
    return tempfile.TemporaryDirectory(prefix=prefix, dir="/tmp")


def _script(folder: Path) -> Path:
    words = {"python": sys.executable, "client": exec_client.__file__, "socket": str(folder / "socket")}
    script = folder / "exec"
    script.write_text(SCRIPT.format(**{name: shlex.quote(word) for name, word in words.items()}))
    script.chmod(0o700)
    return script


class _Server(socketserver.ThreadingUnixStreamServer):
    """Runs a thread for each call. A call that still runs when the server closes ends with its command in the container."""

    daemon_threads = True
    block_on_close = False
    execute: Execute


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            code, output = self._run(self.rfile.read(REQUEST_LIMIT))
            self.wfile.write(json.dumps({"code": code, "output": output}).encode())
            self.connection.shutdown(socket.SHUT_WR)

    def _run(self, message: bytes) -> tuple[int, str]:
        try:
            argv = tuple(str(word) for word in json.loads(message)["argv"])
        except (ValueError, KeyError, TypeError):
            return CANNOT_RUN, "not a valid call\n"
        if not argv:
            return 2, "usage: $SLIMMER_EXEC COMMAND [ARGUMENT]...\n"
        try:
            return self.server.execute(argv)
        except SlimmerError as error:
            return CANNOT_RUN, f"{error.message}\n"
