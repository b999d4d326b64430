"""Make a probe file of the requests that a browser recorded, without what is a secret, what caches, and what differs each time."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import yaml

from slimmer.errors import UsageError
from slimmer.exercise.base_url import BaseUrl, base_url
from slimmer.exercise.draft import FORM, JSON, Fault
from slimmer.exercise.format_check import checked
from slimmer.exercise.har import Recorded, recorded_requests
from slimmer.exercise.media_type import normal_media_type
from slimmer.exercise.probe_entry import is_utf8
from slimmer.exercise.probe_file import MOST_REQUESTS
from slimmer.exercise.probe_format import Entry
from slimmer.exercise.yaml_document import FILE_LIMIT

BODY_LIMIT = 64 << 10
"""The number of bytes of a body that are written into a probe file."""

MOST_ORIGINS = 10_000

LEFT_OUT_HEADERS = re.compile(
    r":.*|host|connection|content-length|transfer-encoding|te|trailer|upgrade.*|keep-alive|proxy-.*|expect|priority"
    r"|accept-encoding|user-agent|referer|origin|dnt|sec-.*|date|via|forwarded|x-forwarded-.*|x-real-ip"
    r"|cache-control|pragma|if-.*|range|age"
    r"|traceparent|tracestate|baggage|x-request-id|x-correlation-id|x-b3-.*|x-amzn-.*|cf-.*|newrelic|sentry-trace"
)
"""What a client adds by itself, what caches, and what differs in each request."""

SECRET_HEADERS = re.compile(r"cookie|authorization|.*(?:token|secret|csrf|xsrf|password|api-?key|session|signature).*")
SECRET_NAMES = re.compile(
    r".*(?:passw|token|secret|csrf|xsrf|api[_-]?key|credential|signature).*|pw|pwd|pin|otp|authenticity_token", re.I
)
"""Names of headers, fields and parameters whose values may be secret."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A probe file as text, the origin whose requests it has, their number, and what was left out, in words."""

    text: str
    origin: str
    requests: int
    notes: tuple[str, ...]


class LeftOut(Exception):
    """Why a request of the origin is not in the probe file."""


def record(har: Path, url: str = "") -> Recording:
    """Make a probe file of the requests to one origin: that of `url`, or else the one with the most requests. Raises UsageError."""
    origin = base_url(url).origin if url else _main_origin(har)
    entries: list[str] = []
    left_out: Counter[str] = Counter()
    size = 0
    for recorded in recorded_requests(har):
        if (address := _address(recorded)) is None or address.origin != origin:
            continue
        try:
            text = _text(_entry(recorded), size, len(entries))
        except LeftOut as reason:
            left_out[str(reason)] += 1
        else:
            entries.append(text)
            size += len(text.encode())
    if not entries:
        raise UsageError(f"{har}: no request to {origin} can be sent again", hint="Choose another origin with --url.")
    notes = tuple(f"left out {number} {_requests(number)}: {reason}" for reason, number in left_out.items())
    return Recording(f"# Recorded at {origin}\nrequests:\n{''.join(entries)}", origin, len(entries), notes)


def _requests(number: int) -> str:
    return "request" if number == 1 else "requests"


def _main_origin(har: Path) -> str:
    """Return the origin with the most requests, and of several the first."""
    origins: Counter[str] = Counter()
    for recorded in recorded_requests(har):
        address = _address(recorded)
        if address is not None and (address.origin in origins or len(origins) < MOST_ORIGINS):
            origins[address.origin] += 1
    if not origins:
        raise UsageError(f"{har}: it has no HTTP request", hint="Record while you use the app in a browser.")
    return origins.most_common(1)[0][0]


def _address(recorded: Recorded) -> BaseUrl | None:
    """Return the origin of a request as a URL; None if it is no HTTP URL."""
    url = recorded.request.get("url")
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        return (
            base_url(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
            if parts.scheme in ("http", "https")
            else None
        )
    except (ValueError, UsageError):
        return None


def _text(entry: Mapping[str, Any], size: int, number: int) -> str:
    """Return an entry as YAML, with the same indent as its list. Raise LeftOut if it does not fit, or is no request."""
    try:
        checked(entry, Entry)
        text = yaml.safe_dump([entry], sort_keys=False, allow_unicode=True, width=1 << 20, default_flow_style=None)
    except (Fault, yaml.YAMLError, RecursionError) as error:
        raise LeftOut("no valid HTTP request") from error
    if not is_utf8(text):
        raise LeftOut("no valid HTTP request")
    if number >= MOST_REQUESTS or size + len(text.encode()) > FILE_LIMIT - (1 << 10):
        raise LeftOut(f"a probe file has at most {MOST_REQUESTS:,} requests and {FILE_LIMIT >> 20} MB")
    return text


# ---------------------------------------------------------------------- an entry


def _entry(recorded: Recorded) -> dict[str, Any]:
    """Return the entry of a request. Raise LeftOut."""
    request = recorded.request
    method = str(request.get("method", "GET")).upper()
    if not recorded.whole:
        raise LeftOut(f"a body of more than {BODY_LIMIT >> 10} kB")
    if recorded.status == 101:
        raise LeftOut("a WebSocket connection")
    if recorded.status == 0:
        raise LeftOut("no answer")
    kind, body = _body(request.get("postData"))
    headers = _headers(request.get("headers"), kind)
    entry: dict[str, Any] = {} if method == "GET" else {"method": method}
    entry |= {"path": _path(str(request["url"])), **({"headers": headers} if headers else {})}
    if kind:
        entry[kind] = body
    if recorded.status != 304:  # a page that was not modified, which the headers asked for that are left out
        entry["expect"] = {"status": recorded.status}
    return entry


def _path(url: str) -> str:
    """Return the path and the query, with placeholders for what may be secret in the query."""
    parts = urlsplit(url)
    path = _literal(parts.path or "/")
    if not any(SECRET_NAMES.fullmatch(name) for name, _ in parse_qsl(parts.query)):
        return path + (f"?{_literal(parts.query)}" if parts.query else "")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    return f"{path}?" + "&".join(f"{_literal(quote(name))}={_hidden(name, value, quote)}" for name, value in pairs)


def _headers(given: object, kind: str) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    for name, value in _pairs(given):
        if LEFT_OUT_HEADERS.fullmatch(name.lower()) or (
            name.lower() == "content-type" and kind in ("json", "form", "multipart")
        ):
            continue
        secret = SECRET_HEADERS.fullmatch(name.lower())
        text = _placeholder(name) if secret else _literal(value)
        headers[name] = text if secret or name not in headers else [*_several(headers[name]), text]
    return headers


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _pairs(given: object) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a list of HAR's."""
    for one in given if isinstance(given, list) else ():
        if isinstance(one, dict) and isinstance(one.get("name"), str) and isinstance(one.get("value", ""), str):
            yield one["name"], one.get("value", "")


def _body(given: object) -> tuple[str, Any]:
    """Return the key of a body and its value; "" for none. Raise LeftOut if it is not all there."""
    if not isinstance(given, dict):
        return "", None
    kind = normal_media_type(str(given.get("mimeType", ""))).partition(";")[0]
    text = str(given.get("text") or "")
    if len(text.encode(errors="replace")) > BODY_LIMIT:
        raise LeftOut(f"a body of more than {BODY_LIMIT >> 10} kB")
    if given.get("encoding"):
        raise LeftOut("a binary body")
    if kind == FORM:
        return "form", _form(list(_pairs(given.get("params"))), text)
    if kind.startswith("multipart/"):
        return "multipart", _multipart(given.get("params"))
    if kind == JSON and (value := _json(text)) is not None:
        return "json", value
    return ("body", text) if text else ("", None)


def _form(params: list[tuple[str, str]], text: str) -> dict[str, Any]:
    """Return the fields of a form. HAR has those of `params` decoded or not, by the browser; the text is certain."""
    fields: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True) if text else params:
        shown = _hidden(name, value)
        fields[name] = [*_several(fields[name]), shown] if name in fields else shown
    return fields


def _multipart(params: object) -> dict[str, Any]:
    parts = params if isinstance(params, list) else []
    if any(isinstance(part, dict) and part.get("fileName") for part in parts) or not parts:
        raise LeftOut("an upload of files, which a HAR file does not have")
    return _form(list(_pairs(parts)), "")


def _json(text: str) -> object:
    try:
        return _without_secrets(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _without_secrets(value: object) -> object:
    if isinstance(value, dict):
        return {
            name: _hidden(name, one) if isinstance(one, str) else _without_secrets(one) for name, one in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(one) for one in value]
    return _literal(value) if isinstance(value, str) else value


def _same(text: str) -> str:
    return text


def _hidden(name: str, value: str, encode: Any = _same) -> str:
    """Return a value, or a placeholder if its name says that it may be secret."""
    return _placeholder(name) if SECRET_NAMES.fullmatch(name) and value else _literal(encode(value))


def _placeholder(name: str) -> str:
    """Return `${NAME}`, which the environment must give."""
    word = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")
    return f"${{{word if word[:1].isalpha() else f'VALUE_{word}'}}}"


def _literal(text: str) -> str:
    """Return a text in which no `${NAME}` is replaced."""
    return text.replace("${", "$${")
