"""The slim image as a user would run it: no probe, the user's own options; a Subject for the same exercise again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from slimmer.errors import AppFailed
from slimmer.observe.container_run import ContainerRun, RunningContainer

POLL = 0.01
SLOWEST_POLL = 0.1
HEALTH_TIMEOUT = 60.0


class NativeContainer(RunningContainer, Protocol):
    """The part of slimmer.engine.containers.Container that a native run needs."""

    def health(self) -> str: ...


class NativeRun(ContainerRun[NativeContainer]):
    """A started container without the probe. Which ports listen is known from the observation of the original."""

    def __init__(
        self,
        container: NativeContainer,
        ports: tuple[int, ...],
        endpoint: Callable[[int], tuple[str, int]],
        accepts: Callable[[int], bool],
    ) -> None:
        super().__init__(container, endpoint)
        self._ports = ports
        self._accepts = accepts

    def listening_ports(self) -> tuple[int, ...]:
        """Those of the original's ports that accept a connection by now."""
        return tuple(port for port in self._ports if self._accepts(port))

    def exit_code(self) -> int | None:
        """The app's exit code, None while it runs."""
        return self._container.exit_code()

    def wait(self, seconds: float) -> None:
        """Return when the app exits, or soon: nothing tells when a socket starts to listen."""
        self._container.wait(min(seconds, POLL))

    def execute(self, command: tuple[str, ...], timeout: float) -> tuple[int, str]:
        """Run a command in the container as its own user."""
        return self._container.exec_run(command, timeout, user="")

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
