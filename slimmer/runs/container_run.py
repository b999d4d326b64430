"""A run of an app in a container: the part that is the same with and without the probe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from slimmer.errors import EngineError


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


class Neighbourhood(Protocol):
    """The part of slimmer.runs.beside.Beside that every run needs."""

    def host(self, port: int) -> str: ...

    def run(
        self,
        image: str,
        command: tuple[str, ...],
        environment: Mapping[str, str],
        timeout: float,
        abandon: Callable[[], bool],
    ) -> tuple[int, str]: ...


class Sockets(Protocol):
    """The part of slimmer.engine.unix_sockets.UnixSockets that every run needs."""

    def endpoint(self, path: str) -> tuple[str, int]: ...

    def problem(self, path: str, seconds: float) -> str: ...


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
        beside: Neighbourhood | None = None,
        sockets: Sockets | None = None,
    ) -> None:
        """`beside` runs other images in the container's network. It is None if no exercise needs that; so is `sockets`."""
        self._container = container
        self._sockets = sockets
        self._beside = beside
        self._endpoint = endpoint
        self._accepts = accepts
        self._datagram_endpoint = datagram_endpoint

    def endpoint(self, port: int) -> tuple[str, int]:
        """Return a host and port that lead to this port of the container."""
        return self._endpoint(port)

    def datagram_endpoint(self, port: int) -> tuple[str, int] | None:
        """Return a host and port that lead to this UDP port of the container; None if none does."""
        return self._datagram_endpoint(port)

    def socket_endpoint(self, path: str) -> tuple[str, int]:
        """Return a host and port that lead to this Unix socket of the container."""
        if self._sockets is None:
            raise EngineError("the Unix sockets of this container cannot be reached")
        return self._sockets.endpoint(path)

    def socket_problem(self, path: str, seconds: float) -> str:
        """Return "" as soon as this Unix socket takes connections, or why it takes none for so many seconds."""
        if self._sockets is None:
            return "it cannot be reached"
        return self._sockets.problem(path, seconds)

    def accepts(self, port: int) -> bool:
        """Return True if something accepts connections on this TCP port at this moment."""
        return self._accepts(port)

    def host_beside(self, port: int) -> str:
        """Return the host at which `run_beside` reaches this port."""
        return self._neighbourhood().host(port)

    def run_beside(
        self,
        image: str,
        command: tuple[str, ...],
        environment: Mapping[str, str],
        timeout: float,
        abandon: Callable[[], bool],
    ) -> tuple[int, str]:
        """Run another image in the container's network, as Subject.run_beside says."""
        return self._neighbourhood().run(image, command, environment, timeout, abandon)

    def _neighbourhood(self) -> Neighbourhood:
        if self._beside is None:
            raise EngineError("no image can run beside this container")
        return self._beside

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
