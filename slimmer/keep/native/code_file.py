"""A native code file as the sandbox reads it: what the loader would read, and the phrases that it contains."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from slimmer.image.elf_file import ElfFile, parse_elf
from slimmer.sandbox.readers import reader

VERSION = 2
"""Raise it when `read_code` returns something else for the same file: its facts are cached."""

OPENSSL_DIRECTORY = "OPENSSLDIR: "
"""A mark of OpenSSL's code, also in programs that are linked with it statically."""

_NO_ELF = ElfFile(0, 0, True)
_PLACE = re.compile(rb'(OPENSSLDIR|MODULESDIR): "(/[^"\0]{0,1024})"')
_PLACES = 8


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that is compiled into OpenSSL's code. `key` is OPENSSLDIR or MODULESDIR."""

    key: str
    folder: str


@dataclass(frozen=True, slots=True)
class CodeFile:
    """One file. `is_elf` is false if it is not an ELF file, or too broken for any loader. `places` are read only of OpenSSL's code."""

    is_elf: bool = False
    elf: ElfFile = _NO_ELF
    mentions: frozenset[str] = frozenset()
    places: tuple[Place, ...] = ()


@reader
def read_code(content: bytes, phrases: Sequence[str], users: Sequence[str]) -> CodeFile:
    """Read an ELF file, and look for `phrases` in programs, plug-ins, and libraries that import one of `users`.

    The phrases of other libraries say nothing about the programs that are linked with them.
    """
    elf = parse_elf(content)
    if elf is None:
        return CodeFile()
    mentions = frozenset[str]()
    if not elf.is_shared_library or not elf.imports.isdisjoint(users):
        mentions = frozenset(phrase for phrase in phrases if os.fsencode(phrase) in content)
    is_openssl = elf.soname.startswith("libcrypto") or OPENSSL_DIRECTORY in mentions
    return CodeFile(True, elf, mentions, tuple(_places(content)) if is_openssl else ())


def _places(content: bytes) -> Iterator[Place]:
    for match in islice(_PLACE.finditer(content), _PLACES):
        yield Place(match[1].decode(), os.fsdecode(match[2]))
