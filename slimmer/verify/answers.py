"""Compare each answer of the original with the slim image's answer to the same request: what a client gets.

Further runs of the original tell what is noise. For a failure, its status and its page are compared; for a good answer, its type,
the headers that matter and its body.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from slimmer.exercise.grpc.status import status_name
from slimmer.exercise.ports import FIRST_EPHEMERAL_PORT
from slimmer.exercise.request import Request
from slimmer.exercise.result import Answer, ExerciseResult
from slimmer.exercise.rpc import Rpc
from slimmer.exercise.turn import Turn
from slimmer.verify.bodies import compare_bodies, excerpt_of, is_by_shape
from slimmer.verify.noise import template
from slimmer.verify.structure import Difference

SHORTEST_SECRET = 4
"""A request's own header value or secret of at least this many characters is hidden in an excerpt of a body that repeats it."""

SLOW = 2
"""An original that needs more than this part of the time that the slim image had is as slow as it."""

PRIVATE_HEADERS = ("location", "content-disposition")
"""Headers whose values may name a person or hold a token. They are shown on the terminal, but no artifact contains them."""


def comparable_port(port: int) -> int:
    """Return the port, or one number for all ports that the kernel chose, since those differ in every run."""
    return min(port, FIRST_EPHEMERAL_PORT)


def compare_statuses(
    primary: ExerciseResult, candidate: ExerciseResult, others: Sequence[ExerciseResult]
) -> Iterator[Difference]:
    """Yield missing answers, and other statuses and content types: what an app hardly ever changes by itself."""
    for before, after, again in _matched(primary, candidate, others):
        if after:
            yield from _answer(before, after, again)
        elif len(again) == len(others):
            yield from _unanswered(before, candidate)


def compare_payloads(
    primary: ExerciseResult, candidate: ExerciseResult, others: Sequence[ExerciseResult]
) -> Iterator[Difference]:
    """Yield headers and bodies that differ by more than noise, for answers that have the original's status."""
    for before, after, again in _matched(primary, candidate, others):
        if after and after.status == before.status:
            samples = [one for one in again if one.status == before.status]
            yield from _hidden(_content(before, after, samples), before)


def compared_by_shape(
    primary: ExerciseResult, candidate: ExerciseResult, others: Sequence[ExerciseResult]
) -> Iterator[str]:
    """Yield the answers that differ so much between runs of the original that only their shape was compared."""
    for before, after, again in _matched(primary, candidate, others):
        known = {before.digest, *(one.digest for one in again)}
        if after and after.digest and after.digest not in known and is_by_shape(before, again):
            yield place_of(before)


def _matched(
    primary: ExerciseResult, candidate: ExerciseResult, others: Sequence[ExerciseResult]
) -> Iterator[tuple[Answer, Answer | None, list[Answer]]]:
    """Yield each answer of the primary with those of the candidate and the other originals to the same request and port."""
    sides = zip(*(_matching(primary, side) for side in (candidate, *others)), strict=True)
    for before, (after, *again) in zip(primary.answers, sides, strict=True):
        yield before, after, [one for one in again if one is not None]


def _matching(primary: ExerciseResult, other: ExerciseResult) -> list[Answer | None]:
    """Return the other run's answer for each answer of the primary. A request that is sent twice is answered twice, in order."""
    waiting: dict[object, list[Answer]] = defaultdict(list)
    for answer in reversed(other.answers):
        waiting[_asked(answer)].append(answer)
    return [waiting[key].pop() if waiting[key := _asked(answer)] else None for answer in primary.answers]


def _asked(answer: Answer) -> object:
    return answer.request, comparable_port(answer.port), answer.unix_socket


def _unanswered(before: Answer, candidate: ExerciseResult) -> Iterator[Difference]:
    """Yield a missing answer, unless its whole port or socket is missing: that is reported once."""
    open_ports = map(comparable_port, candidate.http_ports)
    if (
        before.unix_socket in candidate.http_sockets
        if before.unix_socket
        else comparable_port(before.port) in open_ports
    ):
        yield Difference(place_of(before), "answer", _status_words(before), "missing")


def _answer(before: Answer, after: Answer, again: Sequence[Answer]) -> Iterator[Difference]:
    """Compare whether there is an answer, its status and its type. A failure is reported with what its body says."""
    where, originals = place_of(before), (before, *again)
    if was_slow_for_all(after, again):
        return
    if after.problem and not any(one.problem for one in originals) and after.status in (None, before.status):
        yield Difference(where, "answer", "good", after.problem)
    elif after.status not in {one.status for one in originals}:
        yield from _hidden([_of_body(before, after, "status", _status_words(before), _status_words(after))], before)
    if after.status == before.status and after.content_type not in {one.content_type for one in originals}:
        types = before.content_type or "none", after.content_type or "none"
        yield from _hidden([_of_body(before, after, "content type", *types)], before)


def was_slow_for_all(after: Answer, again: Sequence[Answer]) -> bool:
    """Return True if there was no answer in time, and an original that was asked after it took about as long: the machine is busy."""
    return after.late and any(one.seconds >= after.seconds / SLOW for one in again)


def _of_body(before: Answer, after: Answer, what: str, expected: str, actual: str) -> Difference:
    return Difference(place_of(before), what, expected, actual, excerpt_of(before, after))


def _content(before: Answer, after: Answer, again: Sequence[Answer]) -> Iterator[Difference]:
    """Compare the headers and the body of an answer that has the original's status."""
    yield from _headers(before, after, again)
    if after.content_type != before.content_type:
        return  # reported already with the body, or noise
    if changed := compare_bodies(before, after, *again):
        yield Difference(place_of(before), "body", changed.before, changed.after, changed.excerpt)


def _headers(before: Answer, after: Answer, again: Sequence[Answer]) -> Iterator[Difference]:
    if before.headers == after.headers:
        return
    first, second, *others = (dict(one.headers) for one in (before, after, *again))
    for name in sorted(first.keys() | second.keys()):
        values, samples = (first.get(name), second.get(name)), [other.get(name) for other in others]
        if values[1] not in (values[0], *samples) and not _varies(*values, samples):
            yield _header(place_of(before), name, *values)


def _header(where: str, name: str, before: str | None, after: str | None) -> Difference:
    if name not in PRIVATE_HEADERS:
        return Difference(where, f"header {name}", before or "none", after or "none")
    words = ("none" if before is None else "the original's"), ("none" if after is None else "different")
    sides = (f"{sign} {value}" for sign, value in (("-", before), ("+", after)) if value is not None)
    return Difference(where, f"header {name}", *words, "\n".join(sides))


def _varies(before: str | None, after: str | None, again: Sequence[str | None]) -> bool:
    """Return True if the header's value differs between the originals in the same way."""
    samples = [value for value in again if value is not None]
    if before is None or len(samples) < len(again):
        return any(before != value for value in again)  # the header comes and goes
    return after is not None and any(before != one for one in samples) and template(before, *samples).fits(after)


def _hidden(differences: Iterable[Difference], answer: Answer) -> Iterator[Difference]:
    """Hide the request's own secrets, which an app may repeat: its header values, its body, and values from the environment."""
    own = [value for _, value in answer.request.headers] + list(answer.request.secrets)
    secrets = [word for value in own for word in (value, *value.split()) if len(word) >= SHORTEST_SECRET]
    if answer.request.body and len(answer.request.body) >= SHORTEST_SECRET:
        secrets.append(answer.request.body.decode(errors="replace"))
    for difference in differences:
        detail = difference.detail
        for secret in sorted(secrets, key=len, reverse=True):
            detail = detail.replace(secret, "…")
        yield replace(difference, detail=detail)


def place_of(answer: Answer) -> str:
    """Return the request of an answer in words, as differences name it."""
    request = answer.request
    space = " " if isinstance(request, Turn) else ""
    session = " (logged in)" if isinstance(request, Request) and request.session is not None else ""
    place = f"{answer.unix_socket} " if answer.unix_socket else f":{answer.port}{space}"
    return f"{request.method} {place}{request.path}{session}".rstrip()


def _status_words(answer: Answer) -> str:
    is_named = isinstance(answer.request, Rpc) and answer.status is not None
    return status_name(answer.status or 0) if is_named else code_words(answer.status)


def code_words(code: int | None) -> str:
    """Return a status or an exit code as a person reads it."""
    return "none" if code is None else str(code)
