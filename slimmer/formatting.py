"""Format values for people."""

from __future__ import annotations

from collections.abc import Iterable

OUTPUT_TAIL = 4096
"""The number of last bytes of a command's or an app's output that are kept for messages."""

BINARY = bytes({*range(32), 127} - {*b"\a\b\t\n\v\f\r\x1b"})
"""Control characters that do not occur in text, because a terminal has no use for them (ISO/IEC 6429)."""

SHOWN = 5
"""The number of paths that a sentence names. The rest are counted."""


def output_text(data: bytes) -> str:
    """Return what a program wrote as text. Bytes that are not UTF-8 become surrogates (PEP 383), so that none is lost."""
    return data.decode(errors="surrogateescape")


def output_bytes(text: str) -> bytes:
    """Return the bytes that `output_text` made a text of."""
    return text.encode(errors="surrogateescape")


def is_binary(data: bytes) -> bool:
    """Return True if a program's output is no text, whatever its character set: a picture, an archive, a compressed file."""
    return len(data) > len(data.translate(None, BINARY))


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
