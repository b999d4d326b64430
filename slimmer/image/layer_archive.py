"""The names in a layer's archive, read as a stream in bounded memory.

A layer is made by whoever made the image. So no field of its archive is believed to be small: contents are skipped piece by piece, and
a long name takes at most LONGEST_EXTENSION bytes. Python's tarfile would read extended headers of any size into memory. Source of the
format: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Block"; GNU tar, "Basic Tar Format" for types L, K and S.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

BLOCK = 512
NAME, SIZE, SUM, TYPE, MAGIC, PREFIX = (
    *(slice(0, 100), slice(124, 136), slice(148, 156)),
    *(slice(156, 157), slice(257, 263), slice(345, 500)),
)
MORE, MORE_AGAIN = 482, 504
"""Where the header of a sparse file of GNU's old format, and each block behind it, says if another such block follows."""

POSIX = b"ustar\0"
"""The magic of the format whose headers have a prefix of the name. GNU's own (`ustar  `) has times in its place."""

PAX, PAX_GLOBAL, LONG_NAME, SPARSE = b"x", b"g", b"L", b"S"
WITHOUT_CONTENT = frozenset({b"1", b"2", b"3", b"4", b"5", b"6"})
"""Links, devices, directories and pipes. Their size says nothing about what follows, as in Go's archive/tar, with which engines read."""

LONGEST_EXTENSION = 1 << 20
"""The most bytes of an extended header, as in Go's archive/tar."""

BASE_256 = 0x80


def entry_names(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the name of each entry of a tar archive, as it is written there. The archive comes in pieces of any size.

    Raises ValueError if it is no such archive or is cut short.
    """
    source = _Source(pieces)
    extended: dict[bytes, bytes] = {}
    while any(header := source.header()):
        kind, size = header[TYPE], number(header[SIZE])
        if number(header[SUM]) not in _checksums(header):
            raise ValueError("no tar archive: a header's checksum is wrong")
        if kind in (PAX, LONG_NAME):
            content = source.take(size)
            extended |= _records(content) if kind == PAX else {b"path": content.partition(b"\0")[0]}
        elif kind == PAX_GLOBAL or kind == b"K":
            source.skip(size)
        else:
            yield extended.get(b"GNU.sparse.name") or extended.get(b"path") or _name(header)
            source.skip_map(header)
            stored = int(extended.get(b"size", size))
            source.skip(0 if kind in WITHOUT_CONTENT else stored)
            extended = {}


def number(field: bytes) -> int:
    """Return a number of a header: octal digits, or a number of base 256 behind a set bit. Raise ValueError for anything else."""
    if field[0] == BASE_256:
        return int.from_bytes(field[1:])
    digits = field.partition(b"\0")[0].strip(b" ")
    if digits.strip(b"01234567"):
        raise ValueError(f"not an octal number: {digits!r}")
    return int(digits or b"0", 8)


def _checksums(header: bytes) -> tuple[int, int]:
    """Return the sums of all bytes, with blanks for the field itself. Some programs add up signed bytes."""
    rest = header[: SUM.start] + b" " * (SUM.stop - SUM.start) + header[SUM.stop :]
    return sum(rest), sum(memoryview(rest).cast("b"))


def _name(header: bytes) -> bytes:
    name = header[NAME].partition(b"\0")[0]
    prefix = header[PREFIX].partition(b"\0")[0] if header[MAGIC] == POSIX else b""
    return prefix + b"/" + name if prefix else name


def _records(content: bytes) -> dict[bytes, bytes]:
    """Return the records of an extended header: `LENGTH KEY=VALUE` and a line end, where the length counts the whole record."""
    found: dict[bytes, bytes] = {}
    place = 0
    while place < len(content):
        length, _, _ = content[place : place + 20].partition(b" ")
        record = content[place : place + int(length)]
        if int(length) <= len(length) or not record.endswith(b"\n"):
            raise ValueError("an extended header has no records")
        key, equals, value = record[len(length) + 1 : -1].partition(b"=")
        if not equals:
            raise ValueError("an extended header has no records")
        found[key] = value
        place += len(record)
    return found


class _Source:
    """Takes bytes from pieces, and skips to the end of the block after each content."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._ahead, self._place = b"", 0

    def header(self) -> bytes:
        """Return the next block; b"" at the end of the archive. Raise ValueError if only a part of a block is left."""
        if self._place >= len(self._ahead) and not self._next():
            return b""
        return b"".join(self._taken(BLOCK))

    def take(self, size: int) -> bytes:
        """Return a content and skip the rest of its last block. Raise ValueError if it is too large."""
        if not 0 <= size <= LONGEST_EXTENSION:
            raise ValueError("an extended header is too large")
        content = b"".join(self._taken(size))
        self.skip_exactly(-size % BLOCK)
        return content

    def skip(self, size: int) -> None:
        """Skip a content and the rest of its last block."""
        if size < 0:
            raise ValueError("a size is less than 0")
        self.skip_exactly(size + -size % BLOCK)

    def skip_exactly(self, size: int) -> None:
        for _ in self._taken(size):
            pass

    def skip_map(self, header: bytes) -> None:
        """Skip the blocks behind the header of a sparse file in GNU's old format."""
        more = header[TYPE] == SPARSE and header[MORE]
        while more:
            more = b"".join(self._taken(BLOCK))[MORE_AGAIN]

    def _taken(self, size: int) -> Iterator[bytes]:
        while size > 0:
            if self._place >= len(self._ahead) and not self._next():
                raise ValueError("a tar archive is cut short")
            piece = self._ahead[self._place : self._place + size]
            self._place += len(piece)
            size -= len(piece)
            yield piece

    def _next(self) -> bool:
        """Go on to the next piece that is not empty. Return False if there is none."""
        self._ahead, self._place = next((piece for piece in self._pieces if piece), b""), 0
        return bool(self._ahead)
