"""Does the slim image answer as the original did? Compares two exercises, request by request and command by command."""

from __future__ import annotations

from collections.abc import Iterator

from slimmer.exercise.plan import Answer, Exercised, Outcome
from slimmer.verify.structure import Difference


def compare_behaviour(original: Exercised, slim: Exercised) -> tuple[Difference, ...]:
    """Differences in status and content type of each answer, and in exit codes."""
    return tuple(_differences(original, slim))


def _differences(original: Exercised, slim: Exercised) -> Iterator[Difference]:
    if original.http_ports != slim.http_ports:
        yield Difference("the app", "HTTP ports", _ports(original), _ports(slim))
    if len(original.answers) != len(slim.answers):
        yield Difference("the app", "answers", str(len(original.answers)), str(len(slim.answers)))
    for before, after in zip(original.answers, slim.answers, strict=False):
        yield from _answers(before, after)
    commands = _commands(original), _commands(slim)
    if len(commands[0]) != len(commands[1]):
        yield Difference("the app", "commands", str(len(commands[0])), str(len(commands[1])))
    for first, second in zip(*commands, strict=False):
        yield from _outcomes(first, second)
    if original.exit_code != slim.exit_code:
        yield Difference("the app", "exit code", _code(original.exit_code), _code(slim.exit_code))


def _commands(exercised: Exercised) -> tuple[Outcome, ...]:
    """Without the HEALTHCHECK's own command: of a slim image it is the engine that runs it."""
    return tuple(outcome for outcome in exercised.outcomes if outcome.where != "healthcheck")


def _answers(before: Answer, after: Answer) -> Iterator[Difference]:
    where = f"{before.request.method} :{before.port}{before.request.path}"
    if after.problem and not before.problem:
        yield Difference(where, "answer", "good", after.problem)
    if before.status != after.status:
        yield Difference(where, "status", _code(before.status), _code(after.status))
    if before.content_type != after.content_type:
        yield Difference(where, "content type", before.content_type or "none", after.content_type or "none")


def _outcomes(before: Outcome, after: Outcome) -> Iterator[Difference]:
    if before.exit_code != after.exit_code:
        where = f"{before.where} command {before.program}"
        yield Difference(where, "exit code", str(before.exit_code), str(after.exit_code), _tail(after.output))


def _ports(exercised: Exercised) -> str:
    return ", ".join(map(str, exercised.http_ports)) or "none"


def _code(code: int | None) -> str:
    return "none" if code is None else str(code)


def _tail(output: str) -> str:
    lines = output.strip().splitlines()
    return lines[-1][:200] if lines else "no output"
