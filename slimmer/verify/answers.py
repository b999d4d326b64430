"""Each answer of the original beside the slim image's to the same request, and other originals': what a client gets.

Of a failure its status is told, with what its page says; of a good answer the type, the headers that matter and the body.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from slimmer.exercise.ports import FIRST_EPHEMERAL_PORT
from slimmer.exercise.result import Answer, ExerciseResult
from slimmer.verify.bodies import compare_bodies, excerpt_of, is_by_shape
from slimmer.verify.noise import template
from slimmer.verify.structure import Difference

SHORTEST_SECRET = 4
"""Characters from which a request's own header value is hidden in what is shown of a body that repeats it."""

PRIVATE_HEADERS = ("location", "content-disposition")
"""Headers whose values may name a person or hold a token: they are shown, but in no artifact."""


def lasting_port(port: int) -> int:
    """The port; one number for all that the kernel chose, since they are others each time."""
    return min(port, FIRST_EPHEMERAL_PORT)


def compare_answers(
    primary: ExerciseResult, candidate: ExerciseResult, others: Sequence[ExerciseResult]
) -> Iterator[Difference]:
    """Missing answers, other statuses and content types: what an app hardly ever changes by itself."""
    for before, after, again in _matched(primary, candidate, others):
        if after:
            yield from _answer(before, after, again)
        elif len(again) == len(others):
            yield from _unanswered(before, candidate)


def compare_contents(
    primary: ExerciseResult, candidate: ExerciseResult, others: Sequence[ExerciseResult]
) -> Iterator[Difference]:
    """Other headers and bodies of answers that have the original's status, but for noise."""
    for before, after, again in _matched(primary, candidate, others):
        if after and after.status == before.status:
            samples = [one for one in again if one.status == before.status]
            yield from _hidden(_content(before, after, samples), before)


def compared_by_shape(
    primary: ExerciseResult, candidate: ExerciseResult, others: Sequence[ExerciseResult]
) -> Iterator[str]:
    """Which answers differ so much in each original that no more than their shape was compared."""
    for before, after, again in _matched(primary, candidate, others):
        known = {before.digest, *(one.digest for one in again)}
        if after and after.digest and after.digest not in known and is_by_shape(before, again):
            yield _where(before)


def _matched(
    primary: ExerciseResult, candidate: ExerciseResult, others: Sequence[ExerciseResult]
) -> Iterator[tuple[Answer, Answer | None, list[Answer]]]:
    """Each answer of the primary with the candidate's and the other originals' to the same request on the same port."""
    sides = zip(*(_matching(primary, side) for side in (candidate, *others)), strict=True)
    for before, (after, *again) in zip(primary.answers, sides, strict=True):
        yield before, after, [one for one in again if one is not None]


def _matching(primary: ExerciseResult, other: ExerciseResult) -> list[Answer | None]:
    """For each answer of the primary the other's. A request that is sent twice is answered twice, in this order."""
    waiting: dict[object, list[Answer]] = defaultdict(list)
    for answer in reversed(other.answers):
        waiting[_asked(answer)].append(answer)
    return [waiting[key].pop() if waiting[key := _asked(answer)] else None for answer in primary.answers]


def _asked(answer: Answer) -> object:
    return answer.request, lasting_port(answer.port)


def _unanswered(before: Answer, candidate: ExerciseResult) -> Iterator[Difference]:
    """An answer that is missing; for a whole port that is missing, the ports are enough."""
    if lasting_port(before.port) in map(lasting_port, candidate.http_ports):
        yield Difference(_where(before), "answer", code_words(before.status), "missing")


def _answer(before: Answer, after: Answer, again: Sequence[Answer]) -> Iterator[Difference]:
    """Whether there is an answer, its status, its type. Of a failure its status is told, and what the body says."""
    where, originals = _where(before), (before, *again)
    if after.problem and not any(one.problem for one in originals) and after.status in (None, before.status):
        yield Difference(where, "answer", "good", after.problem)
    elif after.status not in {one.status for one in originals}:
        yield from _hidden(
            [_of_body(before, after, "status", code_words(before.status), code_words(after.status))], before
        )
    if after.status == before.status and after.content_type not in {one.content_type for one in originals}:
        types = before.content_type or "none", after.content_type or "none"
        yield from _hidden([_of_body(before, after, "content type", *types)], before)


def _of_body(before: Answer, after: Answer, what: str, expected: str, actual: str) -> Difference:
    return Difference(_where(before), what, expected, actual, excerpt_of(before, after))


def _content(before: Answer, after: Answer, again: Sequence[Answer]) -> Iterator[Difference]:
    """The headers and the body of an answer whose status is the original's."""
    yield from _headers(before, after, again)
    if after.content_type != before.content_type:
        return  # told already, with the body, or noise
    if changed := compare_bodies(before, after, *again):
        yield Difference(_where(before), "body", changed.before, changed.after, changed.excerpt)


def _headers(before: Answer, after: Answer, again: Sequence[Answer]) -> Iterator[Difference]:
    if before.headers == after.headers:
        return
    first, second, *others = (dict(one.headers) for one in (before, after, *again))
    for name in sorted(first.keys() | second.keys()):
        values, samples = (first.get(name), second.get(name)), [other.get(name) for other in others]
        if values[1] not in (values[0], *samples) and not _varies(*values, samples):
            yield _header(_where(before), name, *values)


def _header(where: str, name: str, before: str | None, after: str | None) -> Difference:
    if name not in PRIVATE_HEADERS:
        return Difference(where, f"header {name}", before or "none", after or "none")
    words = ("none" if before is None else "the original's"), ("none" if after is None else "another")
    sides = (f"{sign} {value}" for sign, value in (("-", before), ("+", after)) if value is not None)
    return Difference(where, f"header {name}", *words, "\n".join(sides))


def _varies(before: str | None, after: str | None, again: Sequence[str | None]) -> bool:
    """Whether a header's value may be another one, as it is in the originals."""
    samples = [value for value in again if value is not None]
    if before is None or len(samples) < len(again):
        return any(before != value for value in again)  # there or not: by chance
    return after is not None and any(before != one for one in samples) and template(before, *samples).fits(after)


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


def code_words(code: int | None) -> str:
    """A status or an exit code for a person."""
    return "none" if code is None else str(code)
