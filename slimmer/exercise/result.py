"""What came of an exercise: answers to requests, outcomes of commands, and both together."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from slimmer.exercise.request import Asked

WARMING_UP = (502, 503, 504)
"""Statuses of an app, or of the proxy before it, that is not ready yet: RFC 9110, sections 15.6.3 to 15.6.5."""

PLAIN_WORD = re.compile(r"[\w./+-]+")
"""A word that a shell takes literally: no assignment, no expansion, no end of a command."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request. `problem` says why it failed ("" if it passed); `warning` says what is odd about it.

    `size` and `digest` (SHA-256) are of the decoded body. A body that was cut at a limit of time or size is `truncated` and
    has no digest. `late`: there was no answer in time. `unsent`: the request needs a value that no answer gave. `content_type` is in lower case, with its parameters sorted. `headers` are the
    others that matter (slimmer.exercise.headers). `body` is the decoded body, or None if it was too long to keep. No repr or artifact contains
    headers or body. The answer of a Unix socket has port 0 and its path, `unix_socket`.
    """

    request: Asked
    port: int
    status: int | None
    content_type: str
    size: int
    digest: str
    seconds: float
    problem: str = ""
    warning: str = ""
    truncated: bool = False
    late: bool = False
    unsent: bool = False
    unix_socket: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command did. `where` is "host", "container", "image" or "healthcheck". `output` is cut to its last 4 kB.

    With "image", the first word of `command` is the image.
    """

    command: tuple[str, ...]
    where: str
    exit_code: int
    output: str = field(repr=False)
    problem: str = ""

    @property
    def program(self) -> str:
        """The program or image without arguments, which may hold credentials; "sh" for a host command that starts otherwise."""
        first = next(iter(self.command), "")
        if self.where != "host":
            return first
        name = next(iter(first.split()), "")
        return name if PLAIN_WORD.fullmatch(name) else "sh"


@dataclass(frozen=True, slots=True)
class GeneratedSet:
    """Requests that slimmer generated from one source ("crawl", "openapi", "graphql", "grpc", "protocols"): how many it found, how many it sent, and how many it kept.

    The kept requests stand for all others: they are sent again to the slim image and to the original, and their answers are among
    the answers of the exercise. `limits` says in one line each what was left out, and why. `seconds`: how long it took.

    Of an API, operations are found and sent, each with several requests; of GraphQL, fields; of gRPC, methods. `answered`: how many of them answered 2xx, of
    GraphQL without errors, of gRPC with OK; None if nobody counts.
    """

    source: str
    found: int
    asked: int
    kept: int
    limits: tuple[str, ...] = ()
    seconds: float = 0.0
    answered: int | None = None


@dataclass(frozen=True, slots=True)
class ExerciseResult:
    """All answers and outcomes of one exercise. Answers are in the plan's order; those to one request are sorted by port.

    The answers to generated requests come last (`Request.source`), and `generated` tells of their sources.

    `ports`: the ports that accepted connections. `http_ports`: those of them that spoke HTTP. `last_ports`: those that still
    accepted connections at the end. `udp_ports`: the UDP ports that the app had bound. `sockets`: the Unix sockets that it listened on, as far as
    that is known; `http_sockets` and `last_sockets` as of ports. `exit_code`: set if the app
    ended by itself and was allowed to; None while it runs. `stopped`: the exit code of an app that was stopped after the
    exercise, as `docker stop` does it; KILLED if SIGKILL was needed, None if nothing stopped it. `seconds`: how long the
    exercise took. `ready_after`: the seconds after which the app was ready. `done_after`: those after which everything was asked, and the
    app had started. `error_lines`: what the app wrote that looks like
    errors, on its output or into its log files (slimmer.engine.error_lines). `output`: the last 4 kB that the app wrote, if it ended.
    """

    answers: tuple[Answer, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    http_ports: tuple[int, ...] = ()
    ports: tuple[int, ...] = ()
    last_ports: tuple[int, ...] = ()
    udp_ports: tuple[int, ...] = ()
    sockets: tuple[str, ...] = ()
    http_sockets: tuple[str, ...] = ()
    last_sockets: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    exit_code: int | None = None
    stopped: int | None = None
    seconds: float = 0.0
    ready_after: float = 0.0
    done_after: float = 0.0
    error_lines: tuple[str, ...] = field(default=(), repr=False)
    output: str = field(default="", repr=False)
    generated: tuple[GeneratedSet, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """What failed, one line each."""
        answers = tuple(answer.problem for answer in self.answers if answer.problem)
        return answers + tuple(outcome.problem for outcome in self.outcomes if outcome.problem)
