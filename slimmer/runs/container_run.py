"""A run of an app in a container: what is the same under the probe and without it."""

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


C = TypeVar("C", bound=RunningContainer)


class ContainerRun(Generic[C]):
    """What a Subject (slimmer.exercise.subject) tells of its container."""

    def __init__(self, container: C, endpoint: Callable[[int], tuple[str, int]]) -> None:
        self._container = container
        self._endpoint = endpoint

    def endpoint(self, port: int) -> tuple[str, int]:
        """Where this port of the container can be reached from here."""
        return self._endpoint(port)

    def container_name(self) -> str:
        """The container's name."""
        return self._container.name

    def last_log_lines(self) -> str:
        """The last lines that the app wrote."""
        return self._container.last_log_lines()

    def error_lines(self) -> tuple[str, ...]:
        """What the app wrote so far that looks like errors, each kind of line once."""
        return self._container.error_lines()
