"""Native code of an image, read once for all rules that look at it."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from slimmer.image.elf_file import MAGIC, SMALLEST, ElfFile
from slimmer.keep.analyzer import Kept
from slimmer.keep.ecosystems import code_suffixes
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding
from slimmer.keep.native.code_file import CodeFile, read_code
from slimmer.sandbox.sandbox import Job

SIZE_LIMIT = 200 << 20
"""Bytes of a file that is still looked into: Node's program has 100 MB, a JVM's library 25."""

_PORTION = 1 << 24
"""Bytes of files that are handed over together."""

_SHARE = 1 << 27
"""Bytes for which another child is worth its start: reading them takes no longer than moving them."""

_LIBRARY_MARKS = (".so", ".node", ".sl")
_DATA = frozenset(
    [
        ".json",
        ".md",
        ".txt",
        ".html",
        ".css",
        ".go",
        ".c",
        ".h",
        ".png",
        ".jpg",
        ".jpeg",
        ".gif",
        ".svg",
        ".ico",
        ".woff",
        ".woff2",
        ".ttf",
        ".pdf",
        ".xml",
        ".yml",
        ".yaml",
        ".toml",
        ".ini",
        ".conf",
        ".cfg",
        ".gz",
        ".xz",
        ".zip",
        ".csv",
    ]
)
"""Suffixes of what is never native code, besides those of languages, though whole images have every file executable."""


@dataclass(frozen=True, slots=True)
class Code:
    """An ELF file of the image, by its real path. `mentions` are those of the reader's phrases that it contains."""

    path: str
    elf: ElfFile
    mentions: frozenset[str] = frozenset()


class CodeFollow(Protocol):
    """A rule about native code: it is given the ELF files that are in use now, and all paths that are (links left out)."""

    def __call__(self, codes: Sequence[Code], added: Sequence[str], kept: Kept) -> Iterable[Finding]: ...


def read_one(image: ImageView, path: str, limit: int) -> bytes:
    """The content of one file, links followed; b"" where there is none, or more than `limit` bytes of it."""
    entry = image.end(path)
    if entry is None or not entry.is_file or entry.size > limit:
        return b""
    return dict(image.read([entry.path]))[entry.path] or b""  # all of the answer, or the next one begins inside it


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
    """Reads ELF files, each once, and looks for `phrases` in those that speak for themselves (slimmer.keep.native.code_file)."""

    def __init__(self, image: ImageView, phrases: Iterable[str] = (), users: Iterable[str] = ()) -> None:
        self._image = image
        self._arguments = (tuple(phrases), sorted(users))
        self._known: dict[str, Code | None] = {}

    def may_be_code(self, path: str) -> bool:
        """Return True if a real path's name, mode and size allow native code: libraries need no x bit, programs do."""
        entry = self._image.tree.get(path)
        if entry is None or not entry.is_file or not SMALLEST <= entry.size <= SIZE_LIMIT:
            return False
        name = posixpath.basename(path)
        suffix = posixpath.splitext(name)[1].lower()
        if suffix in _DATA or (suffix in code_suffixes() and suffix not in _LIBRARY_MARKS):
            return False
        return self._image.is_executable(path) or any(mark in name for mark in _LIBRARY_MARKS)

    def read(self, paths: Iterable[str]) -> Mapping[str, Code]:
        """The ELF files among these real paths. One round trip for those that were not asked for before."""
        wanted = list(dict.fromkeys(paths))
        unread = [path for path in wanted if path not in self._known]
        may_be = [path for path in unread if self.may_be_code(path)]
        self._known.update(dict.fromkeys(unread))
        if may_be:
            for jobs in self._jobs(may_be):
                files = self._image.sandbox.facts(read_code, CodeFile, jobs, share=_SHARE)
                for job, file in zip(jobs, files, strict=True):
                    if file is not None and file.is_elf:
                        self._known[job.path] = Code(job.path, file.elf, file.mentions)
        found = ((path, self._known[path]) for path in wanted)
        return {path: code for path, code in found if code is not None}

    def _jobs(self, paths: Sequence[str]) -> Iterator[list[Job]]:
        """The files that begin as ELF files do, in groups whose contents may be held in memory."""
        jobs: list[Job] = []
        size = 0
        for path, pieces in self._image.stream(paths):
            content = whole_if(MAGIC, pieces or ())
            if not content:
                continue
            jobs.append(Job(path, content, self._arguments))
            size += len(content)
            if size >= _PORTION:
                yield jobs
                jobs, size = [], 0
        if jobs:
            yield jobs
