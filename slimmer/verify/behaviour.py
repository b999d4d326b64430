"""Does the slim image answer as the original did? Compares exercises as the app's users would: by what they get.

Three of them, as diffy does: the primary (the original, as it was observed), the candidate (the slim image), and the secondary
(the original once more). What differs between primary and secondary is noise, and does not count in the candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from slimmer.exercise.plan import Exercised, Outcome
from slimmer.verify.answers import code_words, compare_answers, compare_contents, lasting_port
from slimmer.verify.bodies import compare_texts
from slimmer.verify.excerpt import lines_excerpt
from slimmer.verify.structure import Difference

CUT_OUTPUT = 4090
"""Bytes from which a command's output was cut: it is held to its last 4 kB, and begins within a line."""


def compare_behaviour(
    primary: Exercised, candidate: Exercised, secondary: Callable[[], Exercised] | None = None
) -> tuple[Difference, ...]:
    """What the candidate does otherwise than the original: its answers, commands, end, and what it logs as errors.

    `secondary` exercises the original once more; it is called only when there is something to be told from noise, and a second
    time when no more than contents differ: small numbers of two originals agree by chance, those of three hardly ever.
    What it raises is passed on. Without it, what may be noise (bodies, headers, outputs, log lines) is not compared.
    """
    if secondary is None:
        return tuple(_certain(primary, candidate, primary))
    if next(_differences(primary, candidate, primary), None) is None:
        return ()
    again = secondary()
    found = tuple(_differences(primary, candidate, again))
    if not found or next(_certain(primary, candidate, again), None) is not None:
        return found
    places = {(one.where, one.what) for one in _differences(primary, candidate, secondary())}
    return tuple(one for one in found if (one.where, one.what) in places)


def _certain(primary: Exercised, candidate: Exercised, secondary: Exercised) -> Iterator[Difference]:
    """Status, content type, exit code: what an app hardly ever changes by itself."""
    yield from _ports(primary, candidate, secondary)
    yield from compare_answers(primary, candidate, secondary)
    yield from _surplus(primary, candidate, secondary)
    for command in _commands(primary, candidate, secondary):
        yield from _exit_code(*command)
    if candidate.exit_code not in (primary.exit_code, secondary.exit_code):
        yield Difference("the app", "exit code", code_words(primary.exit_code), code_words(candidate.exit_code))


def _differences(primary: Exercised, candidate: Exercised, secondary: Exercised) -> Iterator[Difference]:
    yield from _certain(primary, candidate, secondary)
    yield from compare_contents(primary, candidate, secondary)
    for command in _commands(primary, candidate, secondary):
        yield from _output(*command)
    if candidate.exit_code is not None and candidate.exit_code == primary.exit_code:
        excerpt = _output_excerpt(primary.output, candidate.output, secondary.output)
        if excerpt:
            yield Difference("the app", "output", "the original's", "another", excerpt)
    yield from _log(primary, candidate, secondary)


def _ports(primary: Exercised, candidate: Exercised, secondary: Exercised) -> Iterator[Difference]:
    """Ports that spoke HTTP; the kernel's choices are others each time, so of them the number counts."""
    before, after, again = ([*map(lasting_port, exercised.http_ports)] for exercised in (primary, candidate, secondary))
    if after not in (before, again):
        yield Difference("the app", "HTTP ports", _listed(primary.http_ports), _listed(candidate.http_ports))


def _surplus(primary: Exercised, candidate: Exercised, secondary: Exercised) -> Iterator[Difference]:
    """More answers or commands than any original had."""
    for what, numbers in (
        ("answers", [len(exercised.answers) for exercised in (primary, candidate, secondary)]),
        ("commands", [len(_own_commands(exercised)) for exercised in (primary, candidate, secondary)]),
    ):
        if numbers[1] > max(numbers[0], numbers[2]):
            yield Difference("the app", what, str(numbers[0]), str(numbers[1]))


def _commands(
    primary: Exercised, candidate: Exercised, secondary: Exercised
) -> Iterator[tuple[Outcome, Outcome | None, Outcome]]:
    """Each command's outcomes."""
    sides = [_own_commands(exercised) for exercised in (primary, candidate, secondary)]
    for at, before in enumerate(sides[0]):
        after, again = (side[at] if at < len(side) else None for side in sides[1:])
        yield before, after, again or before


def _own_commands(exercised: Exercised) -> tuple[Outcome, ...]:
    """Without the HEALTHCHECK's own command: of a slim image it is the engine that runs it."""
    return tuple(outcome for outcome in exercised.outcomes if outcome.where != "healthcheck")


def _exit_code(before: Outcome, after: Outcome | None, again: Outcome) -> Iterator[Difference]:
    where = f"{before.where} command {before.program}"
    if after is None:
        yield Difference(where, "exit code", str(before.exit_code), "none: it was not run")
    elif after.exit_code not in (before.exit_code, again.exit_code):
        yield Difference(where, "exit code", str(before.exit_code), str(after.exit_code), _tail(after.output))


def _output(before: Outcome, after: Outcome | None, again: Outcome) -> Iterator[Difference]:
    if after is None or after.exit_code != before.exit_code:
        return
    excerpt = _output_excerpt(before.output, after.output, again.output)
    if excerpt:
        where = f"{before.where} command {before.program}"
        yield Difference(where, "output", "the original's", "another", excerpt)


def _output_excerpt(before: str, after: str, again: str) -> str:
    """How outputs differ; "" when they do not. Their lines may change places: stdout and stderr come as they come."""
    before, after, again = _same_stretch(before, after, again)
    if before == after or sorted(before.splitlines()) == sorted(after.splitlines()):
        return ""
    return compare_texts(before, after, again)


def _same_stretch(*outputs: str) -> list[str]:
    """Outputs that were cut begin somewhere in a line: of those the last lines, as many as each of them has."""
    lines = [output.splitlines(keepends=True) for output in outputs]
    cut = [len(output.encode(errors="replace")) >= CUT_OUTPUT for output in outputs]
    common = min((max(1, len(side) - 1) for side, is_cut in zip(lines, cut, strict=True) if is_cut), default=0)
    return ["".join(side[len(side) - common :] if is_cut else side) for side, is_cut in zip(lines, cut, strict=True)]


def _log(primary: Exercised, candidate: Exercised, secondary: Exercised) -> Iterator[Difference]:
    """What the candidate logs as errors and no original ever did."""
    known = {*primary.error_lines, *secondary.error_lines}
    new = [line for line in candidate.error_lines if line not in known]
    if new:
        kinds = "one kind" if len(new) == 1 else f"{len(new)} kinds"
        yield Difference("the app", "log", "without", f"with {kinds} of errors of its own", lines_excerpt(new))


def _listed(ports: tuple[int, ...]) -> str:
    return ", ".join(map(str, ports)) or "none"


def _tail(output: str) -> str:
    lines = output.strip().splitlines()
    return lines[-1][:200] if lines else "no output"
