"""Read ndb, the database in which SUSE's rpm keeps packages.

The file comes from an untrusted image. Source: rpm, lib/backend/ndb/rpmpkg.c. All numbers are little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

MAGIC = b"RpmP"

_PAGE, _BLOCK = 4096, 16
_HEADER = struct.Struct("<4s4L")
_SLOT = struct.Struct("<4s3L")
_BLOB = struct.Struct("<4s3L")
_SLOTS_AT = 32


def rows(content: bytes, first: int, most: int) -> Iterator[tuple[int, bytes]]:
    """Yield the packages' headers with their numbers, from a number on, in order. Raises ValueError if the file is damaged or has too many."""
    if len(content) < _SLOTS_AT:
        raise ValueError("it is cut short")
    _, version, _, pages, _ = _HEADER.unpack_from(content)
    if version != 0 or not 0 < pages <= len(content) // _PAGE:
        raise ValueError("it is cut short, or of a newer version")
    found: dict[int, int] = {}
    for at in range(_SLOTS_AT, pages * _PAGE, _SLOT.size):
        magic, number, block, _ = _SLOT.unpack_from(content, at)
        if magic != b"Slot":
            raise ValueError("it has a damaged slot")
        if number >= first and block:
            found.setdefault(number, block * _BLOCK)
        if len(found) > most:
            raise ValueError(f"it has more than {most:,} packages")
    yield from ((number, _blob(content, number, found[number])) for number in sorted(found))


def _blob(content: bytes, number: int, at: int) -> bytes:
    if at + _BLOB.size > len(content):
        raise ValueError("it is cut short")
    magic, own, _, length = _BLOB.unpack_from(content, at)
    start = at + _BLOB.size
    if magic != b"BlbS" or own != number or start + length > len(content):
        raise ValueError("a slot leads to something that is not its package")
    return content[start : start + length]
