"""What can be exercised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol


class Subject(Protocol):
    """A running container to exercise: the watched original, or the slim image as a user would run it."""

    def listening_ports(self) -> tuple[int, ...]:
        """Return the TCP ports on which the app is known to listen now."""
        ...

    def listening_sockets(self) -> tuple[str, ...]:
        """Return the Unix sockets on which the app is known to listen now, as it named them. A name with '@' is abstract."""
        ...

    def socket_endpoint(self, path: str) -> tuple[str, int]:
        """Return the host and port where this Unix socket of the container can be reached, through a relay."""
        ...

    def socket_problem(self, path: str, seconds: float) -> str:
        """Return "" as soon as this Unix socket takes connections. If it takes none for so many seconds, return why in a few words."""
        ...

    def bound_ports(self) -> tuple[int, ...]:
        """Return the UDP ports that the app is known to have bound now, without those that the kernel chose."""
        ...

    def accepts(self, port: int) -> bool:
        """Return True if something accepts connections on this TCP port at this moment."""
        ...

    def quiet(self) -> float | None:
        """Return the seconds since the app last did something that only a starting app does; None if that is unknown.

        That is: open or run a file of the image for the first time, or open a port.
        """
        ...

    def opened(self) -> int | None:
        """Return how many different files of the image the app has opened or run by now; None if nothing watches it.

        The number is complete: a file that the app opened before it sent an answer counts once that answer has arrived.
        Files that the app made itself do not count. Raises ObservationIncomplete if the probe does not answer.
        """
        ...

    def endpoint(self, port: int) -> tuple[str, int]:
        """Return the host and port where this port of the container can be reached, directly or through a relay."""
        ...

    def datagram_endpoint(self, port: int) -> tuple[str, int] | None:
        """Return the host and port where this UDP port of the container can be reached; None if it can be reached only by relays."""
        ...

    def exit_code(self) -> int | None:
        """Return the app's exit code, or None while it runs."""
        ...

    def wait(self, seconds: float) -> None:
        """Return when something may have changed (a new listener, an exit), or after this many seconds."""
        ...

    def check_observed(self) -> None:
        """Raise ObservationIncomplete if the probe that watches the app does not answer.

        The exercise calls this before it blames the app for not answering.
        """
        ...

    def execute(self, command: tuple[str, ...], timeout: float) -> tuple[int, str]:
        """Run a command in the container as the image's user. Return its exit code and the last 4 kB of its output."""
        ...

    def host_beside(self, port: int) -> str:
        """Return the host at which `run_beside` reaches this port. The port's number is the same there."""
        ...

    def run_beside(
        self,
        image: str,
        command: tuple[str, ...],
        environment: Mapping[str, str],
        timeout: float,
        abandon: Callable[[], bool],
    ) -> tuple[int, str]:
        """Run another image in the app's network until it exits, `timeout` seconds are over, or `abandon` returns True.

        `command` replaces the image's CMD; () is the image's own. Return the exit code and the last 4 kB of the output. The exit code
        is 124 if the container was ended here, and 125 if the engine cannot run it, as with `docker run`.
        """
        ...

    def container_name(self) -> str:
        """Return the container's name, for the user's own commands."""
        ...

    def last_log_lines(self) -> str:
        """Return the last lines that the app wrote, for an error message."""
        ...

    def error_lines(self) -> tuple[str, ...]:
        """Return the lines that look like errors so far, each kind once (slimmer.engine.error_lines)."""
        ...
