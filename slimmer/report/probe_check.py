"""The result of `slimmer probe check`: each request of a probe file with its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from slimmer.artifacts.report_file import ReportRequest
from slimmer.exercise.request import Request
from slimmer.exercise.result import Answer
from slimmer.versioned_json import Format, Version


@dataclass(frozen=True, slots=True)
class ProbeCheck:
    """The requests that were sent to `url`, in order. `ok` is true if none failed."""

    url: str
    ok: bool
    requests: tuple[ReportRequest, ...]


FORMAT = Format("slimmer-probe-check", Version(1, 2), ProbeCheck)


def probe_check(url: str, answers: Sequence[Answer]) -> ProbeCheck:
    """Return the result of a check."""
    return ProbeCheck(url, not any(answer.problem for answer in answers), tuple(map(request_row, answers)))


def request_row(answer: Answer) -> ReportRequest:
    """Return a request and its result, without headers and bodies."""
    return ReportRequest(
        method=answer.request.method,
        path=answer.request.path,
        port=answer.port,
        status=answer.status,
        content_type=answer.content_type,
        size=answer.size,
        seconds=round(answer.seconds, 4),
        problem=answer.problem,
        warning=answer.warning,
        source=answer.request.source,
        logged_in=isinstance(answer.request, Request) and answer.request.session is not None,
        unix_socket=answer.unix_socket,
    )


def as_json(check: ProbeCheck) -> str:
    """Return the check as indented JSON."""
    return msgspec.json.format(msgspec.json.encode({**FORMAT.head, **msgspec.to_builtins(check)})).decode()
