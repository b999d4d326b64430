"""Finds the strings of a module that Cython compiled: they lie in one run-together table, which newer versions compress. Pure.

Up to version 3.1, each string ends with a zero byte. From 3.2 on, a table of lengths divides them, and the text is compressed: by zlib in
3.2, by a compressor of Cython's own in 3.3, by others if a macro (CYTHON_COMPRESS_STRINGS) says so.

Sources: what Cython 3.1.8, 3.2.9 and 3.3.1 write (`__Pyx_InitConstants`, `__pyx_lzss_decompress`).
"""

from __future__ import annotations

import bz2
import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, islice, pairwise, product

STRINGS = 50_000
"""The most strings of a module that are read."""

_TABLE = 1 << 20
"""The most bytes of a table, after decompression."""

_TRIES = 32
"""The most places that are tried where a compressed table may begin."""

_WORK = 1 << 20
"""The most bytes that are decompressed in all tries of Cython's own compressor, which takes a microsecond for each."""

_NAMES = (b"__name__", b"__main__", b"__test__")
"""Strings of every module."""

_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_BZIP2 = re.compile(rb"BZh[1-9]1AY&SY")
_OWN = re.compile(rb"(?=([\x0f\x1f\x2f\x3f\x4f\x5f\x6f\x7f\x8f\x9f\xaf\xbf\xcf\xdf\xef\xff])[\x20-\x7e]{4})")
"""Where a table of Cython's own compressor may begin: with flags that say that at least four plain bytes follow."""

_ALIGNMENT = 8
_SMALL = 2048
"""The largest table whose pieces are guessed if nothing divides it, in bytes."""

_SHORTEST, _LONGEST = 3, 24
_RUN = re.compile(rb"[A-Za-z_][A-Za-z0-9_.]{2,2000}")
_CONTROL = re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1f]")
_LENGTHS = re.compile(rb"(?:[^\0][\0-\x0f]\0\0){8,50000}", re.DOTALL)
"""An array of lengths, as a little-endian machine holds it."""


def cython_strings(content: bytes) -> Iterator[str]:
    """Yield the strings of a compiled module; none if it has no such table. Of a small table, yield also what may be one."""
    for table in _tables(content):
        found = list(_divided(content, table)) or list(_possible(table))
        if found:
            yield from found[:STRINGS]
            return


def _tables(content: bytes) -> Iterator[bytes]:
    """Yield texts that may be a module's table."""
    for match in islice(re.finditer(re.escape(_NAMES[0]), content), _TRIES):
        start = content.rfind(b"\0", 0, match.start()) + 1
        table = content[start : content.find(b"\0", match.end(), start + _TABLE)]
        if _is_table(table):
            yield table
    for pattern, decompress in ((_ZLIB, _inflated), (_BZIP2, _expanded)):
        for match in islice(pattern.finditer(content), _TRIES):
            table = decompress(content[match.start() : match.start() + _TABLE])
            if _is_table(table):
                yield table
    yield from _own_tables(content)


def _is_table(text: bytes) -> bool:
    return all(name in text for name in _NAMES)


def _inflated(text: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(text, _TABLE)
    except zlib.error:
        return b""


def _expanded(text: bytes) -> bytes:
    try:
        return bz2.BZ2Decompressor().decompress(text, _TABLE)
    except (OSError, ValueError):
        return b""


def _own_tables(content: bytes) -> Iterator[bytes]:
    work = _WORK
    for match in _OWN.finditer(content):
        if match.start() % _ALIGNMENT == 0 and work > 0:
            table = _unpacked(content, match.start(), work)
            work -= len(table)
            if _is_table(table):
                yield table
                return


def _unpacked(content: bytes, place: int, limit: int) -> bytes:
    """Undo Cython's own compressor, up to a byte that no text has. After each byte of flags come eight plain bytes or references."""
    out = bytearray()
    while len(out) < limit and place < len(content):
        flags, place = content[place], place + 1
        for bit in range(8):
            if flags >> bit & 1:
                out += content[place : place + 1]
                place += 1
                continue
            low, high = content[place : place + 1], content[place + 1 : place + 2]
            if not high:
                return bytes(out)
            distance, length, place = _reference(low[0], high[0], content, place + 2)
            start = len(out) - distance - length
            if start < 0:
                return bytes(out)
            out += out[start : start + length]
        if _CONTROL.search(out, max(0, len(out) - 16)):
            return bytes(out)
    return bytes(out)


def _reference(low: int, high: int, content: bytes, place: int) -> tuple[int, int, int]:
    """Return how far back an earlier text ends, its length, and the place of what follows."""
    if not low & 0x80:
        return low, high + 3, place
    if not high & 0x80:
        return 0x80 + ((high << 2 & 0x180) | (low & 0x7F)), (high & 0x1F) + 3, place
    length = content[place] if place < len(content) else 0
    return 0x80 + ((high & 0x7F) << 7 | (low & 0x7F)), length + 3, place + 1


def _divided(content: bytes, table: bytes) -> Iterator[str]:
    """Yield the strings of a table. The numbers that divide it lie elsewhere in the module: those that give all known strings."""
    places = {name: [match.start() for match in islice(re.finditer(re.escape(name), table), _TRIES)] for name in _NAMES}
    for match in _LENGTHS.finditer(content):
        lengths = struct.unpack_from(f"<{len(match[0]) // 4}I", content, match.start())
        ends = (0, *accumulate(lengths))
        numbers = {end: number for number, end in enumerate(ends)}
        starts = (ends[number] for number, length in enumerate(lengths) if length == len(_NAMES[0]))
        for base in (place - start for start in starts for place in places[_NAMES[0]][:4]):
            if all(any(_is_one(ends, numbers, place - base, name) for place in places[name]) for name in _NAMES):
                yield from _cut(table, ends, base)
                return


def _possible(table: bytes) -> Iterator[str]:
    """Yield the words into which a small table may be cut: compilers write its few lengths into code.

    Identifiers are sorted in a table, with or without underscores before them.
    """
    for run in _RUN.finditer(table) if len(table) <= _SMALL else ():
        text = run[0].decode("ascii")
        for start, size in product(range(len(text)), range(_SHORTEST, _LONGEST + 1)):
            word, after = text[start : start + size], text[start + size : start + size + _LONGEST]
            if len(word) == size and (not after or max(after, after.lstrip("_")) > word):
                yield word


def _is_one(ends: Sequence[int], numbers: Mapping[int, int], start: int, name: bytes) -> bool:
    number = numbers.get(start, len(ends))
    return number + 1 < len(ends) and ends[number + 1] - start == len(name)


def _cut(table: bytes, ends: Sequence[int], base: int) -> Iterator[str]:
    """Yield the pieces of a table; `base` is the place of the first end in it, which may lie before the table."""
    for start, end in pairwise(ends):
        if start + base >= 0 and end + base <= len(table):
            yield table[start + base : end + base].decode("utf-8", "replace")
