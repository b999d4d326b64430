"""Format values for people."""

from __future__ import annotations

from collections.abc import Iterable

OUTPUT_TAIL = 4096
"""The number of last bytes of a command's or an app's output that are kept for messages."""

SHOWN = 5
"""The number of paths that a sentence names. The rest are counted."""


def printable(text: str, kept: str = "") -> str:
    """Return text from an untrusted image as one line that is safe for a terminal.

    Control characters, line ends and bytes that are not UTF-8 become escapes, except for the characters in `kept`.
    """
    return "".join(c if c.isprintable() or c in kept else ascii(c)[1:-1] for c in text)


def human_size(size: int) -> str:
    """Return a number of bytes in decimal units, as docker prints them: 1.2 MB."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def listed(values: Iterable[object], most: int = 10) -> str:
    """Return the first values and the number of the rest: "80, 443 and 3 more". An image may EXPOSE every port."""
    words = [str(value) for value in values]
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, whose plural ends in s: 1 path, 1,200 paths."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
