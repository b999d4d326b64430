"""ELF files for tests: real ones from the C compiler, and small ones of any class and byte order, written by hand."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

BASE = 0x1000


def compile_c(folder: Path, source: str, *options: str, name: str = "made") -> bytes:
    """The content of what the C compiler makes of `source`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.c").write_text(source)
    command = ["gcc", "-O1", f"{name}.c", "-o", name, *options]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    return (folder / name).read_bytes()


def library(folder: Path, soname: str, *options: str, source: str = "int one(void){return 1;}") -> bytes:
    """A shared library that needs no C library."""
    flags = ["-shared", "-fPIC", "-nostdlib", *([f"-Wl,-soname,{soname}"] if soname else [])]
    return compile_c(folder, source, *flags, *options, name=soname or "plugin")


def make_elf(bits: int = 64, order: str = "<", machine: int = 62, **texts: list[str]) -> bytes:
    """A shared object whose dynamic segment has these strings: needed=…, soname=…, rpath=…, runpath=…, auxiliary=…"""
    tags = {"needed": 1, "soname": 14, "rpath": 15, "runpath": 29, "auxiliary": 0x7FFFFFFD}
    strings, entries = b"\0", []
    for kind, values in texts.items():
        for value in values:
            entries.append((tags[kind], len(strings)))
            strings += value.encode() + b"\0"
    word = "Q" if bits == 64 else "I"
    header_size, segment_size = (64, 56) if bits == 64 else (52, 32)
    dynamic_at = header_size + 2 * segment_size
    size = (len(entries) + 2) * (bits // 4)
    strings_at = dynamic_at + size
    entries += [(5, BASE + strings_at), (0, 0)]
    dynamic = b"".join(struct.pack(order + 2 * word, *entry) for entry in entries)
    total = strings_at + len(strings)
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    fields = (3, machine, 1, 0, header_size, 0, 0, header_size, segment_size, 2, 0, 0, 0)
    header = ident + struct.pack(f"{order}HHI{word}{word}{word}IHHHHHH", *fields)
    segments = _segment(bits, order, 1, 0, BASE, total) + _segment(bits, order, 2, dynamic_at, BASE + dynamic_at, size)
    return header + segments + dynamic + strings


def _segment(bits: int, order: str, kind: int, offset: int, address: int, size: int) -> bytes:
    if bits == 64:
        return struct.pack(order + "IIQQQQQQ", kind, 4, offset, address, address, size, size, 8)
    return struct.pack(order + "IIIIIIII", kind, offset, address, address, size, size, 4, 4)
