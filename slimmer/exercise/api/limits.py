"""What calls of an API came to, and what was left out: one line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from slimmer.exercise.api.operation import Operation
from slimmer.exercise.plan import Api
from slimmer.formatting import counted

TIMEOUT = 10.0
"""The seconds for an answer."""

MOST_KEPT = 400
"""The number of requests that are kept."""

SHOWN = 3
"""The number of operations that a line names."""


@dataclass(slots=True)
class Met:
    """What the calls met."""

    notes: list[str] = field(default_factory=list)
    ending: tuple[Operation, ...] = ()
    changing: int = 0
    silent: int = 0
    out_of_time: int = 0
    unkept: int = 0


def limit_lines(met: Met, results: Sequence[tuple[Operation, int | None]], bounds: Api) -> tuple[str, ...]:
    """Return a line for each thing to know. `results` has the best status of each operation that was called."""
    return (*met.notes, *_left_out(met, bounds), *_refused(results), *_failed(results), *_cut(met))


def _left_out(met: Met, bounds: Api) -> Iterator[str]:
    if met.ending:
        yield f"left out {counted(len(met.ending), 'operation')} that would end the app: {_shown(met.ending)}"
    if met.changing:
        yield f"left out {counted(met.changing, 'operation')} that may change something, because {bounds.unchanging}"
    if met.out_of_time:
        yield f"stopped after {bounds.seconds:g} s with {counted(met.out_of_time, 'operation')} left (--openapi-seconds)"


def _refused(results: Sequence[tuple[Operation, int | None]]) -> Iterator[str]:
    refused = [operation for operation, status in results if status in (401, 403)]
    if refused:
        remedy = "to call them, ask for them in a probe file that logs in (--probe-file)"
        yield f"{counted(len(refused), 'operation')} answered 401 or 403: {_shown(refused)}; {remedy}"


def _failed(results: Sequence[tuple[Operation, int | None]]) -> Iterator[str]:
    """Yield the other statuses than 2xx, the most frequent first."""
    others = [
        (status, one) for one, status in results if status and not 200 <= status < 300 and status not in (401, 403)
    ]
    for status, number in Counter(status for status, _ in others).most_common(5):
        named = [operation for own, operation in others if own == status]
        yield f"{counted(number, 'operation')} answered {status}: {_shown(named)}"


def _cut(met: Met) -> Iterator[str]:
    if met.silent:
        yield f"{counted(met.silent, 'request')} got no whole answer within {TIMEOUT:g} s"
    if met.unkept:
        yield f"kept the first {MOST_KEPT} requests of {MOST_KEPT + met.unkept}"


def _shown(operations: Sequence[Operation]) -> str:
    return ", ".join(str(one)[:80] for one in operations[:SHOWN]) + (" …" if len(operations) > SHOWN else "")
