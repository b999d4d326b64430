"""One HTTP request, and what its answer must be like."""

from __future__ import annotations

from dataclasses import dataclass, field

from slimmer.exercise.capture import Capture
from slimmer.exercise.draft import Draft


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
class Origin:
    """Where a request is written: the probe file, and the number of the entry, counted from 1. The requests of a file are a scenario."""

    file: str = ""
    number: int = 0

    def __str__(self) -> str:
        return f"{self.file}: request {self.number}"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `body` is sent as it is.

    If `port` is None, the request goes to every port that speaks HTTP. Without `expect`, 5xx fails, 4xx warns and any other
    status passes. `captures` are values that later requests of the same scenario use. A request that uses such values has a `draft`, from
    which it is made when it is sent; its own parts have `${NAME}` in their places. Headers, body and `secrets` (values from the
    environment, passwords) are in no repr, message or artifact.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    port: int | None = None
    expect: Expectation | None = None
    captures: tuple[Capture, ...] = ()
    origin: Origin = field(default=Origin(), compare=False, repr=False)
    draft: Draft | None = field(default=None, compare=False, repr=False)
    secrets: tuple[str, ...] = field(default=(), compare=False, repr=False)
