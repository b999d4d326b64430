"""The headers of an answer that clients act on, in a normal form and without secrets.

Headers that change with every answer (Date, ETag, Content-Length) or only name the software are left out. Of cookies only the names
are kept, of challenges only the schemes: their values may be credentials.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LISTS = ("access-control-allow-headers", "access-control-allow-methods", "access-control-expose-headers", "allow",
         "cache-control", "content-encoding", "vary")  # fmt: skip
"""Comma-separated lists whose order does not matter to a client (content-encoding hardly ever has two entries)."""

TEXTS = ("accept-ranges", "access-control-allow-credentials", "access-control-allow-origin", "access-control-max-age",
         "content-disposition", "content-language", "content-range", "content-security-policy", "location",
         "referrer-policy", "strict-transport-security", "upgrade", "x-content-type-options", "x-frame-options")  # fmt: skip

LONGEST = 1000
"""The number of characters of a value that are kept."""

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)')
"""A quoted string. An unterminated one extends to the end of the text, so that it is not tried again at each quote in it."""

_SCHEME = re.compile(r"\s*([\w-]+)(?=\s|$)")


def telling_headers(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return names in lower case with their values, sorted by name. Lines of one name are joined (RFC 9110, section 5.3)."""
    joined: dict[str, list[str]] = {}
    for name, value in headers:
        joined.setdefault(name.lower(), []).append(value.strip())
    told = ((name, _told(name, values)) for name, values in sorted(joined.items()))
    return tuple((name, value[:LONGEST]) for name, value in told if value is not None)


def _told(name: str, values: list[str]) -> str | None:
    """Return what is kept of a header; None if it does not matter."""
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
    """Return the schemes of challenges without their parameters (name=value), which may be nonces: RFC 9110, section 11.6.1."""
    parts = _QUOTED.sub("", challenges).split(",")
    return _sorted(found[1].lower() for part in parts if (found := _SCHEME.match(part)))
