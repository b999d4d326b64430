"""Read which modules are in a Go program: the build information that the linker puts at the start of its data.

The program comes from an untrusted image. It is read once, from its start on, and never held as a whole. Programs of Go before 1.18
are not read: their build information is found through pointers to places all over the file. Sources: elf(5); Go, debug/buildinfo
(the format) and runtime/debug, ParseBuildInfo (the text).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from slimmer.image.elf_file import MAGIC
from slimmer.image.packages import NAME_LIMIT, Package

STDLIB = "stdlib"
"""The name of Go's own library, whose version is that of Go. Scanners use this name."""

SEARCHED = 1 << 20
"""The bytes of the data segment in which the build information is searched."""

LONGEST = 1 << 22
"""The most bytes of the build information."""

MODULES = 10_000
"""The most modules of a program."""

_HEADERS = 1 << 16
_PT_LOAD, _WRITABLE, _RUNS = 1, 2, 1
_BUILD_INFO = b"\xff Go buildinf:"
_ALIGNED, _HEAD = 16, 32
_INLINE = 2
_SENTINEL = 16


def go_packages(pieces: Iterator[bytes]) -> tuple[Package, ...]:
    """Return the modules of a program: its main module, those that it uses, and Go's own library. Empty for anything else."""
    window = _Window(pieces)
    start = _data_start(window.take(_HEADERS))
    if start is None:
        return ()
    window.skip_to(start)
    data = window.take(SEARCHED)
    place = _place(data, start)
    if place < 0 or not data[place + 15 : place + 16] or not data[place + 15] & _INLINE:
        return ()
    data = data[place + _HEAD :] + window.more(LONGEST)
    version, data = _text(data)
    modules, _ = _text(data)
    return tuple(_packages(version.decode(errors="replace"), modules[_SENTINEL:-_SENTINEL].decode(errors="replace")))


class _Window:
    """Reads forward through a file's pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = bytearray()
        self._place = 0

    def take(self, size: int) -> bytes:
        """Return the bytes here, up to `size`, without going on."""
        while len(self._held) < size and (piece := next(self._pieces, None)) is not None:
            self._held += piece
        return bytes(self._held[:size])

    def more(self, size: int) -> bytes:
        """Return the bytes behind what `take` returned last, up to `size`."""
        return self.take(SEARCHED + size)[SEARCHED:]

    def skip_to(self, place: int) -> None:
        """Go on to a place in the file, which must not be behind the current one."""
        while self._place < place:
            step = min(place - self._place, len(self._held))
            if not step:
                piece = next(self._pieces, None)
                if piece is None:
                    return
                self._held += piece
            del self._held[:step]
            self._place += step


def _data_start(head: bytes) -> int | None:
    """Return the offset of the first writable segment that is loaded; None if this is no ELF program or has none."""
    if head[:4] != MAGIC or len(head) < 64 or head[4] not in (1, 2) or head[5] not in (1, 2):
        return None
    order, wide = "<>"[head[5] - 1], head[4] == 2
    (table,) = struct.unpack_from(order + ("Q" if wide else "L"), head, 32 if wide else 28)
    size, count = struct.unpack_from(order + "HH", head, 54 if wide else 42)
    for number in range(count):
        place = table + number * size
        if size < (56 if wide else 32) or place + size > len(head):
            return None
        if wide:
            kind, flags, offset = struct.unpack_from(order + "LLQ", head, place)
        else:
            kind, offset = struct.unpack_from(order + "LL", head, place)
            (flags,) = struct.unpack_from(order + "L", head, place + 24)
        if kind == _PT_LOAD and flags & (_WRITABLE | _RUNS) == _WRITABLE:
            return int(offset)
    return None


def _place(data: bytes, start: int) -> int:
    """Return where the build information begins: it is aligned in the file, in which `data` is at `start`, as in memory. -1 if there is none."""
    place = data.find(_BUILD_INFO)
    while place >= 0 and (start + place) % _ALIGNED:
        place = data.find(_BUILD_INFO, place + 1)
    return place


def _text(data: bytes) -> tuple[bytes, bytes]:
    """Return a text with its length before it (a base-128 varint), and what follows."""
    size = shift = 0
    for number, byte in enumerate(data[:5]):
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            rest = data[number + 1 :]
            return (rest[:size], rest[size:]) if size <= len(rest) else (b"", b"")
    return b"", b""


def _packages(version: str, modules: str) -> Iterator[Package]:
    found: dict[Package, None] = {}
    for line in modules.split("\n"):
        kind, *fields = line.split("\t")
        if len(found) < MODULES and len(fields) >= 2 and all(_is_word(field) for field in fields[:2]):
            package = Package("go", fields[0], fields[1])
            if kind == "=>" and found and not fields[0].startswith((".", "/")):
                found.popitem()  # this module stands in for the one before
            if kind in ("mod", "dep") or (kind == "=>" and not fields[0].startswith((".", "/"))):
                found[package] = None
    if modules and _is_word(version):
        found[Package("go", STDLIB, version.split()[0])] = None
    yield from found


def _is_word(text: str) -> bool:
    return 0 < len(text) <= NAME_LIMIT and text.isprintable()
