"""Reads the metadata of an assembly: the names that its tables and its heaps of strings hold. Pure.

Source: ECMA-335, partition II: 24.2 (streams and heaps), 22 (tables), 24.2.6 (sizes of rows), 25 (PE files with a CLI header).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

ROWS = 10_000
"""The most rows of a table that are read."""

_STREAMS = 16
_SECTIONS = 96
_NAME_LENGTH = 1024
_MODULE_REF, _ASSEMBLY_REF = 0x1A, 0x23
_SIGNATURE = 0x424A5342
_CLI_HEADER = 14
"""The place of the CLI header among the data directories of a PE file."""

_CODED: Mapping[str, tuple[int, tuple[int, ...]]] = {
    "TypeDefOrRef": (2, (0x02, 0x01, 0x1B)),
    "HasConstant": (2, (0x04, 0x08, 0x17)),
    "HasCustomAttribute": (
        5,
        (6, 4, 1, 2, 8, 9, 0x0A, 0, 0x0E, 0x17, 0x14, 0x11, 0x1A, 0x1B, 0x20, 0x23, 0x26, 0x27, 0x28, 0x2A, 0x2C, 0x2B),
    ),
    "HasFieldMarshal": (1, (0x04, 0x08)),
    "HasDeclSecurity": (2, (0x02, 0x06, 0x20)),
    "MemberRefParent": (3, (0x02, 0x01, 0x1A, 0x06, 0x1B)),
    "HasSemantics": (1, (0x14, 0x17)),
    "MethodDefOrRef": (1, (0x06, 0x0A)),
    "MemberForwarded": (1, (0x04, 0x06)),
    "CustomAttributeType": (3, (0x06, 0x0A)),
    "ResolutionScope": (2, (0x00, 0x1A, 0x23, 0x01)),
}
"""Indexes into one of several tables: the number of bits that choose the table, and the tables (II.24.2.6)."""

_TABLES = (
    "2 S G G G|ResolutionScope S S|4 S S TypeDefOrRef T04 T06|T04|2 S B|T06|4 2 2 S B T08|T08|2 2 S|T02 TypeDefOrRef|MemberRefParent S B"
    "|2 HasConstant B|HasCustomAttribute CustomAttributeType B|HasFieldMarshal B|2 HasDeclSecurity B|2 4 T02|4 T04|B|T02 T14|T14"
    "|2 S TypeDefOrRef|T02 T17|T17|2 S B|2 T06 HasSemantics|T02 MethodDefOrRef MethodDefOrRef|S|B|2 MemberForwarded S T1A|4 T04|4 4|4"
    "|4 2 2 2 2 4 B S S|4|4 4 4|2 2 2 2 4 B S S B"
)
"""The columns of tables 0x00 to 0x23 (II.22; the pointer tables 03, 05, 07, 13, 16 and 1E, 1F are those of uncompressed metadata).

A number is a width in bytes; S, G and B are indexes into the heaps of strings, GUIDs and blobs; T04 is an index into table 4.
"""

_COLUMNS = tuple(tuple(table.split()) for table in _TABLES.split("|"))


@dataclass(frozen=True, slots=True)
class Metadata:
    """The names in an assembly: assemblies that it refers to with their versions, native libraries that it calls, and its two heaps of strings.

    `identifiers` is the heap of names of types and members (UTF-8, each between zero bytes); `literals` that of string literals (#US).
    """

    references: tuple[tuple[str, str], ...]
    modules: tuple[str, ...]
    identifiers: bytes
    literals: bytes


def read_metadata(content: bytes) -> Metadata | None:
    """Read an assembly. Return None if it is no PE file with CLI metadata, or broken. Never raises, and takes bounded time."""
    try:
        return _read(content)
    except (struct.error, IndexError, ValueError):
        return None


def literals(heap: bytes, limit: int) -> Iterator[str]:
    """Yield the string literals of a heap, at most `limit` (II.24.2.4). Each begins with its length in bytes, and ends with a flag."""
    place = 1
    for _ in range(limit):
        if place >= len(heap):
            return
        size, place = _length(heap, place)
        if size > 2:
            yield heap[place : place + min(size - 1, 2 * _NAME_LENGTH)].decode("utf-16-le", "replace")
        place += size


def _length(heap: bytes, place: int) -> tuple[int, int]:
    """Return a compressed number, and the place behind it (II.23.2). A broken one ends the heap."""
    first = heap[place]
    if first < 0x80:
        return first, place + 1
    if first < 0xC0:
        return int.from_bytes(heap[place : place + 2]) & 0x3FFF, place + 2
    return int.from_bytes(heap[place : place + 4]) & 0x1FFFFFFF, place + 4


def _read(content: bytes) -> Metadata | None:
    root = _metadata_root(content)
    if root is None:
        return None
    streams = _streams(content, root)
    strings = streams.get(b"#Strings", b"")
    references, modules = _names(streams.get(b"#~") or streams.get(b"#-", b""), strings)
    return Metadata(references, modules, strings, streams.get(b"#US", b""))


def _metadata_root(content: bytes) -> int | None:
    """Return the offset of the metadata in the file; None if the file has none."""
    if content[:2] != b"MZ":
        return None
    (header,) = struct.unpack_from("<I", content, 0x3C)
    if content[header : header + 4] != b"PE\0\0":
        return None
    sections, optional_size = struct.unpack_from("<H12xH", content, header + 6)
    optional = header + 24
    (magic,) = struct.unpack_from("<H", content, optional)
    directories = optional + (96 if magic == 0x10B else 112)
    address, _ = struct.unpack_from("<II", content, directories + 8 * _CLI_HEADER)
    table = optional + optional_size
    cli = _offset(content, table, sections, address) if address else None
    if cli is None:
        return None
    (address,) = struct.unpack_from("<I", content, cli + 8)
    root = _offset(content, table, sections, address)
    return root if root is not None and struct.unpack_from("<I", content, root) == (_SIGNATURE,) else None


def _offset(content: bytes, table: int, sections: int, address: int) -> int | None:
    """Return the offset in the file of an address in memory."""
    for number in range(min(sections, _SECTIONS)):
        size, start, raw_size, raw = struct.unpack_from("<IIII", content, table + 40 * number + 8)
        if start <= address < start + max(size, raw_size):
            return int(raw + address - start)
    return None


def _streams(content: bytes, root: int) -> dict[bytes, bytes]:
    """Return the streams of the metadata by their names (II.24.2.2)."""
    (length,) = struct.unpack_from("<I", content, root + 12)
    place = root + 16 + min(length, 256)
    (count,) = struct.unpack_from("<H", content, place + 2)
    place += 4
    found: dict[bytes, bytes] = {}
    for _ in range(min(count, _STREAMS)):
        offset, size = struct.unpack_from("<II", content, place)
        name = content[place + 8 : place + 40].partition(b"\0")[0]
        found.setdefault(name, content[root + offset : root + offset + size])
        place += 8 + (len(name) // 4 + 1) * 4
    return found


def _names(tables: bytes, strings: bytes) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Return the referenced assemblies and the native libraries that the tables name."""
    heaps, present = struct.unpack_from("<6xBxQ", tables)
    numbers = [number for number in range(64) if present >> number & 1]
    counts = dict(zip(numbers, struct.unpack_from(f"<{len(numbers)}I", tables, 24), strict=True))
    place = 24 + 4 * len(numbers)
    references: list[tuple[str, str]] = []
    modules: list[str] = []
    for number in numbers:
        if number > _ASSEMBLY_REF:
            break
        widths = [_width(column, heaps, counts) for column in _COLUMNS[number]]
        for row in range(min(counts[number], ROWS) if number in (_MODULE_REF, _ASSEMBLY_REF) else 0):
            values = _values(tables, place + row * sum(widths), widths)
            if number == _MODULE_REF:
                modules.append(_text(strings, values[0]))
            else:
                references.append((_text(strings, values[6]), ".".join(map(str, values[:4]))))
        place += counts[number] * sum(widths)
    return tuple(references), tuple(modules)


def _width(column: str, heaps: int, counts: Mapping[int, int]) -> int:
    """Return the bytes of a column: an index is wide if what it counts is large (II.24.2.6)."""
    if column.isdigit():
        return int(column)
    if column in ("S", "G", "B"):
        return 4 if heaps & {"S": 1, "G": 2, "B": 4}[column] else 2
    if column[0] == "T" and len(column) == 3:
        return 4 if counts.get(int(column[1:], 16), 0) > 0xFFFF else 2
    bits, tables = _CODED[column]
    return 4 if max(counts.get(table, 0) for table in tables) >= 1 << (16 - bits) else 2


def _values(tables: bytes, place: int, widths: Sequence[int]) -> list[int]:
    values = []
    for width in widths:
        if place + width > len(tables):
            raise ValueError("the row is beyond the end")
        values.append(int.from_bytes(tables[place : place + width], "little"))
        place += width
    return values


def _text(strings: bytes, index: int) -> str:
    end = strings.find(b"\0", index, index + _NAME_LENGTH)
    return strings[index:end].decode("utf-8", "replace") if end > index else ""
