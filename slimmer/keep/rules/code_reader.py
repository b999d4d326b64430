"""Native code of an image, read once for all rules that look at it."""

from __future__ import annotations

import io
import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from slimmer.image.elf_file import MAGIC, SMALLEST, ElfFile, parse_elf
from slimmer.keep.context import Context, Kept
from slimmer.keep.keepset import Finding

SIZE_LIMIT = 200 << 20
"""Bytes of a file that is still looked into: Node's program has 100 MB, a JVM's library 25."""

_LIBRARY_MARKS = (".so", ".node", ".sl")
_OTHER_SUFFIXES = (
    ".py .pyc .pyi .js .mjs .cjs .ts .json .map .md .txt .html .css .sh .bash .pl .pm .rb .php .java .jar .class .go .c .h"
    " .png .jpg .jpeg .gif .svg .ico .woff .woff2 .ttf .pdf .xml .yml .yaml .toml .ini .conf .cfg .gz .xz .zip .csv"
)
_NO_CODE = frozenset(_OTHER_SUFFIXES.split())
"""Suffixes of what is never native code, though whole images have every file executable."""


@dataclass(frozen=True, slots=True)
class Code:
    """An ELF file of the image, by its real path. `mentions` are those of the reader's phrases that it contains."""

    path: str
    elf: ElfFile
    mentions: frozenset[str] = frozenset()


class CodeFollow(Protocol):
    """A rule about native code: it is given the ELF files that are in use now, and all paths that are (links left out)."""

    def __call__(self, codes: Sequence[Code], fresh: Sequence[str], kept: Kept) -> Iterable[Finding]: ...


def read_one(context: Context, path: str, limit: int) -> bytes:
    """The content of one file, links followed; b"" where there is none, or more than `limit` bytes of it."""
    entry = context.tree.get(context.tree.resolve(path).end or "")
    if entry is None or not entry.is_file or entry.size > limit:
        return b""
    return dict(context.read([entry.path]))[entry.path] or b""  # all of the answer, or the next one begins inside it


def whole_if(start: bytes, pieces: Iterable[bytes]) -> bytes:
    """The content that comes in pieces, as far as it begins so; b"" as soon as it does not. Holds it once."""
    rest, head = iter(pieces), b""
    while len(head) < len(start) and (piece := next(rest, b"")):
        head += piece
    if not head.startswith(start):
        return b""
    content = io.BytesIO()
    content.write(head)
    for piece in rest:
        content.write(piece)
    return content.getvalue()


class CodeReader:
    """Reads ELF files, each once, and looks for `phrases` in those that speak for themselves.

    These are programs, plug-ins and whatever imports one of `users`; any other library's phrases say nothing about those
    who are linked with it.
    """

    def __init__(self, context: Context, phrases: Iterable[str] = (), users: Iterable[str] = ()) -> None:
        self._context = context
        self._phrases = tuple((phrase, os.fsencode(phrase)) for phrase in phrases)
        self._users = frozenset(users)
        self._known: dict[str, Code | None] = {}

    def may_be_code(self, path: str) -> bool:
        """Whether a real path's name, mode and size allow native code: libraries need no x bit, programs do."""
        entry = self._context.tree.get(path)
        if entry is None or not entry.is_file or not SMALLEST <= entry.size <= SIZE_LIMIT:
            return False
        name = posixpath.basename(path)
        if posixpath.splitext(name)[1].lower() in _NO_CODE:
            return False
        return bool(entry.mode & 0o111) or any(mark in name for mark in _LIBRARY_MARKS)

    def read(self, paths: Iterable[str]) -> Mapping[str, Code]:
        """The ELF files among these real paths. One round trip for those that were not asked for before."""
        wanted = list(dict.fromkeys(paths))
        unread = [path for path in wanted if path not in self._known]
        may_be = [path for path in unread if self.may_be_code(path)]
        self._known.update(dict.fromkeys(unread))
        if may_be:
            for path, pieces in self._context.stream(may_be):
                content = whole_if(MAGIC, pieces or ())
                elf = parse_elf(content) if content else None
                if elf is not None:
                    self._known[path] = Code(path, elf, self._mentions(elf, content))
        found = ((path, self._known[path]) for path in wanted)
        return {path: code for path, code in found if code is not None}

    def _mentions(self, elf: ElfFile, content: bytes) -> frozenset[str]:
        if elf.is_shared_library and elf.imports.isdisjoint(self._users):
            return frozenset()
        return frozenset(text for text, phrase in self._phrases if phrase in content)
