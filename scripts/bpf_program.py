"""Compile the BPF programs of the probe's recorder into probes/files/call_watcher.inc. Needs clang and llvm (Debian's packages).

The result is committed, so that nobody needs clang to build the probe. `--check` says if it is older than its sources.
"""

from __future__ import annotations

import hashlib
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

FILES = Path(__file__).resolve().parent.parent / "probes" / "files"
SOURCES = (FILES / "kernel" / "call_watcher.c", FILES / "call_record.h")
TARGET = FILES / "call_watcher.inc"
PROGRAMS = ("sys_exit", "sched_process_exec")
"""The sections, named after the tracepoints to which the programs are attached."""

COLUMNS = 5
RELOCATION = re.compile(r"^([0-9a-f]{16}) .* (map_[a-z]+)$", re.MULTILINE)


def digest() -> str:
    """Return the SHA-256 of the sources, which stands in the first line of the result."""
    return hashlib.sha256(b"".join(source.read_bytes() for source in SOURCES)).hexdigest()


def is_current() -> bool:
    """Return True if the committed programs were made from these sources."""
    return digest() in TARGET.read_text(encoding="utf-8").partition("\n")[0]


def run(*command: str | Path) -> str:
    """Run a tool and return its output."""
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout


def program(compiled: Path, name: str) -> str:
    """Return the C text of one program: its instructions, and which of them name a map."""
    with tempfile.TemporaryDirectory() as scratch:
        section = Path(scratch) / "section"
        run("llvm-objcopy", "-O", "binary", f"--only-section={name}", compiled, section)
        words = [word for (word,) in struct.iter_unpack("<Q", section.read_bytes())]
    listing = run("llvm-readelf", "-r", "--wide", compiled).partition(f"'.rel{name}'")[2].partition("\nRelocation")[0]
    places = [(int(offset, 16) // 8, symbol.upper()) for offset, symbol in RELOCATION.findall(listing)]
    code = (", ".join(f"0x{word:x}" for word in words[i : i + COLUMNS]) for i in range(0, len(words), COLUMNS))
    maps = ", ".join(f"{{{place}, {symbol}}}" for place, symbol in places)
    return (
        f"static const uint64_t {name}_code[] = {{\n" + "".join(f"    {line},\n" for line in code) + "};\n"
        f"static const struct map_use {name}_maps[] = {{{maps}}};\n"
    )


def main() -> int:
    """Compile, or check."""
    if sys.argv[1:] == ["--check"]:
        if not is_current():
            print(f"{TARGET.name} is older than its sources. Run: python scripts/bpf_program.py", file=sys.stderr)
        return 0 if is_current() else 1
    with tempfile.TemporaryDirectory() as scratch:
        compiled = Path(scratch) / "programs.o"
        multiarch = run("clang", "-print-multiarch").strip() or "x86_64-linux-gnu"
        options = ("-O2", "-target", "bpf", "-mcpu=v2", "-Wall", "-Werror", f"-I/usr/include/{multiarch}")
        run("clang", *options, "-c", SOURCES[0], "-o", compiled)
        text = "".join(program(compiled, name) for name in PROGRAMS)
    TARGET.write_text(f"/* Made by scripts/bpf_program.py from sources {digest()}. */\n{text}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
