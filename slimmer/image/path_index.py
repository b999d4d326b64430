"""The probe's index of an image, as it was received, with access in walk order and by path.

An image may hold 300,000 paths, which would take hundreds of megabytes as objects. So this keeps the bytes of the index
(docs/probe-protocol.md, "Serve": four NUL-terminated fields per entry), where each entry begins (8 bytes), and a hash table (8 to 16
bytes per entry), since rules look up hundreds of thousands of paths.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise

from slimmer.errors import ObservationIncomplete

RECORD = re.compile(
    rb"((?:0|[0-7]{4,7})(?: -?[0-9]{1,20}){10})\0(/[^\0]*)\0([^\0]*)\0((?:(?:[0-9a-f]{2})+=(?:[0-9a-f]{2})*(?: |(?=\0)))*)\0"
)
"""An entry's four fields: head, path, link target, extended attributes."""

_HEAD = 256
"""The head of an entry is shorter: a mode and ten numbers."""

_NO_TYPE = b"0 "
"""The head begins like this for a name that a directory lists but that cannot be looked up. It is not an entry."""


class PathIndex:
    """Entries by position and by path. An offset is where an entry begins in the index; a position is its place in a walk.

    `listed_only` are paths that a directory lists but that cannot be looked up. They have no entry.
    """

    def __init__(self, blob: bytes | bytearray) -> None:
        """Raise ObservationIncomplete if the index is cut short, or not as the probe writes it."""
        self._blob = blob
        self.offsets, self.listed_only, self._in_order = _in_order_of_a_walk(blob)
        self._table: array[int] | None = None
        self._gone: frozenset[int] = frozenset()

    def without(self, offsets: frozenset[int]) -> PathIndex:
        """Return the same index without these entries. Entries below them stay."""
        other = PathIndex.__new__(PathIndex)
        other._blob, other._table, other._gone = self._blob, self._table, self._gone | offsets
        other.listed_only, other._in_order = self.listed_only, self._in_order
        other.offsets = array("Q", (offset for offset in self.offsets if offset not in offsets))
        return other

    def find(self, path: bytes) -> int | None:
        """Return the offset of the entry at exactly this path, or None."""
        offset = self._look_up(path)
        return None if offset in self._gone else offset

    def _look_up(self, path: bytes) -> int | None:
        """Return the offset of the entry at exactly this path, or None. It may have been taken out."""
        if self._table is None:
            self._table = self._tabulated()
        table, blob = self._table, self._blob
        mask = len(table) - 1
        slot = hash(path) & mask
        field = b"\0%s\0" % path
        if b"\0" in path:
            return None
        while found := table[slot]:
            if blob.startswith(field, blob.index(b"\0", found - 1)):
                return found - 1
            slot = (slot + 1) & mask
        return None

    def position(self, key: bytes, low: int = 0, high: int | None = None) -> int:
        """Return the first position at or after `key`."""
        return bisect_left(self.offsets, key, lo=low, hi=high, key=self.key_at)

    def range_below(self, path: bytes) -> tuple[int, int]:
        """Return the position of the first entry below a directory, and that of the first one behind them."""
        if path == b"/":
            return int(self.find(path) is not None), len(self.offsets)
        offset = self._look_up(path)
        if offset is None:
            return 0, 0
        if offset in self._gone:
            key = sorting_key(path)
            return self.position(key + b"\0"), self.position(key + b"\1")
        place = bisect_left(self.offsets, offset) if self._in_order else self.position(sorting_key(path))
        return place + 1, self.position_behind(place)

    def position_behind(self, position: int) -> int:
        """Return the first position after the entry at this one and everything below it. A near one is found at once."""
        if not self.is_directory(self.offsets[position]):
            return position + 1
        key = self.key_at(self.offsets[position])
        below, step, end = key + b"\0", 1, len(self.offsets)
        low = high = position + 1
        while high < end and self.key_at(self.offsets[high]).startswith(below):
            low, high, step = high + 1, min(high + step, end), step * 2
        # "\1" sorts after the NUL of everything below this entry and before any sibling
        return self.position(key + b"\1", low, high)

    def fields(self, offset: int) -> tuple[bytes, bytes, bytes, bytes]:
        """Return the head, path, link target and extended attributes of an entry."""
        blob = self._blob
        path = blob.index(b"\0", offset)
        target = blob.index(b"\0", path + 1)
        xattrs = blob.index(b"\0", target + 1)
        end = blob.index(b"\0", xattrs + 1)
        return (
            bytes(blob[offset:path]),
            bytes(blob[path + 1 : target]),
            bytes(blob[target + 1 : xattrs]),
            bytes(blob[xattrs + 1 : end]),
        )

    def content_size(self) -> int:
        """Return the bytes of all regular files. A file with several names counts once."""
        linked: set[bytes] = set()
        total = 0
        for offset in filter(self.is_file, self.offsets):
            _, _, _, size, _, _, links, inode, _ = bytes(self._blob[offset : offset + _HEAD]).split(b" ", 8)
            if links == b"1" or inode not in linked:
                total += int(size)
                linked.update([inode] if links != b"1" else [])
        return total

    def is_link(self, offset: int) -> bool:
        """Return True if this entry is a symbolic link, by the type in its octal mode."""
        return self._blob.startswith(b"120", offset)

    def is_file(self, offset: int) -> bool:
        """Return True if this entry is a regular file, by the type in its octal mode."""
        blob = self._blob  # the next digit is setuid, setgid and sticky, and the mode of a FIFO has only five
        return blob.startswith(b"10", offset) and blob.startswith(b" ", offset + 6)

    def is_directory(self, offset: int) -> bool:
        """Return True if this entry is a directory, by the type in its octal mode."""
        return self._blob.startswith(b"4", offset)  # the next digit is setuid, setgid and sticky

    def path_at(self, offset: int) -> bytes:
        """Return the path of an entry."""
        start = self._blob.index(b"\0", offset) + 1
        return bytes(self._blob[start : self._blob.index(b"\0", start)])

    def key_at(self, offset: int) -> bytes:
        """Return the sorting key of an entry."""
        return sorting_key(self.path_at(offset))

    def records(self) -> Iterator[bytes]:
        """Yield every entry as the probe wrote it, in walk order."""
        for offset in self.offsets:
            match = RECORD.match(self._blob, offset)
            assert match is not None, "offsets are those of whole entries"
            yield bytes(match[0])

    def _tabulated(self) -> array[int]:
        """Return a hash table of offsets plus 1 (0 is free) by path, with open addressing and at most half full."""
        table = array("L" if len(self._blob) >> 32 else "I", [0]) * (1 << (2 * len(self.offsets)).bit_length())
        mask = len(table) - 1
        for offset in self.offsets:
            slot = hash(self.path_at(offset)) & mask
            while table[slot]:
                slot = (slot + 1) & mask
            table[slot] = offset + 1
        return table


def sorting_key(path: bytes) -> bytes:
    """Return a key that sorts in walk order. It replaces "/" by NUL, which no name contains, so what is below a directory follows it."""
    return path.replace(b"/", b"\0")


def _in_order_of_a_walk(blob: bytes | bytearray) -> tuple[array[int], tuple[bytes, ...], bool]:
    """Return where each entry begins, sorted, the names without an entry, and whether the index has its entries in this order.

    Raises ObservationIncomplete if there is more in the index than entries, or if a path occurs twice.
    """
    offsets = array("Q")
    listed_only: list[bytes] = []
    end, ordered, last = 0, True, b""
    for match in RECORD.finditer(blob):
        if match.start() != end:
            break
        if blob.startswith(_NO_TYPE, end):
            listed_only.append(match[2])
            end = match.end()
            continue
        offsets.append(end)
        key = sorting_key(match[2])
        ordered = ordered and last < key
        last, end = key, match.end()
    if end != len(blob):
        raise ObservationIncomplete("the index of the image's files is cut short, or not as the probe writes it")
    if ordered:
        return offsets, tuple(listed_only), True

    def key_at(offset: int) -> bytes:
        match = RECORD.match(blob, offset)
        assert match is not None
        return sorting_key(match[2])

    offsets = array("Q", sorted(offsets, key=key_at))
    if any(key_at(one) == key_at(other) for one, other in pairwise(offsets)):
        raise ObservationIncomplete("the index of the image's files contains a path twice")
    return offsets, tuple(listed_only), False
