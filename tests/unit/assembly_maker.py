"""Assemblies for tests: the smallest PE files whose metadata names what .NET's loader and slimmer look for (ECMA-335, partition II)."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_TEXT = 0x2000
_FILE_ALIGNMENT = 0x200


def make_assembly(
    references: Sequence[str] = (),
    *,
    version: tuple[int, int, int, int] = (4, 0, 0, 0),
    calls: Sequence[str] = (),
    literals: Sequence[str] = (),
    members: Sequence[str] = (),
    wide: bool = False,
) -> bytes:
    """An assembly that refers to others, calls native libraries, and has string literals and names of members.

    With `wide`, it has so many of each that indexes into its tables and heaps take four bytes.
    """
    metadata = _metadata(references, version, calls, literals, members, wide=wide)
    cli = struct.pack("<IHHII", 72, 2, 5, _TEXT + 72, len(metadata)).ljust(72, b"\0")
    body = cli + metadata
    optional = struct.pack("<H", 0x20B if wide else 0x10B).ljust(112 if wide else 96, b"\0")
    directories = b"".join(struct.pack("<II", *((_TEXT, 72) if number == 14 else (0, 0))) for number in range(16))
    coff = struct.pack("<HHIIIHH", 0x14C, 1, 0, 0, 0, len(optional + directories), 0x2102)
    section = struct.pack("<8sIIII", b".text", len(body), _TEXT, len(body), _FILE_ALIGNMENT).ljust(40, b"\0")
    head = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40) + b"PE\0\0" + coff + optional + directories + section
    return head.ljust(_FILE_ALIGNMENT, b"\0") + body


def _metadata(
    references: Sequence[str],
    version: tuple[int, int, int, int],
    calls: Sequence[str],
    literals: Sequence[str],
    members: Sequence[str],
    *,
    wide: bool,
) -> bytes:
    strings = b"\0"
    places: dict[str, int] = {}
    for name in (*references, *calls, *members):
        places[name] = len(strings)
        strings += name.encode() + b"\0"
    index = "I" if wide else "H"
    types = 0x10000 if wide else 1
    rows = {
        0x00: [struct.pack(f"<H{index}HHH", 0, 0, 1, 0, 0)],
        0x01: [struct.pack(f"<3{index}", 0, 0, 0)] * types,
        0x1A: [struct.pack(f"<{index}", places[name]) for name in calls],
        0x23: [struct.pack(f"<HHHHIH{index}{index}H", *version, 0, 0, places[name], 0, 0) for name in references],
    }
    present = {number: rows[number] for number in sorted(rows) if rows[number]}
    mask = sum(1 << number for number in present)
    counts = b"".join(struct.pack("<I", len(some)) for some in present.values())
    tables = struct.pack("<IBBBBQQ", 0, 2, 0, 1 if wide else 0, 1, mask, 0) + counts
    tables += b"".join(b"".join(some) for some in present.values())
    user = b"\0" + b"".join(_literal(text) for text in literals)
    streams = ((b"#~", tables), (b"#Strings", strings), (b"#US", user), (b"#GUID", bytes(16)))
    head = struct.pack("<IHHII", 0x424A5342, 1, 1, 0, 12) + b"v4.0.30319\0\0" + struct.pack("<HH", 0, len(streams))
    names = [name.ljust((len(name) // 4 + 1) * 4, b"\0") for name, _ in streams]
    place = len(head) + sum(8 + len(name) for name in names)
    bodies = b""
    for padded, (_, content) in zip(names, streams, strict=True):
        head += struct.pack("<II", place + len(bodies), len(content)) + padded
        bodies += content.ljust((len(content) + 3) // 4 * 4, b"\0")
    return head + bodies


def _literal(text: str) -> bytes:
    content = text.encode("utf-16-le") + b"\0"
    size = len(content)
    return (bytes([size]) if size < 0x80 else struct.pack(">H", 0x8000 | size)) + content
