"""Values that are taken from an answer for later requests: where they are, and how they are found.

The answer is not trusted: a search has a time limit, and a value a size limit. A value may be a secret, so nothing shows it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

VALUE_LIMIT = 64 << 10
"""The number of bytes that a value may have, as JSON writes it."""

SEARCH_SECONDS = 5.0
"""A regular expression may need much time on a text that someone made for it."""


class NothingCaptured(Exception):
    """Why an answer has no such value."""


@dataclass(frozen=True, slots=True)
class Capture:
    """A value of an answer. `pattern` is a JSON path (RFC 9535), a regular expression or the name of a header, by `kind`.

    Of a regular expression, the value is the first group if it has groups, or else all that it matches.
    """

    name: str
    kind: Literal["json", "regex", "header"]
    pattern: str


def check_pattern(kind: str, pattern: str) -> None:
    """Raise ValueError that says what is wrong with a pattern."""
    if kind == "json":
        import jsonpath

        try:
            jsonpath.compile(pattern)
        except (jsonpath.JSONPathError, RecursionError) as error:
            raise ValueError(str(error).partition("\n")[0] or "nested too deeply") from error
    if kind == "regex":
        import regex

        try:
            regex.compile(pattern)
        except (regex.error, RecursionError) as error:
            raise ValueError(str(error)) from error


def capture_from(capture: Capture, headers: Iterable[tuple[str, str]], body: bytes | None, charset: str) -> object:
    """Return the value: a text, or what JSON has. `body` None: it is too long or broke off. Raise NothingCaptured."""
    if capture.kind == "header":
        value: object = _header(capture.pattern, headers)
    elif body is None:
        raise NothingCaptured("the body is too long, or it broke off")
    else:
        value = _json(capture.pattern, body) if capture.kind == "json" else _regex(capture.pattern, body, charset)
    if _size(value) > VALUE_LIMIT:
        raise NothingCaptured(f"the value is longer than {VALUE_LIMIT >> 10} kB")
    return value


def _size(value: object) -> int:
    try:
        return len(json.dumps(value, ensure_ascii=False).encode())
    except UnicodeError as error:
        raise NothingCaptured("the value has an escape that is not a character") from error


def _header(name: str, headers: Iterable[tuple[str, str]]) -> str:
    for own, value in headers:
        if own.lower() == name.lower():
            return value.strip()
    raise NothingCaptured(f"the answer has no header {name}")


def _json(path: str, body: bytes) -> object:
    import jsonpath

    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NothingCaptured("the body is not JSON") from error
    try:
        found = jsonpath.compile(path).match(document)
    except (jsonpath.JSONPathError, RecursionError) as error:
        raise NothingCaptured(f"{path} cannot be looked up in the body") from error
    if found is None:
        raise NothingCaptured(f"the body has no {path}")
    return found.obj


def _regex(pattern: str, body: bytes, charset: str) -> str:
    import regex

    try:
        text = body.decode(charset, errors="replace")
    except LookupError:
        text = body.decode(errors="replace")
    try:
        found = regex.search(pattern, text, timeout=SEARCH_SECONDS)
    except TimeoutError as error:
        raise NothingCaptured(f"{pattern!r} takes too long to search for") from error
    if found is None:
        raise NothingCaptured(f"the body does not match {pattern!r}")
    return str(found[1] or "") if found.re.groups else str(found[0])
