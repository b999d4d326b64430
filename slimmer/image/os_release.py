"""Read which release of a Linux distribution an image has. Source: os-release(5)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

PLACES = ("/etc/os-release", "/usr/lib/os-release")
"""Where the file may be. The first that exists counts."""

SIZE_LIMIT = 1 << 16
"""The most bytes of the file that count."""

_VALUE_LIMIT = 128
_LINE = re.compile(r"(?P<name>[A-Z][A-Z0-9_]{0,63})=(?P<value>.*)")
_ID = re.compile(r"[a-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Release:
    """A release of a distribution. What is not known is empty.

    `id` is a word in lower case, such as debian; `version` is VERSION_ID, or BUILD_ID if there is none; `like` has the IDs of related
    distributions.
    """

    id: str = ""
    version: str = ""
    like: tuple[str, ...] = ()


def parse_release(content: bytes) -> Release:
    """Return what an os-release file says. Lines that are not NAME=VALUE count as nothing: the image is not trusted."""
    values = dict(_values(content[:SIZE_LIMIT].decode(errors="replace").splitlines()))
    identity = values.get("ID", "")
    return Release(
        identity if _ID.fullmatch(identity) else "",
        values.get("VERSION_ID") or values.get("BUILD_ID", ""),
        tuple(word for word in values.get("ID_LIKE", "").split() if _ID.fullmatch(word)),
    )


def _values(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        match = _LINE.fullmatch(line.strip())
        value = _unquoted(match["value"]) if match else ""
        if match and value.isprintable() and len(value) <= _VALUE_LIMIT:
            yield match["name"], value


def _unquoted(value: str) -> str:
    """Return a value without the quotes of a shell; "" if they do not end."""
    if not value or value.isalnum():
        return value
    try:
        words = shlex.split(value)
    except ValueError:
        return ""
    return words[0] if len(words) == 1 else ""
