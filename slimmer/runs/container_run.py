"""A run of an app in a container: the part that is the same with and without the probe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class RunningContainer(Protocol):
    """The part of slimmer.engine.containers.Container that every run needs."""

    @property
    def name(self) -> str: ...

    def exec_run(self, argv: tuple[str, ...], timeout: float, *, user: str) -> tuple[int, str]: ...

    def exit_code(self) -> int | None: ...

    def wait(self, seconds: float) -> int | None: ...

    def last_log_lines(self) -> str: ...

    def error_lines(self) -> tuple[str, ...]: ...

    def file_errors(self, places: tuple[str, ...]) -> tuple[str, ...]: ...


C = TypeVar("C", bound=RunningContainer)


def no_endpoint(port: int) -> None:
    """Return None: no UDP port can be reached."""


class ContainerRun(Generic[C]):
    """The part of a Subject (slimmer.exercise.subject) that is about its container."""

    def __init__(
        self,
        container: C,
        endpoint: Callable[[int], tuple[str, int]],
        accepts: Callable[[int], bool],
        datagram_endpoint: Callable[[int], tuple[str, int] | None] = no_endpoint,
    ) -> None:
        self._container = container
        self._endpoint = endpoint
        self._accepts = accepts
        self._datagram_endpoint = datagram_endpoint

    def endpoint(self, port: int) -> tuple[str, int]:
        """Return a host and port that lead to this port of the container."""
        return self._endpoint(port)

    def datagram_endpoint(self, port: int) -> tuple[str, int] | None:
        """Return a host and port that lead to this UDP port of the container; None if none does."""
        return self._datagram_endpoint(port)

    def accepts(self, port: int) -> bool:
        """Return True if something accepts connections on this TCP port at this moment."""
        return self._accepts(port)

    def container_name(self) -> str:
        """Return the container's name."""
        return self._container.name

    def last_log_lines(self) -> str:
        """Return the last lines that the app wrote."""
        return self._container.last_log_lines()

    def error_lines(self) -> tuple[str, ...]:
        """Return the lines of the app's output so far that look like errors, each kind once."""
        return self._container.error_lines()

    def file_errors(self, places: tuple[str, ...]) -> tuple[str, ...]:
        """Return the lines of its log files in these places that look like errors, each kind once."""
        return self._container.file_errors(places)
