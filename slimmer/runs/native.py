"""Run an image as a user would, with the user's options and without the probe. It is a Subject that can be exercised again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from slimmer.errors import AppFailed
from slimmer.exercise.ports import MOST_TRIED, SIDE_BY_SIDE
from slimmer.exit_codes import KILLED
from slimmer.runs.container_run import ContainerRun, Neighbourhood, RunningContainer, Sockets, no_endpoint
from slimmer.tasks import side_by_side

POLL = 0.01
SLOWEST_POLL = 0.1
HEALTH_TIMEOUT = 60.0
SETTLING = 15.0
"""Seconds from the start in which "unhealthy" is not final. Health checks run very often here, so an app may use up its retries
while it starts. In a user's run, these take minutes. The engine keeps checking, and may change the status back."""


class NativeContainer(RunningContainer, Protocol):
    """The part of slimmer.engine.containers.Container that a native run needs."""

    def health(self) -> str: ...

    def kill(self, signal: str) -> None: ...


class NativeRun(ContainerRun[NativeContainer]):
    """A started container without the probe. The ports are known from the observation of the original."""

    def __init__(
        self,
        container: NativeContainer,
        ports: tuple[int, ...],
        endpoint: Callable[[int], tuple[str, int]],
        accepts: Callable[[int], bool],
        bound: Callable[[], tuple[int, ...]] = tuple,
        datagram_endpoint: Callable[[int], tuple[str, int] | None] = no_endpoint,
        beside: Neighbourhood | None = None,
        sockets: Sockets | None = None,
    ) -> None:
        """`bound` returns the UDP ports that the app has bound by now."""
        super().__init__(container, endpoint, accepts, datagram_endpoint, beside, sockets)
        self._ports = ports[:MOST_TRIED]
        self._open: set[int] = set()
        self._bound = bound
        self._settled = time.monotonic() + SETTLING

    def listening_ports(self) -> tuple[int, ...]:
        """Return the original's ports that have accepted a connection by now."""
        waiting = [port for port in self._ports if port not in self._open]
        accept = side_by_side(self._accepts, waiting, SIDE_BY_SIDE)
        self._open.update(port for port, does in zip(waiting, accept, strict=True) if does)
        return tuple(port for port in self._ports if port in self._open)

    def bound_ports(self) -> tuple[int, ...]:
        """Return the UDP ports that the app has bound by now."""
        return self._bound()

    def listening_sockets(self) -> tuple[str, ...]:
        """Return nothing: without the probe, nothing tells of Unix sockets that nobody named."""
        return ()

    def quiet(self) -> None:
        """Return None: without the probe, nothing tells whether the app is still starting."""

    def opened(self) -> None:
        """Return None: without the probe, nothing tells what the app opens."""

    def exit_code(self) -> int | None:
        """Return the app's exit code, or None while it runs."""
        return self._container.exit_code()

    def wait(self, seconds: float) -> None:
        """Return when the app exits, or soon, because nothing reports that a socket starts to listen."""
        self._container.wait(min(seconds, POLL))

    def check_observed(self) -> None:
        """Do nothing, because this run is not observed."""

    def execute(self, command: tuple[str, ...], timeout: float) -> tuple[int, str]:
        """Run a command in the container as the container's user."""
        return self._container.exec_run(command, timeout, user="")

    def stop(self, signal: str, seconds: float) -> int:
        """Ask the app to stop, as `docker stop` does. Return its exit code, or KILLED if it keeps running."""
        self._container.kill(signal)
        code = self._container.wait(seconds)
        return KILLED if code is None else code

    def await_health(self, timeout: float = HEALTH_TIMEOUT) -> str:
        """Wait for the engine's health status: "healthy", "unhealthy", or "starting" if the time is over.

        Raises AppFailed if the app exits meanwhile.
        """
        deadline, pause = time.monotonic() + timeout, POLL
        while time.monotonic() < self._patience(health := self._container.health(), deadline):
            if (code := self._container.wait(pause)) is not None:
                raise AppFailed(f"the slim image's app exited with code {code} while its health was checked")
            pause = min(pause * 2, SLOWEST_POLL)
        return health

    def _patience(self, health: str, deadline: float) -> float:
        """Return the time until which to wait for another status than this one."""
        return {"starting": deadline, "unhealthy": min(deadline, self._settled)}.get(health, 0.0)
