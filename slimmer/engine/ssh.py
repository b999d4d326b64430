"""Reach an engine through the `ssh` program, as the docker client does: each connection is a `docker system dial-stdio` over there.

The first one logs in. The others share its connection (ssh_config(5), ControlMaster), which ends by itself after the last of them.
Whatever ~/.ssh/config and the agent say counts. Nothing asks for a password: slimmer has no terminal to share.
Source: docker/cli, cli/connhelper.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit

import docker
from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnection, UnixHTTPConnectionPool

LONGEST_FOLDER = 60
"""Characters of a folder that still leave room for a socket's name, to which ssh adds some (unix(7): 108)."""

IDLE = 10
"""Seconds that the shared connection outlives the last of its users."""

END_TIMEOUT = 5
"""Seconds to wait for the end of all programs before they are killed. They end with their connections."""

LONGEST_WORDS = 4096
"""Bytes of what ssh says that count, from the end."""

NOISE = ("mux_client", "ControlSocket")
"""How lines begin that do not tell why a connection failed."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an address leads: the words for ssh, and the path of the engine's socket there ("": what is usual there)."""

    words: tuple[str, ...]
    socket: str

    @property
    def command(self) -> str:
        """What to run there. The path is of plain characters only, since a shell reads this."""
        return f"docker --host unix://{self.socket} system dial-stdio" if self.socket else "docker system dial-stdio"


def destination(url: str) -> Destination:
    """Read ssh://[USER@]HOST[:PORT][/PATH/OF/SOCKET]. Raise ValueError for anything else."""
    parts = urlsplit(url)
    user, host, path = unquote(parts.username or ""), _host(parts.netloc), parts.path.rstrip("/")
    if not host or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("not an address like ssh://user@host or ssh://user@host:22")
    if host.startswith("-") or user.startswith("-"):
        raise ValueError("neither the user nor the host may begin with a hyphen")
    if path and not all(character.isalnum() or character in "/._-" for character in path):
        raise ValueError(f"not a path that a shell leaves as it is: {path}")
    words = (*(("-l", user) if user else ()), *(("-p", str(parts.port)) if parts.port else ()), "--", host)
    return Destination(words, path)


def _host(netloc: str) -> str:
    """Return the host as it is written. Patterns of ~/.ssh/config depend on the case, and urlsplit's `hostname` has none."""
    place = netloc.rpartition("@")[2]
    return place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0]


class Tunnel:
    """Connections to one engine over there."""

    def __init__(self, url: str, timeout: int) -> None:
        """Raise ValueError for an address that makes no sense. `timeout`: seconds to log in."""
        target = destination(url)
        folder = Path(tempfile.gettempdir())
        folder = folder if len(str(folder)) <= LONGEST_FOLDER else Path("/tmp")  # the name cannot be guessed
        self._control = folder / f"slimmer-ssh-{secrets.token_hex(8)}"
        path = str(self._control).replace("%", "%%")
        options = (
            "BatchMode=yes",
            "LogLevel=ERROR",
            f"ConnectTimeout={timeout}",
            "ControlMaster=auto",
            f"ControlPath={path}",
        )
        self._ssh = ("ssh", "-T", *(word for option in (*options, f"ControlPersist={IDLE}") for word in ("-o", option)))
        self._target = target
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        flags = fcntl.fcntl(self._said, fcntl.F_GETFL)
        fcntl.fcntl(self._said, fcntl.F_SETFL, flags | os.O_APPEND)  # all programs write to it, and share its offset
        self._programs: list[subprocess.Popen[bytes]] = []
        self._lock = Lock()

    def open(self) -> socket.socket:
        """Return a socket that leads to the engine. Raise OSError if there is no ssh."""
        here, there = socket.socketpair()
        try:
            with there, self._lock:
                self._programs = [program for program in self._programs if program.poll() is None]
                # A session of its own: Ctrl-C must not end the connection before slimmer has cleaned up.
                self._programs.append(
                    subprocess.Popen(
                        [*self._ssh, *self._target.words, self._target.command],
                        stdin=there.fileno(),
                        stdout=there.fileno(),
                        stderr=self._said,
                        start_new_session=True,
                    )
                )
        except FileNotFoundError as error:
            here.close()
            raise OSError("the program ssh is not installed") from error
        except BaseException:
            here.close()
            raise
        return here

    def words(self) -> str:
        """Return the last line that ssh or the program over there wrote to its standard error, or ""."""
        file = self._said.fileno()
        end = os.pread(file, LONGEST_WORDS, max(0, os.fstat(file).st_size - LONGEST_WORDS))
        lines = [line.strip() for line in end.decode(errors="replace").splitlines()]
        return next((line for line in reversed(lines) if line and not line.startswith(NOISE)), "")

    def close(self) -> None:
        """End all connections. The sockets that `open` returned must be closed before."""
        with suppress(OSError, subprocess.TimeoutExpired):
            if self._control.exists():
                over = [*self._ssh, "-O", "exit", *self._target.words]
                subprocess.run(
                    over,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=END_TIMEOUT,
                    check=False,
                )
        with self._lock:
            for program in self._programs:
                program.terminate()
            end = time.monotonic() + END_TIMEOUT
            for program in self._programs:
                _await(program, end)
            self._programs = []
        self._said.close()


def _await(program: subprocess.Popen[bytes], end: float) -> None:
    """Wait for a program's end, and kill it if it goes on until `end`. It may have inherited a mask that blocks SIGTERM."""
    try:
        program.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


class _Connection(UnixHTTPConnection):  # type: ignore[misc]
    def connect(self) -> None:
        self.sock = self.unix_socket.open()
        self.sock.settimeout(self.timeout)


class _Pool(UnixHTTPConnectionPool):  # type: ignore[misc]
    def _new_conn(self) -> _Connection:
        return _Connection(self.base_url, self.socket_path, self.timeout)


class _Adapter(UnixHTTPAdapter):  # type: ignore[misc]
    def __init__(self, tunnel: Tunnel, *arguments: Any, **options: Any) -> None:
        super().__init__("http+unix:///ssh", *arguments, **options)

        self._pool = _Pool("", tunnel, self.timeout, maxsize=self.max_pool_size)

    def get_connection(self, url: str, proxies: Mapping[str, str] | None = None) -> _Pool:
        return self._pool  # one for all paths, so that a few connections will do

    def close(self) -> None:
        super().close()
        self._pool.close()


class SshClient(docker.APIClient):  # type: ignore[misc]
    """Docker's client with a tunnel in the place of its socket. The SDK's own way needs another library to speak ssh."""

    def __init__(self, url: str, timeout: int, connections: int, version: str) -> None:
        """Raise ValueError for an address that makes no sense. Nothing is connected before the first request."""
        self._tunnel = Tunnel(url, timeout)
        super().__init__("unix:///ssh", version=version, timeout=timeout, max_pool_size=connections)
        self._custom_adapter = _Adapter(self._tunnel, timeout, max_pool_size=connections)
        self.mount("http+docker://", self._custom_adapter)

    def problem(self) -> str:
        """Return what ssh or the program over there complained of last, or ""."""
        return self._tunnel.words()

    def close(self) -> None:
        """Close all connections, and log out."""
        super().close()
        self._tunnel.close()
