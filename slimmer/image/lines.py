"""Lines out of the contents of an untrusted image, read piece by piece: memory for one line, and a bound on the work.

A file of 200 MB may hold 200 million empty lines, or a single one. Whatever is beyond a bound is Unreadable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

LINE_LIMIT = 1 << 20
"""Bytes of a line. What a package of Debian's provides may be 100 kB of one line."""

LINES_LIMIT = 1 << 24
"""Lines of all databases of an image together: apk has three for each file, and slimmer indexes two million paths."""


class Unreadable(ValueError):
    """Contents that are beyond a bound, or make no sense. The message says why."""


class LineReader:
    """Reads contents as lines. All that one reader reads shares its bound on the number of lines."""

    def __init__(self, most: int = LINES_LIMIT) -> None:
        self._left = most

    def lines(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Lines without the line feed at their end. Raises Unreadable."""
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
