"""What to ask of the app: requests, commands, and when it is enough. Values only; the drivers are beside this module."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an answer must be like. None: not asked for, and then 5xx fails, 4xx warns and the rest is fine."""

    status: int | None = None
    contains: str | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `port` None: every port that speaks HTTP. `body` is what is sent, already encoded."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = field(default=None, repr=False)
    port: int | None = None
    expect: Expectation | None = None


class Until(StrEnum):
    """What ends the observation; a number of seconds is held beside it."""

    PROBES = "probes"
    EXIT = "exit"
    SIGNAL = "signal"
    ENTER = "enter"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole exercise of one run."""

    requests: tuple[Request, ...] = (Request("GET", "/"),)
    http: bool = True
    ports: tuple[int, ...] = ()
    host_commands: tuple[str, ...] = ()
    exec_commands: tuple[tuple[str, ...], ...] = ()
    healthcheck: tuple[str, ...] = ()
    until: Until = Until.PROBES
    seconds: float = 0.0
    ready_timeout: float = 60.0
    request_timeout: float = 30.0
    command_timeout: float = 600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a request. `problem` is "" when it passed; `warning` for what is odd but no failure."""

    request: Request
    port: int
    status: int | None
    content_type: str
    size: int
    digest: str
    seconds: float
    problem: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command did. `where` is "host", "container" or "healthcheck"; output is cut to its last 4 kB."""

    command: tuple[str, ...]
    where: str
    exit_code: int
    output: str = field(repr=False)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Exercised:
    """All answers and outcomes of one exercise, in the plan's order, and the ports that spoke HTTP."""

    answers: tuple[Answer, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    http_ports: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()
    exit_code: int | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        """What failed, one line each."""
        answers = tuple(answer.problem for answer in self.answers if answer.problem)
        return answers + tuple(outcome.problem for outcome in self.outcomes if outcome.problem)


class Subject(Protocol):
    """A running container that can be exercised: the watched original, or the slim image as a user would run it."""

    def listening_ports(self) -> tuple[int, ...]:
        """TCP ports on which the app is known to listen at this moment."""
        ...

    def endpoint(self, port: int) -> tuple[str, int]:
        """A host and port, reachable from here, that lead to this port of the container (directly or by a relay)."""
        ...

    def exit_code(self) -> int | None:
        """The app's exit code, or None while it runs."""
        ...

    def wait(self, seconds: float) -> None:
        """Return when something may have changed (a new listener, an exit) or after so many seconds at most."""
        ...

    def execute(self, command: tuple[str, ...], timeout: float) -> tuple[int, str]:
        """Run a command in the container as the image's user: its exit code and the last 4 kB of its output."""
        ...

    def container_name(self) -> str:
        """The container's name, for the user's own commands."""
        ...

    def last_log_lines(self) -> str:
        """The last lines that the app wrote, for an error message."""
        ...
