"""Makes rpm's older databases, Berkeley DB's with its own program and ndb by rpm's description."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zlib
from collections.abc import Mapping
from pathlib import Path

LOAD = next((path for name in ("db_load", "db5.3_load") if (path := shutil.which(name))), None)
"""Berkeley DB's program that makes databases (Debian: db5.3-util)."""

_PAGE, _BLOCK = 4096, 16


def berkeley_db(path: Path, headers: Mapping[int, bytes], *, page: int = 4096, order: int = 1234) -> bytes:
    """A hash table of headers by number, with rpm's entry 0. `order` is 1234 for little-endian, 4321 for big-endian."""
    assert LOAD is not None
    endian = "<L" if order == 1234 else ">L"
    rows = {0: struct.pack(endian, max(headers, default=0)), **headers}
    lines = [
        text for number, value in rows.items() for text in (_escaped(struct.pack(endian, number)), _escaped(value))
    ]
    options = ("-c", f"db_pagesize={page}", "-c", f"db_lorder={order}")
    command = [LOAD, "-T", "-t", "hash", *options, str(path)]
    subprocess.run(command, input="\n".join(lines).encode() + b"\n", check=True, capture_output=True)
    return path.read_bytes()


def _escaped(value: bytes) -> str:
    return "".join(f"\\{byte:02x}" for byte in value)


def ndb(headers: Mapping[int, bytes]) -> bytes:
    """A database of headers by number (rpm, lib/backend/ndb/rpmpkg.c)."""
    slots, blobs, block = b"", b"", _PAGE // _BLOCK
    for number, header in headers.items():
        head = struct.pack("<4s3L", b"BlbS", number, 1, len(header))
        body = head + header + bytes(-(16 + len(header) + 12) % _BLOCK)
        blob = body + struct.pack("<2L4s", zlib.adler32(body), len(header), b"BlbE")
        slots += struct.pack("<4s3L", b"Slot", number, block, len(blob) // _BLOCK)
        blobs += blob
        block += len(blob) // _BLOCK
    while len(slots) < _PAGE - 32:
        slots += struct.pack("<4s3L", b"Slot", 0, 0, 0)
    return struct.pack("<4s4L12x", b"RpmP", 0, 1, 1, len(headers) + 1) + slots + blobs
