"""Does the slim image answer as the original did? Compares exercises as the app's users would: by what they get.

Three of them, as diffy does: the primary (the original, as it was observed), the candidate (the slim image), and the secondary
(the original once more). What differs between primary and secondary is noise, and does not count in the candidate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from slimmer.exercise.plan import FIRST_EPHEMERAL_PORT, Answer, Exercised, Outcome
from slimmer.verify.bodies import compare_bodies, compare_texts, excerpt_of
from slimmer.verify.excerpt import lines_excerpt
from slimmer.verify.noise import template
from slimmer.verify.structure import Difference

SHORTEST_SECRET = 4
"""Characters from which a request's own header value is hidden in what is shown of a body that repeats it."""

CUT_OUTPUT = 4090
"""Bytes from which a command's output was cut: it is held to its last 4 kB, and begins within a line."""

PRIVATE_HEADERS = ("location", "content-disposition")
"""Headers whose values may name a person or hold a token: they are shown, but in no artefact."""


def compare_behaviour(
    primary: Exercised, candidate: Exercised, secondary: Callable[[], Exercised] | None = None
) -> tuple[Difference, ...]:
    """What the candidate does otherwise than the original: its answers, commands, end, and what it logs as errors.

    `secondary` exercises the original once more; it is called once, and only when there is something to be told from noise.
    What it raises is passed on. Without it, what may be noise (bodies, headers, outputs, log lines) is not compared.
    """
    if secondary is None:
        return tuple(_certain(primary, candidate, primary))
    if next(_differences(primary, candidate, primary), None) is None:
        return ()
    return tuple(_differences(primary, candidate, secondary()))


def _certain(primary: Exercised, candidate: Exercised, secondary: Exercised) -> Iterator[Difference]:
    """Status, content type, exit code: what an app hardly ever changes by itself."""
    yield from _ports(primary, candidate, secondary)
    for before, after, again in _answers(primary, candidate, secondary):
        yield from _answer(before, after, again) if after else _unanswered(before, again, candidate)
    yield from _surplus(primary, candidate, secondary)
    for command in _commands(primary, candidate, secondary):
        yield from _exit_code(*command)
    if candidate.exit_code not in (primary.exit_code, secondary.exit_code):
        yield Difference("the app", "exit code", _code(primary.exit_code), _code(candidate.exit_code))


def _differences(primary: Exercised, candidate: Exercised, secondary: Exercised) -> Iterator[Difference]:
    yield from _certain(primary, candidate, secondary)
    for before, after, again in _answers(primary, candidate, secondary):
        if after and after.status == before.status:
            sample = again if again and again.status == before.status else before
            yield from _hidden(_content(before, after, sample), before)
    for command in _commands(primary, candidate, secondary):
        yield from _output(*command)
    if candidate.exit_code is not None and candidate.exit_code == primary.exit_code:
        excerpt = _output_excerpt(primary.output, candidate.output, secondary.output)
        if excerpt:
            yield Difference("the app", "output", "the original's", "another", excerpt)
    yield from _log(primary, candidate, secondary)


# ---------------------------------------------------------------------- answers


def _ports(primary: Exercised, candidate: Exercised, secondary: Exercised) -> Iterator[Difference]:
    """Ports that spoke HTTP; the kernel's choices are others each time, so of them the number counts."""
    before, after, again = (_lasting(exercised.http_ports) for exercised in (primary, candidate, secondary))
    if after not in (before, again):
        yield Difference("the app", "HTTP ports", _listed(primary.http_ports), _listed(candidate.http_ports))


def _lasting(ports: Iterable[int]) -> tuple[int, ...]:
    return tuple(map(_lasting_port, ports))


def _lasting_port(port: int) -> int:
    return min(port, FIRST_EPHEMERAL_PORT)


def _answers(
    primary: Exercised, candidate: Exercised, secondary: Exercised
) -> Iterator[tuple[Answer, Answer | None, Answer | None]]:
    """Each answer of the primary with the candidate's and the secondary's to the same request on the same port."""
    return zip(primary.answers, _matching(primary, candidate), _matching(primary, secondary), strict=True)


def _matching(primary: Exercised, other: Exercised) -> list[Answer | None]:
    """For each answer of the primary the other's. A request that is sent twice is answered twice, in this order."""
    waiting: dict[object, list[Answer]] = defaultdict(list)
    for answer in reversed(other.answers):
        waiting[_asked(answer)].append(answer)
    return [waiting[key].pop() if waiting[key := _asked(answer)] else None for answer in primary.answers]


def _asked(answer: Answer) -> object:
    return answer.request, _lasting_port(answer.port)


def _unanswered(before: Answer, again: Answer | None, candidate: Exercised) -> Iterator[Difference]:
    """An answer that is missing; for a whole port that is missing, the ports are enough."""
    if again is not None and _lasting_port(before.port) in _lasting(candidate.http_ports):
        yield Difference(_where(before), "answer", _code(before.status), "missing")


def _surplus(primary: Exercised, candidate: Exercised, secondary: Exercised) -> Iterator[Difference]:
    """More answers or commands than any original had."""
    for what, numbers in (
        ("answers", [len(exercised.answers) for exercised in (primary, candidate, secondary)]),
        ("commands", [len(_own_commands(exercised)) for exercised in (primary, candidate, secondary)]),
    ):
        if numbers[1] > max(numbers[0], numbers[2]):
            yield Difference("the app", what, str(numbers[0]), str(numbers[1]))


def _answer(before: Answer, after: Answer, again: Answer | None) -> Iterator[Difference]:
    """Whether there is an answer, its status, its type. Of a failure its status is told, and what the body says."""
    again = again or before
    where = _where(before)
    if after.problem and not before.problem and not again.problem and after.status in (None, before.status):
        yield Difference(where, "answer", "good", after.problem)
    elif after.status not in (before.status, again.status):
        yield from _hidden([_of_body(before, after, "status", _code(before.status), _code(after.status))], before)
    if after.status == before.status and after.content_type not in (before.content_type, again.content_type):
        types = before.content_type or "none", after.content_type or "none"
        yield from _hidden([_of_body(before, after, "content type", *types)], before)


def _of_body(before: Answer, after: Answer, what: str, expected: str, actual: str) -> Difference:
    return Difference(_where(before), what, expected, actual, excerpt_of(before, after))


def _content(before: Answer, after: Answer, again: Answer) -> Iterator[Difference]:
    """The headers and the body of an answer whose status is the original's."""
    yield from _headers(before, after, again)
    if after.content_type != before.content_type:
        return  # told already, with the body, or noise
    if changed := compare_bodies(before, after, again):
        yield Difference(_where(before), "body", changed.before, changed.after, changed.excerpt)


def _headers(before: Answer, after: Answer, again: Answer) -> Iterator[Difference]:
    if before.headers == after.headers:
        return
    first, second, third = dict(before.headers), dict(after.headers), dict(again.headers)
    for name in sorted(first.keys() | second.keys()):
        values = first.get(name), second.get(name), third.get(name)
        if values[1] in (values[0], values[2]) or _varies(*values):
            continue
        if name in PRIVATE_HEADERS and None not in values[:2]:
            detail = f"- {values[0]}\n+ {values[1]}"
            yield Difference(_where(before), f"header {name}", "the original's", "another", detail)
        else:
            yield Difference(_where(before), f"header {name}", *(v if v is not None else "none" for v in values[:2]))


def _varies(before: str | None, after: str | None, again: str | None) -> bool:
    """Whether a header's value may be another one, as it is in two originals."""
    if before is None or again is None:
        return before != again  # there or not: by chance
    return after is not None and before != again and template(before, again).fits(after)


def _hidden(differences: Iterable[Difference], answer: Answer) -> Iterator[Difference]:
    """Without the request's own secrets, which an app may repeat: header values, and what was sent."""
    secrets = [
        word for _, value in answer.request.headers for word in (value, *value.split()) if len(word) >= SHORTEST_SECRET
    ]
    if answer.request.body and len(answer.request.body) >= SHORTEST_SECRET:
        secrets.append(answer.request.body.decode(errors="replace"))
    for difference in differences:
        detail = difference.detail
        for secret in sorted(secrets, key=len, reverse=True):
            detail = detail.replace(secret, "…")
        yield replace(difference, detail=detail)


def _where(answer: Answer) -> str:
    return f"{answer.request.method} :{answer.port}{answer.request.path}"


# ---------------------------------------------------------------------- commands and the app itself


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
    before, after, again = (_whole_lines(output) for output in (before, after, again))
    if before == after or sorted(before.splitlines()) == sorted(after.splitlines()):
        return ""
    return compare_texts(before, after, again)


def _whole_lines(output: str) -> str:
    return output.partition("\n")[2] if len(output.encode(errors="replace")) >= CUT_OUTPUT else output


def _log(primary: Exercised, candidate: Exercised, secondary: Exercised) -> Iterator[Difference]:
    """What the candidate logs as errors and no original ever did."""
    known = {*primary.error_lines, *secondary.error_lines}
    new = [line for line in candidate.error_lines if line not in known]
    if new:
        yield Difference("the app's log", "errors", "the original's", f"{len(new)} more kinds", lines_excerpt(new))


def _listed(ports: tuple[int, ...]) -> str:
    return ", ".join(map(str, ports)) or "none"


def _code(code: int | None) -> str:
    return "none" if code is None else str(code)


def _tail(output: str) -> str:
    lines = output.strip().splitlines()
    return lines[-1][:200] if lines else "no output"
