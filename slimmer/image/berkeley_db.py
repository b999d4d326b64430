"""Read the hash tables of Berkeley DB, in which rpm kept packages before it used sqlite (Red Hat Enterprise Linux 8, CentOS 7).

The file comes from an untrusted image. Source: Berkeley DB 5.3, src/dbinc/db_page.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = 0x061561
"""At byte 12 of a hash table, in the byte order of the machine that wrote it."""

_MAGIC_AT, _PAGE_SIZE_AT, _ENCRYPTION_AT = 12, 20, 24
_PAGE = 26
_UNSORTED, _OVERFLOW, _SORTED = 2, 7, 13
_INLINE, _OFF_PAGE = 1, 3
_PAGE_SIZES = frozenset(1 << bits for bits in range(9, 17))


@dataclass(frozen=True, slots=True)
class _Value:
    """Where a value is: its page, its first byte in the file, and its length; or, with `is_chain`, the first page of a chain and its length."""

    start: int
    length: int
    is_chain: bool


def is_hash_table(content: bytes) -> bool:
    """Return True if the content begins like a hash table."""
    return _order(content) != ""


VALUE_LIMIT = 1 << 24
"""The longest value, in bytes."""


def rows(content: bytes, first: int, most: int) -> Iterator[tuple[int, bytes]]:
    """Yield values whose keys are numbers, from a number on, in order. Raises ValueError if the table is damaged or has too many."""
    table = _Table(content)
    found: dict[int, _Value] = {}
    for number, value in table.values():
        if number >= first:
            found.setdefault(number, value)
        if len(found) > most:
            raise ValueError(f"it has more than {most:,} packages")
    yield from ((number, table.read(found[number])) for number in sorted(found))


def _order(content: bytes) -> str:
    """Return the byte order as struct names it; "" if this is no hash table."""
    magic = content[_MAGIC_AT : _MAGIC_AT + 4]
    orders = {MAGIC.to_bytes(4, "little"): "<", MAGIC.to_bytes(4, "big"): ">"}
    return orders.get(magic, "")


class _Table:
    """A hash table as its pages."""

    def __init__(self, content: bytes) -> None:
        self._content, order = content, _order(content)
        self._long, self._short = struct.Struct(f"{order}L"), struct.Struct(f"{order}H")
        self._size = self._number(_PAGE_SIZE_AT)
        if self._size not in _PAGE_SIZES or content[_ENCRYPTION_AT]:
            raise ValueError("it is encrypted, or its pages have no proper size")

    def values(self) -> Iterator[tuple[int, _Value]]:
        """Yield the key and the place of each value whose key has four bytes."""
        for page in range(self._size, len(self._content) - self._size + 1, self._size):
            if self._content[page + 25] in (_UNSORTED, _SORTED):
                yield from self._on_page(page)

    def read(self, value: _Value) -> bytes:
        """Return a value."""
        if not value.is_chain:
            return self._content[value.start : value.start + value.length]
        if value.length > VALUE_LIMIT:
            raise ValueError(f"a package takes more than {VALUE_LIMIT >> 20} MiB")
        found = bytearray()
        page = value.start
        while len(found) < value.length:
            at = page * self._size
            if page == 0 or at + self._size > len(self._content) or self._content[at + 25] != _OVERFLOW:
                raise ValueError("a value leads to a page that is not part of it")
            used = min(self._half(at + 22), self._size - _PAGE, value.length - len(found))
            if used == 0:
                raise ValueError("a page of a value is empty")
            found += self._content[at + _PAGE : at + _PAGE + used]
            page = self._number(at + 16)
        return bytes(found)

    def _on_page(self, page: int) -> Iterator[tuple[int, _Value]]:
        """Yield what is on one page: keys and values take turns, and are filled in from the page's end."""
        count = self._half(page + 20)
        if _PAGE + 2 * count > self._size:
            raise ValueError("a page lists more values than it can hold")
        places = [self._half(page + _PAGE + 2 * number) for number in range(count)]
        for key, value in zip(places[::2], places[1::2], strict=False):
            if not _PAGE <= value < key <= self._size - 5 or self._content[page + key] != _INLINE:
                raise ValueError("a page lists a value that is not on it")
            kind, start = self._content[page + value], page + value
            if kind == _OFF_PAGE:
                yield self._number(page + key + 1), _Value(self._number(start + 4), self._number(start + 8), True)
            elif kind == _INLINE:
                yield self._number(page + key + 1), _Value(start + 1, key - value - 1, False)

    def _number(self, at: int) -> int:
        if at + 4 > len(self._content):
            raise ValueError("it is cut short")
        return int(self._long.unpack_from(self._content, at)[0])

    def _half(self, at: int) -> int:
        if at + 2 > len(self._content):
            raise ValueError("it is cut short")
        return int(self._short.unpack_from(self._content, at)[0])
