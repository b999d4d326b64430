"""How values are put into words for a person, wherever they are shown."""

from __future__ import annotations

from collections.abc import Iterable

SHOWN = 5
"""How many names of paths a sentence lists; the rest is counted."""


def printable(text: str, kept: str = "") -> str:
    """Text from an untrusted image on one line, safe for a terminal, but for the characters in `kept`.

    Control characters, line ends and bytes that are not UTF-8 are shown as escapes.
    """
    return "".join(c if c.isprintable() or c in kept else ascii(c)[1:-1] for c in text)


def human_size(size: int) -> str:
    """Bytes in decimal units, as docker prints them: 1.2 MB."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def listed(values: Iterable[object], most: int = 10) -> str:
    """The first values, and how many more there are: 80, 443 and 3 more. An image may EXPOSE every port."""
    words = [str(value) for value in values]
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def counted(number: int, noun: str) -> str:
    """A number of things whose plural takes an s: 1 path, 1,200 paths."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
