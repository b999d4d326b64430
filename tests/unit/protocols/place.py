"""A Subject that is nothing but ports of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.mode import FirstRun
from slimmer.exercise.plan import ExercisePlan
from slimmer.exercise.profile import AppProfile


class Place:
    """An app that runs on and on. `moved`: where its well-known ports are on this machine."""

    def __init__(self, moved: Mapping[int, int] | None = None) -> None:
        self._moved = moved or {}

    def listening_ports(self) -> tuple[int, ...]:
        return tuple(self._moved)

    def bound_ports(self) -> tuple[int, ...]:
        return ()

    def listening_sockets(self) -> tuple[str, ...]:
        return ()

    def socket_endpoint(self, path: str) -> tuple[str, int]:
        raise OSError(path)

    def socket_problem(self, path: str, seconds: float) -> str:
        return "there is no such socket"

    def accepts(self, port: int) -> bool:
        return True

    def quiet(self) -> float | None:
        return None

    def opened(self) -> int | None:
        return None

    def endpoint(self, port: int) -> tuple[str, int]:
        return "127.0.0.1", self._moved.get(port, port)

    def datagram_endpoint(self, port: int) -> tuple[str, int] | None:
        return self.endpoint(port)

    def exit_code(self) -> int | None:
        return None

    def wait(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.01))

    def check_observed(self) -> None:
        pass

    def execute(self, command: tuple[str, ...], timeout: float) -> tuple[int, str]:
        raise NotImplementedError

    def host_beside(self, port: int) -> str:
        raise NotImplementedError

    def run_beside(
        self,
        image: str,
        command: tuple[str, ...],
        environment: Mapping[str, str],
        timeout: float,
        abandon: Callable[[], bool],
    ) -> tuple[int, str]:
        raise NotImplementedError

    def container_name(self) -> str:
        return "nothing"

    def last_log_lines(self) -> str:
        return ""

    def error_lines(self) -> tuple[str, ...]:
        return ()


def context(
    place: Place, said: list[str], environment: Mapping[str, str] | None = None, ready_timeout: float = 2.0
) -> ExerciseContext:
    """The context of a first run."""
    plan = ExercisePlan(protocols=True, ready_timeout=ready_timeout)
    return ExerciseContext(place, FirstRun(plan, False, AppProfile()), said.append, environment)
