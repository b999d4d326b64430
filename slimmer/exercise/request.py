"""One HTTP request, and what its answer must be like."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an answer must be like. An empty field is not checked.

    `status`: any of these. `contains`: all of these, in the decoded body. `content_type`: a media type. Its parameters
    count only if it has some: `text/html` matches `text/html; charset=utf-8`.
    """

    status: tuple[int, ...] = ()
    contains: tuple[str, ...] = ()
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `body` is sent as it is.

    If `port` is None, the request goes to every port that speaks HTTP. Without `expect`, 5xx fails, 4xx warns and any other
    status passes. Headers and body may hold secrets, so no repr, message or artifact contains them.

    `source` names what generated the request ("crawl"); "" means the user or a default. The answer to a generated request is only
    compared: no status of it is a failure or a warning.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    port: int | None = None
    expect: Expectation | None = None
    source: str = ""
