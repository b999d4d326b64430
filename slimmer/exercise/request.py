"""One HTTP request, and what its answer must be like."""

from __future__ import annotations

from dataclasses import dataclass, field

from slimmer.exercise.capture import Capture
from slimmer.exercise.draft import Draft
from slimmer.exercise.exchange import Exchange
from slimmer.exercise.origin import Origin
from slimmer.exercise.rpc import Rpc
from slimmer.exercise.turn import Turn


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

    If `port` is None and `unix_socket` is "", the request goes to every port that speaks HTTP, and to the Unix sockets of the plan. Without `expect`, 5xx fails, 4xx warns and any other
    status passes. `captures` are values that later requests of the same scenario use. A request that uses such values has a `draft`, from
    which it is made when it is sent; its own parts have `${NAME}` in their places. `http` is the version, 1 or 2. Headers, body and `secrets` (values from the
    environment, passwords) are in no repr, message or artifact.

    `source` names what generated the request ("crawl", "browser", "openapi", "graphql"); "" means the user or a default. The answer to a generated request is only
    compared: no status of it is a failure or a warning. `session`: the scenario whose cookies a generated request sends, by the name of its probe file
    ("" for --probe); None if it sends none.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    port: int | None = None
    unix_socket: str = ""
    expect: Expectation | None = None
    captures: tuple[Capture, ...] = ()
    http: int = 1
    source: str = ""
    session: str | None = None
    origin: Origin = field(default=Origin(), compare=False, repr=False)
    draft: Draft | None = field(default=None, compare=False, repr=False)
    secrets: tuple[str, ...] = field(default=(), compare=False, repr=False)


Ask = Request | Exchange
"""What a plan asks of the app."""

Asked = Ask | Turn | Rpc
"""What the app was asked: what the plan says, a step of a session that slimmer holds by itself, or a call of gRPC."""
