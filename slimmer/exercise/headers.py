"""The headers of an answer that its clients act upon, in one way of writing, without secrets.

What changes with every answer (Date, ETag, Content-Length) or only names the software is left out. Cookies are told by their
names alone, challenges by their schemes: values of both may be credentials.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LISTS = ("access-control-allow-headers", "access-control-allow-methods", "access-control-expose-headers", "allow",
         "cache-control", "content-encoding", "vary")  # fmt: skip
"""Comma-separated lists whose order means nothing to a client (content-encoding hardly ever has two)."""

TEXTS = ("accept-ranges", "access-control-allow-credentials", "access-control-allow-origin", "access-control-max-age",
         "content-disposition", "content-language", "content-range", "content-security-policy", "location",
         "referrer-policy", "strict-transport-security", "upgrade", "x-content-type-options", "x-frame-options")  # fmt: skip

LONGEST = 1000
"""Characters of a value that are kept."""

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)')
"""A quoted string; one without an end goes on to the end of all, and is not looked for again at each of its quotes."""

_SCHEME = re.compile(r"\s*([\w-]+)(?=\s|$)")


def telling_headers(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Names in lower case with their values, by name; several lines of one name are one (RFC 9110, section 5.3)."""
    joined: dict[str, list[str]] = {}
    for name, value in headers:
        joined.setdefault(name.lower(), []).append(value.strip())
    told = ((name, _told(name, values)) for name, values in sorted(joined.items()))
    return tuple((name, value[:LONGEST]) for name, value in told if value is not None)


def _told(name: str, values: list[str]) -> str | None:
    """What is kept of a header; None for one that does not matter."""
    if name == "set-cookie":
        return _sorted(value.partition(";")[0].partition("=")[0] for value in values)
    if name == "www-authenticate":
        return _schemes(", ".join(values))
    if name in LISTS:
        return _sorted(entry.lower() for value in values for entry in value.split(","))
    return ", ".join(values) if name in TEXTS else None


def _sorted(entries: Iterable[str]) -> str:
    return ", ".join(sorted({entry.strip() for entry in entries} - {""}))


def _schemes(challenges: str) -> str:
    """The schemes of challenges, whose parameters (name=value) may be nonces: RFC 9110, section 11.6.1."""
    parts = _QUOTED.sub("", challenges).split(",")
    return _sorted(found[1].lower() for part in parts if (found := _SCHEME.match(part)))
