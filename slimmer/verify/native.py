"""The slim image as a user would run it: no probe, the user's own options; a Subject for the same exercise again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from slimmer.errors import AppFailed

POLL = 0.01
SLOWEST_POLL = 0.1
HEALTH_TIMEOUT = 60.0


class NativeContainer(Protocol):
    """The part of slimmer.engine.containers.Container that a native run needs."""

    @property
    def name(self) -> str: ...

    def exec_run(self, argv: tuple[str, ...], timeout: float, *, user: str) -> tuple[int, str]: ...

    def exit_code(self) -> int | None: ...

    def wait(self, seconds: float) -> int | None: ...

    def health(self) -> str: ...

    def last_log_lines(self) -> str: ...

    def error_lines(self) -> tuple[str, ...]: ...


class NativeRun:
    """A started container without the probe. Which ports listen is known from the observation of the original."""

    def __init__(
        self,
        container: NativeContainer,
        ports: tuple[int, ...],
        endpoint: Callable[[int], tuple[str, int]],
        accepts: Callable[[int], bool],
    ) -> None:
        self._container = container
        self._ports = ports
        self._endpoint = endpoint
        self._accepts = accepts

    def listening_ports(self) -> tuple[int, ...]:
        """Those of the original's ports that accept a connection by now."""
        return tuple(port for port in self._ports if self._accepts(port))

    def endpoint(self, port: int) -> tuple[str, int]:
        """Where this port of the container can be reached from here."""
        return self._endpoint(port)

    def exit_code(self) -> int | None:
        """The app's exit code, None while it runs."""
        return self._container.exit_code()

    def wait(self, seconds: float) -> None:
        """Return when the app exits, or soon: nothing tells when a socket starts to listen."""
        self._container.wait(min(seconds, POLL))

    def execute(self, command: tuple[str, ...], timeout: float) -> tuple[int, str]:
        """Run a command in the container as its own user."""
        return self._container.exec_run(command, timeout, user="")

    def container_name(self) -> str:
        """The container's name."""
        return self._container.name

    def last_log_lines(self) -> str:
        """The last lines that the app wrote."""
        return self._container.last_log_lines()

    def error_lines(self) -> tuple[str, ...]:
        """What the app wrote so far that looks like errors, each kind of line once."""
        return self._container.error_lines()

    def await_health(self, timeout: float = HEALTH_TIMEOUT) -> str:
        """The engine's verdict on HEALTHCHECK: "healthy", "unhealthy", or "starting" when the time is over.

        Raises AppFailed when the app exits meanwhile.
        """
        deadline, pause = time.monotonic() + timeout, POLL
        while (health := self._container.health()) == "starting" and time.monotonic() < deadline:
            if (code := self._container.wait(pause)) is not None:
                raise AppFailed(f"the slim image's app exited with code {code} while its health was checked")
            pause = min(pause * 2, SLOWEST_POLL)
        return health
