"""Read lines of an untrusted image's files piece by piece, with memory for one line and bounded work.

A file of 200 MB may hold 200 million empty lines, or a single one. Whatever exceeds a bound is Unreadable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

LINE_LIMIT = 1 << 20
"""The longest line, in bytes. The Provides field of a Debian package may be a line of 100 kB."""

LINES_LIMIT = 1 << 24
"""The number of lines of all databases of an image: apk has three for each file, and slimmer indexes two million paths."""


class Unreadable(ValueError):
    """Contents exceed a bound or make no sense. The message says why."""


class LineReader:
    """Reads contents as lines. The bound on the number of lines is for everything that one reader reads."""

    def __init__(self, most: int = LINES_LIMIT) -> None:
        self._left = most

    def lines(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield lines without their line feeds. Raises Unreadable."""
        rest = bytearray()
        for piece in pieces:
            *whole, last = piece.split(b"\n")
            self._count(len(whole))
            for line in whole:
                if rest:
                    line, rest = bytes(rest + line), bytearray()
                _check(line)
                yield line
            rest += last
            _check(rest)
        if rest:
            self._count(1)
            yield bytes(rest)

    def _count(self, lines: int) -> None:
        self._left -= lines
        if self._left < 0:
            raise Unreadable("the image's package databases have too many lines")


def _check(line: bytes | bytearray) -> None:
    if len(line) > LINE_LIMIT:
        raise Unreadable(f"it has a line of more than {LINE_LIMIT >> 20} MiB")
