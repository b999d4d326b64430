"""What of a page's requests is sent to the app, and how.

A request is sent again later without a browser. So it has the method, the body and those headers that the page's scripts chose, and
none that every browser adds.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from enum import StrEnum

from slimmer.exercise.api.order import ENDING, LOGOUT, words
from slimmer.exercise.browser.browser import Asked
from slimmer.exercise.crawl.safety import may_change
from slimmer.exercise.draft import BOUNDARY, HEADER_VALUE, WITH_BODY
from slimmer.exercise.request import Request

SOURCE = "browser"

PAGE = (("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"),)
"""The headers for what a page's elements load, the same as those of the crawl."""

SCRIPTED = frozenset(("fetch", "xhr", "ping"))
"""Chromium's words for requests that a script makes. All others are those of elements: document, script, image."""

STREAMS = frozenset(("eventsource", "websocket"))
"""Answers that may have no end."""

SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
"""Methods that change nothing: RFC 9110, section 9.2.1."""

OF_BROWSERS = frozenset(
    (
        *("accept-encoding", "accept-language", "cache-control", "connection", "content-length", "cookie", "dnt"),
        *(
            "host",
            "pragma",
            "priority",
            "purpose",
            "referer",
            "te",
            "upgrade",
            "upgrade-insecure-requests",
            "user-agent",
        ),
        *("if-modified-since", "if-none-match", "keep-alive", "proxy-authorization", "transfer-encoding", "expect"),
    )
)
"""Headers that the browser adds, that depend on what it had before, or that only a connection may have."""

_RANDOM = re.compile(r"(?<=boundary=)----WebKitFormBoundary\w{1,60}")
"""The boundary that Chromium chooses for a form with files, another one each time."""

_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,128}")
_METHOD = re.compile(r"[A-Z]{1,20}")
_CHANGE = re.compile(r"\b(?:mutation|subscription)\b")


class Refusal(StrEnum):
    """Why a request is not sent."""

    FOREIGN = "foreign"
    UNSAFE = "unsafe"
    CHANGING = "changing"
    STREAM = "stream"


def refusal(asked: Asked, path: str | None, unchanging: str) -> Refusal | None:
    """Return why a request for this path of the app (None: another origin) is not sent; None if it is.

    `unchanging`: why nothing may be changed, or "" (slimmer.exercise.plan.Api).
    """
    if path is None or not _METHOD.fullmatch(asked.method):
        return Refusal.FOREIGN
    if asked.kind in STREAMS:
        return Refusal.STREAM
    if asked.method in SAFE:
        return Refusal.UNSAFE if may_change(path) else None
    if not (ENDING | LOGOUT).isdisjoint(words(path)):
        return Refusal.UNSAFE
    return Refusal.CHANGING if unchanging and not is_query(path, asked.body) else None


def is_query(path: str, body: bytes) -> bool:
    """Return True for a GraphQL request that only reads (GraphQL over HTTP, section 5.3): each of its documents has queries alone."""
    if "graphql" not in path.lower():
        return False
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        return False
    several = sent if isinstance(sent, list) else [sent]
    texts = [one.get("query") if isinstance(one, dict) else None for one in several]
    return bool(texts) and all(isinstance(text, str) and text and not _CHANGE.search(text) for text in texts)


def request_of(asked: Asked, path: str) -> Request:
    """Return the request as slimmer sends it, now and again."""
    body = asked.body or (b"" if asked.method in WITH_BODY else None)
    headers = tuple(_headers(asked)) if asked.kind in SCRIPTED or asked.method != "GET" else PAGE
    if body and (chosen := _RANDOM.search(asked.headers.get("content-type", ""))):
        body = body.replace(chosen[0].encode(), BOUNDARY.encode())
        headers = tuple((name, value.replace(chosen[0], BOUNDARY)) for name, value in headers)
    return Request(asked.method, path, headers, body, source=SOURCE)


def mark_of(request: Request) -> str:
    """Return what tells a request from others for the same URL; "" if it is what a link would send."""
    if request.method == "GET" and request.headers == PAGE:
        return ""
    return hashlib.sha256(repr((request.headers, request.body)).encode()).hexdigest()[:16]


def _headers(asked: Asked) -> Iterator[tuple[str, str]]:
    for name, value in asked.headers.items():
        name = name.lower()
        of_browser = name in OF_BROWSERS or name.startswith("sec-") or (name == "origin" and asked.method == "GET")
        if not of_browser and _NAME.fullmatch(name) and HEADER_VALUE.fullmatch(value) and value.isascii():
            yield name.title(), value
