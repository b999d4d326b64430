"""What to ask of the app: requests, commands, and when it is enough. Values only; the drivers are beside this module."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

SLOWER = 10
"""How many times longer than the original the slim image may take to end: the machine may be busy."""

LONGEST_WATCH = 60.0
"""Seconds that a replay waits at most where the user had the original watched for some time."""

WARMING_UP = (502, 503, 504)
"""What an app says, or the proxy before it, that is not ready yet: RFC 9110, sections 15.6.3 to 15.6.5."""

FIRST_EPHEMERAL_PORT = 32768
"""From here on Linux picks ports for those who name none (ip(7), ip_local_port_range)."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an answer must be like. Empty: not asked for; without any, 5xx fails, 4xx warns and the rest is fine.

    `status`: any of these. `contains`: all of these, in the decoded body. `content_type`: a media type, whose
    parameters count only if it has some (`text/html` fits `text/html; charset=utf-8`).
    """

    status: tuple[int, ...] = ()
    contains: tuple[str, ...] = ()
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `port` None: every port that speaks HTTP. `body` is what is sent, already encoded.

    Headers and body may hold secrets: they are in no repr, message or artifact.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
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


PLAIN_WORD = re.compile(r"[\w./+-]+")
"""A word that a shell takes as it is: no assignment, no expansion, no end of a command."""

DEFAULT_REQUESTS = (Request("GET", "/"),)


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole exercise of one run. Times are seconds.

    `explicit`: the requests are the user's own, so they must reach somebody. `ports`: these alone are exercised, and must
    get ready. `expected_ports`: those that the image EXPOSEs, or, on a replay, those that the original served.
    `other_ports`: on a replay, all that the original opened, also for other protocols: they are waited for at the end, and come before
    those that it did not. `silent_ports`: on a replay, those of them that said no word of HTTP, and are not waited for long.
    `exit_timeout`: on a replay, how long a command may take that ended in the original; None where it did not end, or where
    nothing is known. `unready`: what the original answered, to the end, as who is not ready does, by port. `shared`: the plan is
    for several commands of an image together: those that listen take what is asked, the others just run. `own_command`: what
    runs is the image's own command, and not another that the user gave.
    """

    requests: tuple[Request, ...] = DEFAULT_REQUESTS
    explicit: bool = False
    http: bool = True
    ports: tuple[int, ...] = ()
    expected_ports: tuple[int, ...] = ()
    other_ports: tuple[int, ...] = ()
    silent_ports: tuple[int, ...] = ()
    host_commands: tuple[str, ...] = ()
    exec_commands: tuple[tuple[str, ...], ...] = ()
    healthcheck: tuple[str, ...] = ()
    until: Until = Until.PROBES
    seconds: float = 0.0
    ready_timeout: float = 60.0
    request_timeout: float = 30.0
    command_timeout: float = 600.0
    exit_timeout: float | None = None
    unready: tuple[tuple[int, Request], ...] = ()
    shared: bool = False
    own_command: bool = False

    @property
    def asks(self) -> tuple[Request, ...]:
        """The requests that are to be sent."""
        return self.requests if self.http else ()

    @property
    def named_ports(self) -> tuple[int, ...]:
        """Ports that the user named, for the whole run or for one request."""
        own = tuple(request.port for request in self.asks if request.port is not None)
        return tuple(dict.fromkeys(self.ports + own))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a request. `problem` is "" when it passed; `warning` for what is odd but no failure.

    `size` and `digest` (SHA-256) are of the decoded body; a body that was cut at a limit of time or size is `truncated` and
    has no digest. `content_type` is in lower case, its parameters sorted. `headers` are the others that matter
    (slimmer.exercise.headers). `body` is the decoded body, None for one that was too long to be held. Neither of the two is
    in any repr or artifact.
    """

    request: Request
    port: int
    status: int | None
    content_type: str
    size: int
    digest: str
    seconds: float
    problem: str = ""
    warning: str = ""
    truncated: bool = False
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command did. `where` is "host", "container" or "healthcheck"; output is cut to its last 4 kB."""

    command: tuple[str, ...]
    where: str
    exit_code: int
    output: str = field(repr=False)
    problem: str = ""

    @property
    def program(self) -> str:
        """The program's name alone, since arguments may hold credentials; "sh" where a shell has more than that to read."""
        first = next(iter(self.command), "")
        if self.where != "host":
            return first
        name = next(iter(first.split()), "")
        return name if PLAIN_WORD.fullmatch(name) else "sh"


@dataclass(frozen=True, slots=True)
class ExerciseResult:
    """All answers and outcomes of one exercise, in the plan's order (of one request: by port).

    `ports`: those that accepted connections; `http_ports`: those of them that spoke HTTP. `exit_code` is that of an app that
    ended as it was meant to; None while it runs. `stopped` is that of one that ran on, and was stopped then as `docker stop`
    does; KILLED if that took a SIGKILL, None where it was not done. `seconds`: how long the exercise took. `error_lines`: what the app wrote
    that looks like errors (slimmer.engine.error_lines). `output`: the last 4 kB of what an app wrote that ended.
    """

    answers: tuple[Answer, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    http_ports: tuple[int, ...] = ()
    ports: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()
    exit_code: int | None = None
    stopped: int | None = None
    seconds: float = 0.0
    error_lines: tuple[str, ...] = field(default=(), repr=False)
    output: str = field(default="", repr=False)

    @property
    def problems(self) -> tuple[str, ...]:
        """What failed, one line each."""
        answers = tuple(answer.problem for answer in self.answers if answer.problem)
        return answers + tuple(outcome.problem for outcome in self.outcomes if outcome.problem)


def replay_plan(plan: Plan, observed: ExerciseResult) -> Plan:
    """The same plan for the slim image, of which is known what the original did: its ports, and whether and when it ended.

    Ports that the kernel chose are others each time; they are not waited for, unless they spoke HTTP. What an app does by
    itself in the seconds that it is watched for, it does again.
    """
    lasting = tuple(port for port in observed.ports if port < FIRST_EPHEMERAL_PORT)
    ended = observed.exit_code is not None
    return replace(
        plan,
        expected_ports=observed.http_ports or lasting,
        other_ports=lasting,
        silent_ports=tuple(port for port in lasting if port not in observed.http_ports),
        unready=tuple((said.port, said.request) for said in observed.answers if said.status in WARMING_UP),
        seconds=min(plan.seconds, LONGEST_WATCH),
        exit_timeout=max(plan.ready_timeout, SLOWER * observed.seconds) if ended else None,
    )


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

    def check_observed(self) -> None:
        """Raises ObservationIncomplete when what watches the app does not answer: asked before the app is blamed for a silence."""
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

    def error_lines(self) -> tuple[str, ...]:
        """What the app wrote so far that looks like errors, each kind of line once (slimmer.engine.error_lines)."""
        ...
