"""What the calls of a gRPC server met on their way: what was left out, and why; which methods answered with an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from slimmer.exercise.grpc.services import Method
from slimmer.exercise.grpc.status import Status, status_name
from slimmer.formatting import counted

MOST_SILENT = 5
"""After so many calls in a row without an answer, the port gets no further ones."""

SHOWN = 3
"""The number of methods that a line names, and of problems of one kind that are told."""


@dataclass(slots=True)
class Met:
    """What the calls of one port met. `lines` are ready to be told.

    `unread`: services without a description that can be read, by the problem. `streams`: methods that take a stream; `changing`: those that may change something;
    `ending`: those that would end the app. `status`: what methods answered; `failed`: why others gave no whole answer; `idle`: streams without a message.
    `is_cut`: the calls were given up; `left` methods were not called.
    """

    lines: list[str] = field(default_factory=list)
    unread: dict[str, list[str]] = field(default_factory=dict)
    streams: list[Method] = field(default_factory=list)
    changing: list[Method] = field(default_factory=list)
    ending: list[Method] = field(default_factory=list)
    status: dict[Method, int] = field(default_factory=dict)
    failed: dict[Method, str] = field(default_factory=dict)
    idle: list[Method] = field(default_factory=list)
    is_cut: bool = False
    left: int = 0


def limit_lines(met: Met, unchanging: str, seconds: float, *, is_silent: bool) -> tuple[str, ...]:
    """Return a line for each thing to know. `unchanging`: why methods that may change something were left out.

    The calls were given up after so many seconds, or because the port `is_silent`.
    """
    return (*met.lines, *_left_out(met, unchanging), *_errors(met), *_end(met, seconds, is_silent=is_silent))


def _left_out(met: Met, unchanging: str) -> Iterator[str]:
    for problem, services in [*met.unread.items()][:SHOWN]:
        yield f"left out {counted(len(services), 'service')} ({problem}): {_shown(services)}"
    if met.streams:
        verb = "takes" if len(met.streams) == 1 else "take"
        yield f"left out {_methods(met.streams)} that {verb} a stream: {_shown(met.streams)}"
    if met.ending:
        yield f"left out {_methods(met.ending)} that would end the app: {_shown(met.ending)}"
    if met.changing:
        yield f"left out {_methods(met.changing)} that may change something ({_shown(met.changing)}), because {unchanging}"


def _errors(met: Met) -> Iterator[str]:
    for code in sorted({*met.status.values()} - {Status.OK}):
        those = [method for method, own in met.status.items() if own == code]
        yield f"{_methods(those)} answered {status_name(code)}: {_shown(those)}"
    for problem in [*dict.fromkeys(met.failed.values())][:SHOWN]:
        those = [method for method, own in met.failed.items() if own == problem]
        yield f"{_methods(those)} got no whole answer ({problem}): {_shown(those)}"
    if met.idle:
        yield f"{counted(len(met.idle), 'stream')} gave no message in time: {_shown(met.idle)}"


def _end(met: Met, seconds: float, *, is_silent: bool) -> Iterator[str]:
    after = f"{MOST_SILENT} calls in a row without an answer" if is_silent else f"{seconds:g} s"
    if met.is_cut:
        yield f"stopped after {after}" + (f", with {counted(met.left, 'method')} left" if met.left else "")


def _methods(found: Sequence[Method]) -> str:
    return counted(len(found), "method")


def _shown(found: Sequence[object]) -> str:
    return ", ".join(map(str, found[:SHOWN])) + (" …" if len(found) > SHOWN else "")
