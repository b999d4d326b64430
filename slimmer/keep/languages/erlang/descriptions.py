"""Reads descriptions of applications, `NAME.app`: Erlang terms that list the applications that must be loaded. Source: app(4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from slimmer.sandbox.readers import reader

APPLICATIONS = 1000
"""The most applications that are followed."""

DESCRIPTION_BYTES = 1 << 20
"""The most bytes of a description that are read."""

_NEEDED = re.compile(rb"\{\s{0,99}(?:included_|optional_)?applications\s{0,99},\s{0,99}\[([^\]]{0,20000})\]")
_NAME = re.compile(rb"[a-z][A-Za-z0-9_@]{0,200}")


@dataclass(frozen=True, slots=True)
class Description:
    """The applications that a description lists."""

    needed: tuple[str, ...] = ()


@reader
def read_description(content: bytes) -> Description:
    """Read `NAME.app`, an Erlang term, for the applications that must be loaded."""
    return Description(tuple(islice(dict.fromkeys(needed(content)), APPLICATIONS)))


def needed(content: bytes) -> Iterator[str]:
    """Yield the names of applications in a description."""
    return (name[0].decode() for match in _NEEDED.finditer(content) for name in _NAME.finditer(match[1]))
