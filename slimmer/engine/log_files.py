"""Read the text files of an archive that the engine makes of a folder in a container, for lines that look like errors.

The app chose names, sizes and contents. Nothing is unpacked, names are not looked at, and the number of bytes is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slimmer.engine.error_lines import ErrorLines
from slimmer.formatting import is_binary
from slimmer.image.layer_archive import BLOCK, SIZE, TYPE, number

MOST_BYTES = 4 << 20
"""The most bytes of an archive that are read. The engine walks a folder in the order of its names."""

REGULAR = (b"0", b"\0")


def add_errors(pieces: Iterable[bytes], errors: ErrorLines) -> None:
    """Add the lines of all text files of a tar archive, which comes in pieces of any size. Stop at anything that is no archive."""
    reader = _Reader(pieces)
    while len(header := b"".join(reader.take(BLOCK))) == BLOCK and any(header):
        try:
            size = number(header[SIZE])
        except ValueError:
            return
        is_text = header[TYPE] in REGULAR
        for piece in reader.take(size):
            is_text = is_text and not is_binary(piece)
            if is_text:
                errors.add(piece)
        errors.end()
        for _ in reader.take(-size % BLOCK):
            pass


class _Reader:
    """Reads at most MOST_BYTES of the pieces."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._ahead = b""
        self._left = MOST_BYTES

    def take(self, size: int) -> Iterator[bytes]:
        """Yield the next `size` bytes in pieces; fewer at the end."""
        while size > 0 and self._left > 0:
            if not self._ahead and not (ahead := next(self._pieces, b"")):
                return
            self._ahead = self._ahead or ahead
            piece, self._ahead = self._ahead[:size], self._ahead[size:]
            size -= len(piece)
            self._left -= len(piece)
            yield piece
