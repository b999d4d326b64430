"""How values are put into words for a person, wherever they are shown."""

from __future__ import annotations

from collections.abc import Sequence

SHOWN = 5
"""How many names of one kind a sentence lists; the rest is counted."""


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


def counted(number: int, noun: str) -> str:
    """A number of things whose plural takes an s: 1 path, 1,200 paths."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are: /a, /b and 3 more."""
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
