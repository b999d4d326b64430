"""Judge replies: give them problems and warnings, and make the error that the user reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from slimmer.errors import ExerciseFailed
from slimmer.exercise.client import Reply, Trouble
from slimmer.exercise.exchange import Exchange
from slimmer.exercise.request import Ask, Asked, Request
from slimmer.exercise.result import Answer, ExerciseResult, Outcome

SHOWN_PROBLEMS = 20
SHOWN_TEXT = 60


def judge(request: Ask, port: int, reply: Reply, unix_socket: str = "") -> Answer:
    """Judge a reply by the request's expectations, or by its status alone if it has none. Any status of a generated request is fine.

    It is the reply of `port`, or of `unix_socket` if that is not "".
    """
    unix_socket = unix_socket or request.unix_socket
    where = f"{f'{request.method} {request.path}'.strip()} on {unix_socket or f'port {port}'}"
    fault = _exchange_fault(reply) if isinstance(request, Exchange) else _fault(request, reply)
    judged = isinstance(request, Exchange) or request.expect or request.source
    client_error = not judged and reply.status is not None and 400 <= reply.status < 500
    return Answer(
        request=request,
        port=0 if unix_socket else port,
        unix_socket=unix_socket,
        status=reply.status,
        content_type=reply.content_type,
        size=reply.size,
        digest=reply.digest,
        seconds=reply.seconds,
        problem=f"{where}: {fault}" if fault else "",
        warning=f"{where} answered {reply.status}" if client_error and not fault else "",
        truncated=reply.truncated,
        late=reply.trouble is Trouble.SILENT,
        unsent=reply.trouble is Trouble.UNSENT,
        headers=reply.headers,
        body=reply.body,
    )


def _fault(request: Request, reply: Reply) -> str:
    if reply.trouble is Trouble.UNSENT:
        return f"{reply.trouble}: {reply.reason}"
    if reply.status is None:
        return f"{reply.trouble}: {reply.reason}" if reply.reason else f"{reply.trouble} ({reply.seconds:.1f} s)"
    if reply.trouble is Trouble.BROKEN:
        return f"{reply.status}, but the answer ended early, after {reply.size} bytes"
    return "; ".join(_mismatches(request, reply))


def _exchange_fault(reply: Reply) -> str:
    if reply.trouble is Trouble.NO_WEBSOCKET and reply.status is not None:
        return f"{reply.trouble}: answered {reply.status}"
    if not reply.trouble:
        return ""
    return f"{reply.trouble}: {reply.reason}" if reply.reason else f"{reply.trouble} ({reply.seconds:.1f} s)"


def _mismatches(request: Request, reply: Reply) -> Iterator[str]:
    expect = request.expect
    if request.source:
        return
    wanted = expect.status if expect else ()
    if reply.status is not None and (reply.status not in wanted if wanted else reply.status >= 500):
        yield f"answered {reply.status}" + (f", not {' or '.join(map(str, wanted))}" if wanted else "")
    yield from reply.uncaptured
    if not expect:
        return
    for position in reply.missing:
        limit = f" in its first {reply.size} bytes" if reply.truncated else ""
        yield f"the body does not contain {_short(expect.contains[position])}{limit}"
    if expect.content_type and not _same_type(expect.content_type, reply.content_type):
        yield f"the content type is {reply.content_type or 'missing'}, not {expect.content_type}"


def _same_type(wanted: str, actual: str) -> bool:
    return wanted == actual or (";" not in wanted and wanted == actual.partition(";")[0])


def _short(text: str) -> str:
    return repr(text if len(text) <= SHOWN_TEXT else text[:SHOWN_TEXT] + "…")


def reconcile_answers(answers: list[Answer], *, explicit: bool = True) -> list[Answer]:
    """Turn problems into warnings where another port answered the same request as expected.

    So a request without a port passes if any port answers it as expected: a metrics port, for example, cannot answer as the app does.
    For the user's own requests (`explicit`), 5xx and missing answers stay problems. The default `GET /` is slimmer's own: an app without
    a front page may answer it with 5xx.
    """
    passed = {id(answer.request) for answer in answers if not answer.problem and _is_told(answer.request, explicit)}
    worst = 500 if explicit else 600
    return [
        _forgiven(answer, worst) if id(answer.request) in passed or _is_unasked(answer, explicit) else answer
        for answer in answers
    ]


def _is_told(request: Asked, explicit: bool) -> bool:
    """Return True if an answer without a problem is the one that was meant, and not just any."""
    return not isinstance(request, Request) or bool(request.expect or request.captures or request.draft) or not explicit


def _is_unasked(answer: Answer, explicit: bool) -> bool:
    return not explicit and answer.status is not None and answer.status >= 500


def _forgiven(answer: Answer, worst: int) -> Answer:
    if answer.problem and (answer.unsent or (answer.status is not None and answer.status < worst)):
        return replace(answer, problem="", warning=answer.problem)
    return answer


def failure(exercised: ExerciseResult) -> ExerciseFailed | None:
    """Return the error to raise for an exercise, with one problem a line and the last output of failed commands; None if it passed.

    Generated requests that got no answer do not count: they are compared only.
    """
    problems = [answer.problem for answer in exercised.answers if answer.problem and not answer.request.source]
    problems += [problem_with_output(outcome) for outcome in exercised.outcomes if outcome.problem]
    if not problems:
        return None
    shown = problems[:SHOWN_PROBLEMS]
    if len(problems) > len(shown):
        shown.append(f"and {len(problems) - len(shown)} more")
    if len(shown) == 1:
        return ExerciseFailed(f"the exercise failed: {shown[0]}")
    return ExerciseFailed("\n- ".join([f"the exercise failed with {len(problems)} problems:", *shown]))


def problem_with_output(outcome: Outcome) -> str:
    """Return a command's problem with its last output."""
    output = outcome.output.rstrip()
    return (
        f"{outcome.problem}; its last output:\n{output}" if output.strip() else f"{outcome.problem}; it wrote nothing"
    )
