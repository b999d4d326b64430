"""A native code file as the sandbox reads it: what the loader would read, and the phrases that it contains."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from slimmer.image.elf_file import ElfFile, parse_elf
from slimmer.sandbox.readers import reader

_NO_ELF = ElfFile(0, 0, True)


@dataclass(frozen=True, slots=True)
class CodeFile:
    """One file. `is_elf` is false if it is not an ELF file, or too broken for any loader."""

    is_elf: bool = False
    elf: ElfFile = _NO_ELF
    mentions: frozenset[str] = frozenset()


@reader
def read_code(content: bytes, phrases: Sequence[str], users: Sequence[str]) -> CodeFile:
    """Read an ELF file, and look for `phrases` in programs, plug-ins, and libraries that import one of `users`.

    The phrases of other libraries say nothing about the programs that are linked with them.
    """
    elf = parse_elf(content)
    if elf is None:
        return CodeFile()
    if elf.is_shared_library and elf.imports.isdisjoint(users):
        return CodeFile(True, elf)
    return CodeFile(True, elf, frozenset(phrase for phrase in phrases if os.fsencode(phrase) in content))
