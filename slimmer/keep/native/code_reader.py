"""Reads the native code of an image, once for all rules that look at it."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from slimmer.image.elf_file import MAGIC, SMALLEST, ElfFile
from slimmer.keep.analyzer import Kept
from slimmer.keep.ecosystems import code_suffixes
from slimmer.keep.image_view import ImageView, suffix_of
from slimmer.keep.keepset import Finding
from slimmer.keep.native.code_file import CodeFile, read_code
from slimmer.sandbox.sandbox import Job

SIZE_LIMIT = 200 << 20
"""The largest file that is read, in bytes. Node's program has 100 MB, a JVM's library 25 MB."""

_BATCH = 1 << 24
"""Bytes of files that go to the sandbox together."""

_SHARE = 1 << 27
"""Bytes of files that are worth starting another child for: reading a file takes no longer than sending it to the child."""

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
"""Suffixes of files that are never native code, besides those of languages. Some images have an x bit on every file."""


@dataclass(frozen=True, slots=True)
class Code:
    """An ELF file of the image, by its real path. `mentions` are the reader's phrases that it contains."""

    path: str
    elf: ElfFile
    mentions: frozenset[str] = frozenset()


class CodeFollow(Protocol):
    """A rule about native code. It gets the ELF files that are newly in use, and all paths that are (without links)."""

    def __call__(self, codes: Sequence[Code], added: Sequence[str], kept: Kept) -> Iterable[Finding]: ...


def read_one(image: ImageView, path: str, limit: int) -> bytes:
    """Return the content of one file, links followed; b"" if there is no such file, or if it has more than `limit` bytes."""
    entry = image.end(path)
    if entry is None or not entry.is_file or entry.size > limit:
        return b""
    return (
        dict(image.read([entry.path]))[entry.path] or b""
    )  # read to the end: the next answer follows on the same stream


def whole_if(start: bytes, pieces: Iterable[bytes]) -> bytes:
    """Join the pieces of a content that begins with `start`. Return b"" for other contents, as soon as their beginning shows.

    The content is held in memory once.
    """
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
    """Reads ELF files, each once, and looks for `phrases` in those that count (slimmer.keep.native.code_file)."""

    def __init__(self, image: ImageView, phrases: Iterable[str] = (), users: Iterable[str] = ()) -> None:
        self._image = image
        self._arguments = (tuple(phrases), sorted(users))
        self._known: dict[str, Code | None] = {}

    def may_be_code(self, path: str) -> bool:
        """Return True if the name, mode and size of a real path allow native code. Programs need an x bit, libraries do not."""
        entry = self._image.tree.get(path)
        if entry is None or not entry.is_file or not SMALLEST <= entry.size <= SIZE_LIMIT:
            return False
        name = posixpath.basename(path)
        suffix = suffix_of(name)
        if suffix in _DATA or (suffix in code_suffixes() and suffix not in _LIBRARY_MARKS):
            return False
        return self._image.is_executable(path) or any(mark in name for mark in _LIBRARY_MARKS)

    def read(self, paths: Iterable[str]) -> Mapping[str, Code]:
        """Return the ELF files among these real paths. Costs one round trip for those that were not read before."""
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
        """Yield the files that begin like ELF files, in groups that fit into memory."""
        jobs: list[Job] = []
        size = 0
        for path, pieces in self._image.stream(paths):
            content = whole_if(MAGIC, pieces or ())
            if not content:
                continue
            jobs.append(Job(path, content, self._arguments))
            size += len(content)
            if size >= _BATCH:
                yield jobs
                jobs, size = [], 0
        if jobs:
            yield jobs
