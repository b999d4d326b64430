"""Make a request from an entry of a probe file. A Fault names the key; the caller adds the file and the entry."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from slimmer.exercise.media_type import normal_media_type
from slimmer.exercise.request import Expectation, Request

SENT_BODY_LIMIT = 64 << 20
REQUEST_KEYS = ("method", "path", "headers", "json", "form", "body", "file", "port", "expect")
BODY_KEYS = ("json", "form", "body", "file")
EXPECT_KEYS = ("status", "contains", "content_type")
WITH_BODY = ("POST", "PUT", "PATCH")
"""Methods that send Content-Length even without a body (RFC 9110, section 8.6)."""

JSON, FORM, TEXT = "application/json", "application/x-www-form-urlencoded", "text/plain; charset=utf-8"
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
URL_CHARACTERS = "/?:@!$&'()*+,;=-._~%[]"


class Fault(Exception):
    """What is wrong with a request. The caller knows where it is written."""


def request_from_mapping(value: object, folder: Path) -> Request:
    """Read an entry. Its `file` is relative to `folder`. Raises Fault."""
    entry = _mapping("the entry", value, REQUEST_KEYS)
    if "path" not in entry:
        raise Fault("`path` is missing")
    return make_request(
        _text("method", entry.get("method", "GET")),
        _text("path", entry["path"]),
        _headers(entry.get("headers")),
        _body(entry, folder),
        port=_port(entry.get("port")),
        expect=_expectation(entry.get("expect")),
    )


def make_request(
    method: str,
    path: str,
    headers: tuple[tuple[str, str], ...],
    body: tuple[bytes, str] | None,
    *,
    port: int | None = None,
    expect: Expectation | None = None,
) -> Request:
    """Make a request from its parts. `body` is the encoded body and its content type. Raises Fault."""
    content, content_type = body or (b"" if method.upper() in WITH_BODY else None, "")
    if content_type and not any(name.lower() == "content-type" for name, _ in headers):
        headers = (*headers, ("Content-Type", content_type))
    return Request(_method(method), _path(path), headers, content, port, expect)


def _method(text: str) -> str:
    if not TOKEN.fullmatch(text) or text.upper() == "CONNECT":
        raise Fault(f"`method` is not an HTTP method: {shown(text)}")
    return text.upper()


def _path(text: str) -> str:
    if "://" in text.partition("?")[0]:
        raise Fault("`path` is a whole URL: write only the path (to choose a port: `port`)")
    if not text.startswith("/") and text != "*":
        raise Fault(f"`path` must begin with a slash: {shown(text)}")
    return quote(text.partition("#")[0], safe=URL_CHARACTERS)


def _headers(value: object) -> tuple[tuple[str, str], ...]:
    """Read names and their values. Several values of one name are a list."""
    pairs = []
    for name, given in _mapping("headers", value or {}).items():
        if not TOKEN.fullmatch(name):
            raise Fault(f"`headers`: not a header name: {shown(name)}")
        for one in given if isinstance(given, list) else [given]:
            text = _filled(_scalar(f"headers: {name}", one))
            if not HEADER_VALUE.fullmatch(text):
                raise Fault(f"`headers: {name}` has a control character or a line break")
            pairs.append((name, text.strip()))
    return tuple(pairs)


def _body(entry: Mapping[str, Any], folder: Path) -> tuple[bytes, str] | None:
    """Return the encoded body and its content type ("" for a file, which is sent as it is); None if there is no body."""
    kinds = [key for key in BODY_KEYS if key in entry]
    if len(kinds) > 1:
        raise Fault(f"`{kinds[0]}` and `{kinds[1]}` contradict each other: a request has one body")
    if not kinds:
        return None
    content, content_type = _encoded(kinds[0], entry[kinds[0]], folder)
    if len(content) > SENT_BODY_LIMIT:
        raise Fault(f"`{kinds[0]}` is larger than {SENT_BODY_LIMIT >> 20} MB")
    return content, content_type


def _encoded(kind: str, value: object, folder: Path) -> tuple[bytes, str]:
    if kind == "json":
        return _json(value), JSON
    if kind == "form":
        return _form(value), FORM
    if kind == "body":
        return _text("body", value).encode(), TEXT
    return _file(value, folder), ""


def _json(value: object) -> bytes:
    try:
        return json.dumps(_filled_deep(value), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise Fault("`json` has a value that JSON cannot express, such as a date; put it in quotes") from error


def _form(value: object) -> bytes:
    fields = [
        (name, _filled(_scalar(f"form: {name}", one)))
        for name, given in _mapping("form", value).items()
        for one in (given if isinstance(given, list) else [given])
    ]
    return urlencode(fields).encode()


def _file(value: object, folder: Path) -> bytes:
    path = folder / _text("file", value)
    try:
        with path.open("rb") as file:
            return file.read(SENT_BODY_LIMIT + 1)
    except (OSError, ValueError) as error:
        raise Fault(f"`file` cannot be read: {path}: {getattr(error, 'strerror', None) or error}") from error


def _port(value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 16:
        raise Fault("`port` is not a number from 1 to 65535")
    return value


def _expectation(value: object) -> Expectation | None:
    if value is None:
        return None
    given = _mapping("expect", value, EXPECT_KEYS)
    return Expectation(
        status=tuple(_status(one) for one in _several(given.get("status"))),
        contains=tuple(_text("expect: contains", one) for one in _several(given.get("contains"))),
        content_type=normal_media_type(_text("expect: content_type", given.get("content_type", ""))),
    )


def _status(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 100 <= value <= 599:
        raise Fault("`expect: status` is not a number from 100 to 599, or a list of such numbers")
    return value


# ---------------------------------------------------------------------- values


def _several(value: object) -> list[object]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _mapping(name: str, value: object, known: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """Return the value as a mapping with text keys. If `known` is given, no other keys are allowed."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise Fault(f"{name} is not a mapping of keys to values")
    unknown = [key for key in value if known and key not in known]
    if unknown:
        raise Fault(f"{name} has the unknown key {shown(unknown[0])}; known: {', '.join(known)}")
    return value


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise Fault(f"`{name}` is not text; put it in quotes")
    return value


def _scalar(name: str, value: object) -> str:
    """Return text or a number as text. A word that YAML reads as true, a date or null would not be sent as it is written."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Fault(f"`{name}` is not text; put it in quotes")
    return str(value)


def _filled(text: str) -> str:
    """Replace `${NAME}` by the environment variable, so that the file needs no secrets. `$${NAME}` becomes `${NAME}`."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise Fault(
                f"the environment has no variable {match[1]} (for a literal ${{{match[1]}}}, write $${{{match[1]}}})"
            )
        if not is_utf8(os.environ[match[1]]):
            raise Fault(f"the environment variable {match[1]} is not UTF-8")
        return os.environ[match[1]]

    return VARIABLE.sub(value, text).replace("$${", "${")


def _filled_deep(value: object) -> object:
    if isinstance(value, str):
        return _filled(value)
    if isinstance(value, list):
        return [_filled_deep(one) for one in value]
    if isinstance(value, Mapping):
        return {key: _filled_deep(one) for key, one in value.items()}
    return value


def is_utf8(text: str) -> bool:
    """Return True if a text can be sent. A command line or a variable may hold any bytes (os.fsdecode)."""
    return not any("\ud800" <= c <= "\udfff" for c in text)


def shown(text: str) -> str:
    """Return the beginning of a text, for a message. The rest may be a body, which may be secret."""
    words = text.split(None, 2)
    return repr(" ".join(words[:2]))[:80]
