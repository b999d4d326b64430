"""Does the slim image answer as the original did? Exercises are compared by what the app's users get.

This works as in diffy, with a primary (the original, as it was observed), a candidate (the slim image), and secondaries (further
runs of the original, each a fresh instance). What differs between the originals is noise, and does not count in the candidate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from slimmer.errors import AppFailed, ExerciseFailed
from slimmer.exercise.ports import FIRST_EPHEMERAL_PORT
from slimmer.exercise.result import ExerciseResult, Outcome
from slimmer.formatting import is_binary, output_bytes
from slimmer.verify.answers import code_words, comparable_port, compare_payloads, compare_statuses, compared_by_shape
from slimmer.verify.bodies import compare_binary, compare_texts, is_binary_by_shape
from slimmer.verify.excerpt import lines_excerpt
from slimmer.verify.structure import Difference

CUT_OUTPUT = 4090
"""An output of at least this many bytes was cut to its last 4 kB, and begins in the middle of a line."""

STOPPED = "exit code when stopped"
"""What a difference is about if the app ended otherwise on STOPSIGNAL than the original did."""

JOINED = 20
"""The fewest characters of a log line that may be joined to another one. Shorter ones may be alike by chance."""

FUTILE = 3
"""Stop after this many originals in a row that explain no further difference: what they all share is no coincidence."""

MOST = 8
"""The number of secondaries."""

PATIENCE = 30.0
"""Seconds after which no third secondary is started: an exercise may take minutes."""

Others = Sequence[ExerciseResult]
"""The secondaries."""


def _nothing(where: str) -> None:
    """Ignore it."""


def compare_behaviour(
    primary: ExerciseResult,
    candidate: ExerciseResult,
    secondary: Callable[[], ExerciseResult] | None = None,
    by_shape: Callable[[str], None] = _nothing,
    noise: Callable[[str], None] = _nothing,
) -> tuple[Difference, ...]:
    """Return what the candidate does differently: its answers, commands and exit code, and the errors that it logs.

    `secondary` exercises the original again. It is called only if a difference may be noise, and more than once if only contents
    differ: small numbers of two originals may agree by chance, but hardly those of many. Errors of its first call are passed on.
    `by_shape` is called with each answer of which only the shape could be compared, and `noise` with each that differs among originals, too.
    Without `secondary`, what may be noise (bodies, headers, outputs, log lines) is not compared.
    """
    if secondary is None:
        return tuple(_certain(primary, candidate, ()))
    found = suspects = tuple(_differences(primary, candidate, ()))
    if not found:
        return ()
    started, others = time.monotonic(), [secondary()]
    found, futile = tuple(_differences(primary, candidate, others)), 0
    while found and futile < FUTILE and len(others) < MOST and not any(_certain(primary, candidate, others)):
        if len(others) > 1 and time.monotonic() - started > PATIENCE:
            break
        try:
            others.append(secondary())
        except (AppFailed, ExerciseFailed):
            break
        rest = tuple(_differences(primary, candidate, others))
        found, futile = rest, futile + 1 if rest == found else 0
    for where in (*compared_by_shape(primary, candidate, others), *_outputs_by_shape(primary, candidate, others)):
        by_shape(where)
    left = {difference.where for difference in found}
    for where in dict.fromkeys(one.where for one in suspects if one.where not in left):
        noise(where)
    return found


def _certain(primary: ExerciseResult, candidate: ExerciseResult, others: Others) -> Iterator[Difference]:
    """Yield differences that are hardly ever noise: statuses, content types, exit codes."""
    yield from _ports(primary, candidate, others)
    yield from compare_statuses(primary, candidate, others)
    yield from _surplus(primary, candidate, others)
    for command in _commands(primary, candidate, others):
        yield from _exit_code(*command)
    if candidate.exit_code not in {one.exit_code for one in (primary, *others)}:
        yield Difference("the app", "exit code", code_words(primary.exit_code), code_words(candidate.exit_code))
    known = {one.stopped for one in (primary, *others)} - {None}
    if candidate.stopped is not None and known and candidate.stopped not in known:
        yield Difference("the app", STOPPED, code_words(primary.stopped), code_words(candidate.stopped))


def _differences(primary: ExerciseResult, candidate: ExerciseResult, others: Others) -> Iterator[Difference]:
    yield from _certain(primary, candidate, others)
    yield from compare_payloads(primary, candidate, others)
    for command in _commands(primary, candidate, others):
        yield from _output(*command)
    if candidate.exit_code is not None and candidate.exit_code == primary.exit_code:
        yield from _compare_outputs("the app", primary.output, candidate.output, [one.output for one in others])
    yield from _log(primary, candidate, others)


def _ports(primary: ExerciseResult, candidate: ExerciseResult, others: Others) -> Iterator[Difference]:
    """Compare the ports that spoke HTTP, and then the rest. Of ports that the kernel chose, only the number counts."""
    before, after, *again = ([*map(comparable_port, one.http_ports)] for one in (primary, candidate, *others))
    if after not in (before, *again):
        yield Difference("the app", "HTTP ports", _listed(primary.http_ports), _listed(candidate.http_ports))
    closed = set.intersection(*(set(one.ports) for one in (primary, *others))) - {*candidate.ports, *primary.http_ports}
    if any(port < FIRST_EPHEMERAL_PORT for port in closed):
        yield Difference("the app", "open ports", _listed(primary.ports), _listed(candidate.ports))
    originals = primary, *others
    if set.intersection(*(set(one.udp_ports) for one in originals)) - {*candidate.udp_ports}:
        yield Difference("the app", "UDP ports", _listed(primary.udp_ports), _listed(candidate.udp_ports))
    lasting = set.intersection(*(set(one.last_ports) for one in originals)) & {*candidate.ports}
    if any(port < FIRST_EPHEMERAL_PORT for port in lasting - {*candidate.last_ports}):
        yield Difference("the app", "ports at the end", _listed(primary.last_ports), _listed(candidate.last_ports))
    yield from _sockets(primary, candidate, others)


def _sockets(primary: ExerciseResult, candidate: ExerciseResult, others: Others) -> Iterator[Difference]:
    """Compare the Unix sockets that spoke HTTP, and those that were asked and still take connections at the end."""
    if candidate.http_sockets not in (primary.http_sockets, *(one.http_sockets for one in others)):
        yield Difference("the app", "HTTP sockets", _listed(primary.http_sockets), _listed(candidate.http_sockets))
    lasting = set.intersection(*(set(one.last_sockets) for one in (primary, *others))) & {*candidate.sockets}
    if lasting - {*candidate.last_sockets}:
        yield Difference(
            "the app", "sockets at the end", _listed(primary.last_sockets), _listed(candidate.last_sockets)
        )


def _surplus(primary: ExerciseResult, candidate: ExerciseResult, others: Others) -> Iterator[Difference]:
    """Yield a surplus of answers or commands over every original."""
    sides = primary, candidate, *others
    for what, numbers in (
        ("answers", [len(exercised.answers) for exercised in sides]),
        ("commands", [len(_own_commands(exercised)) for exercised in sides]),
    ):
        before, after, *again = numbers
        if after > max([before, *again]):
            yield Difference("the app", what, str(before), str(after))


def _commands(
    primary: ExerciseResult, candidate: ExerciseResult, others: Others
) -> Iterator[tuple[Outcome, Outcome | None, list[Outcome]]]:
    """Yield each command's outcomes: the primary's, the candidate's and the others'."""
    before, after, *again = (_own_commands(exercised) for exercised in (primary, candidate, *others))
    for at, outcome in enumerate(before):
        yield outcome, after[at] if at < len(after) else None, [side[at] for side in again if at < len(side)]


def _own_commands(exercised: ExerciseResult) -> tuple[Outcome, ...]:
    """Return the outcomes without the HEALTHCHECK's: in a slim image, the engine runs it."""
    return tuple(outcome for outcome in exercised.outcomes if outcome.where != "healthcheck")


def _exit_code(before: Outcome, after: Outcome | None, again: Sequence[Outcome]) -> Iterator[Difference]:
    where = _name(before)
    if after is None:
        yield Difference(where, "exit code", str(before.exit_code), "none: not run")
    elif after.exit_code not in {one.exit_code for one in (before, *again)}:
        yield Difference(where, "exit code", str(before.exit_code), str(after.exit_code), _tail(after.output))


def _output(before: Outcome, after: Outcome | None, again: Sequence[Outcome]) -> Iterator[Difference]:
    if after is None or after.exit_code != before.exit_code:
        return
    yield from _compare_outputs(_name(before), before.output, after.output, [one.output for one in again])


def _name(outcome: Outcome) -> str:
    return f"{outcome.where} command {outcome.program}"


def _compare_outputs(where: str, before: str, after: str, again: Sequence[str]) -> Iterator[Difference]:
    """Compare outputs as bodies are compared: data by its bytes, text by its lines."""
    if any(is_binary(output_bytes(one)) for one in (before, *again)):
        changed = compare_binary(output_bytes(before), output_bytes(after), [output_bytes(one) for one in again])
        if changed:
            yield Difference(where, "output", changed.before, changed.after)
    elif excerpt := _output_excerpt(before, after, again):
        yield Difference(where, "output", "the original's", "different", excerpt)


def _outputs_by_shape(primary: ExerciseResult, candidate: ExerciseResult, others: Others) -> Iterator[str]:
    """Yield the binary outputs that differ so much between runs of the original that only their shape was compared."""
    sides = [(_name(before), before, after, again) for before, after, again in _commands(primary, candidate, others)]
    outputs = [
        (where, before.output, after.output, [one.output for one in again])
        for where, before, after, again in sides
        if after
    ]
    if candidate.exit_code is not None:
        outputs.append(("the app", primary.output, candidate.output, [one.output for one in others]))
    for where, output, other, more in outputs:
        first, rest = output_bytes(output), [output_bytes(one) for one in more]
        is_new = other not in (output, *more)
        if is_new and any(map(is_binary, (first, *rest))) and is_binary_by_shape(first, rest):
            yield f"the output of {where}"


def _output_excerpt(before: str, after: str, again: Sequence[str]) -> str:
    """Return how outputs differ; "" if they do not. Lines may change places: stdout and stderr arrive in no fixed order."""
    before, after, *again = _same_stretch(before, after, *again)
    if before == after or sorted(before.splitlines()) == sorted(after.splitlines()):
        return ""
    return compare_texts(before, after, again)


def _same_stretch(*outputs: str) -> list[str]:
    """Reduce outputs that were cut, and so begin in the middle of a line, to the last lines that each of them has."""
    lines = [output.splitlines(keepends=True) for output in outputs]
    cut = [len(output.encode(errors="replace")) >= CUT_OUTPUT for output in outputs]
    common = min((max(1, len(side) - 1) for side, is_cut in zip(lines, cut, strict=True) if is_cut), default=0)
    return ["".join(side[len(side) - common :] if is_cut else side) for side, is_cut in zip(lines, cut, strict=True)]


def _log(primary: ExerciseResult, candidate: ExerciseResult, others: Others) -> Iterator[Difference]:
    """Yield the errors that the candidate logs and no original does."""
    known = {line for one in (primary, *others) for line in one.error_lines}
    new = [line for line in candidate.error_lines if line not in known and not _is_joined(line, known)]
    if new:
        kinds = "one kind" if len(new) == 1 else f"{len(new)} kinds"
        yield Difference("the app", "log", "without new errors", f"with {kinds} of new errors", lines_excerpt(new))


def _is_joined(line: str, known: set[str]) -> bool:
    """Return True if a line is a known one after the unfinished line of another stream, or the other way round.

    stdout and stderr arrive in no fixed order: `syncing data to disk ... initdb: warning: enabling "trust"`.
    """
    return any(min(len(line), len(one)) >= JOINED and (line.endswith(one) or one.endswith(line)) for one in known)


def _listed(ports: tuple[int, ...] | tuple[str, ...]) -> str:
    return ", ".join(map(str, ports)) or "none"


def _tail(output: str) -> str:
    lines = output.strip().splitlines()
    return lines[-1][:200] if lines else "no output"
