"""The names in modules that Cython compiled: its versions pack their strings in different ways."""

from __future__ import annotations

import bz2
import struct
import time
import zlib

import pytest

from slimmer.keep.language import Origin, Source
from slimmer.keep.languages.python.cython_strings import cython_strings
from slimmer.keep.languages.python.reader import EXTENSION, read

NAMES = (
    *(f"a_long_name_of_number_{number}" for number in range(120)),
    "__main__",
    "__name__",
    "__test__",
    "app.helpers",
    "csv",
    "decimal",
    "xml.dom.minidom",
)
TABLE = "".join(NAMES).encode()


def packed_by_cython(text: bytes) -> bytes:
    """The text as Cython 3.3 compresses it: a byte of flags, then eight plain bytes or references to what lies up to 127 bytes back."""
    out, place = b"", 0
    while place < len(text):
        flags, items = 0, b""
        for bit in range(8):
            piece = text[place : place + 8]
            found = text.rfind(piece, max(0, place - 120), place) if len(piece) == 8 else -1
            if found >= 0 and found + 8 <= place:
                items += bytes([place - found - 8, 8 - 3])
                place += 8
            else:
                flags |= 1 << bit
                items += text[place : place + 1] or b"\0"
                place += 1
        out += bytes([flags]) + items
    return out


def module(table: bytes, names: tuple[str, ...] = NAMES) -> bytes:
    """A compiled module with this table, and the lengths that divide it."""
    lengths = struct.pack(f"<{len(names)}I", *(len(name) for name in names))
    head = b"\x7fELF" + bytes(28) + lengths
    return head + bytes(64 - len(head) % 32) + table + bytes(64)


@pytest.mark.parametrize(
    "table",
    [TABLE, zlib.compress(TABLE), bz2.compress(TABLE), packed_by_cython(TABLE)],
    ids=["plain", "zlib", "bzip2", "its own"],
)
def test_tables_are_divided_by_their_lengths(table: bytes) -> None:
    assert tuple(cython_strings(module(table))) == NAMES


def test_a_small_table_is_cut_at_each_place_where_a_name_may_end() -> None:
    names = ("__main__", "__name__", "__test__", "collections", "csv", "decimal", "run", "sqlite3")
    found = set(cython_strings(b"\x7fELF" + bytes(60) + "".join(names).encode() + bytes(8)))
    assert {"collections", "csv", "decimal", "sqlite3"} <= found
    assert "sql" not in found, "names are sorted, so none ends before a smaller one"


def test_the_names_of_a_compiled_module_include_those_of_its_table() -> None:
    content = module(zlib.compress(TABLE)) + b"\0json\0"
    assert {"json", "csv", "xml.dom.minidom", "app.helpers"} <= set(
        read(Source(".so", content, Origin.LIBRARY, EXTENSION)).words
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x7fELF" + bytes(1000),
        module(TABLE)[:-200],
        module(zlib.compress(TABLE)[:100]),
        b"\x01\0\0\0" * 200_000,
        b"\xff" + b"a" * 400_000,
        zlib.compress(bytes(50_000_000)),
        b"\x0faaaa\0\xff" * 60_000,
    ],
)
def test_a_module_without_a_table_takes_no_time(content: bytes) -> None:
    start = time.process_time()
    list(cython_strings(content))
    assert time.process_time() - start < 2
