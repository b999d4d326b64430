"""Reads the native code of an image, once for all rules that look at it."""

from __future__ import annotations

import hashlib
import io
import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from slimmer.image.elf_file import MAGIC, SMALLEST, ElfFile
from slimmer.keep.analyzer import Kept
from slimmer.keep.ecosystems import code_suffixes
from slimmer.keep.image_view import ImageView, suffix_of
from slimmer.keep.keepset import Finding
from slimmer.keep.native.code_file import VERSION, CodeFile, Place, read_code
from slimmer.sandbox.facts import dump_facts, load_facts
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


_OTHER = dump_facts(CodeFile())
"""The facts of a file that is not native code."""


@dataclass(frozen=True, slots=True)
class Code:
    """An ELF file of the image, by its real path. `mentions` are the reader's phrases that it contains, `places` those of OpenSSL."""

    path: str
    elf: ElfFile
    mentions: frozenset[str] = frozenset()
    places: tuple[Place, ...] = ()


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
    """Reads ELF files, each once, and looks for `phrases` in those that count (slimmer.keep.native.code_file).

    Native code is large, and to hash it would mean to read it. So its facts are cached by the image's ID, which stands for all contents.
    """

    def __init__(self, image: ImageView, phrases: Iterable[str] = (), users: Iterable[str] = ()) -> None:
        self._image = image
        self._arguments = (tuple(phrases), sorted(users))
        self._settings = hashlib.sha256(json.dumps([VERSION, *self._arguments]).encode()).hexdigest()
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
        facts = self._cached(may_be)
        facts |= self._worked_out([path for path in may_be if path not in facts])
        for path, file in facts.items():
            if file.is_elf:
                self._known[path] = Code(path, file.elf, file.mentions, file.places)
        found = ((path, self._known[path]) for path in wanted)
        return {path: code for path, code in found if code is not None}

    def _cached(self, paths: Sequence[str]) -> dict[str, CodeFile]:
        """Return the facts of files that an earlier run has read."""
        keys = {path: self._key(path) for path in paths}
        values = self._image.cache.get(keys.values())
        found = ((path, load_facts(CodeFile, values[key])) for path, key in keys.items() if key in values)
        return {path: file for path, file in found if file is not None}

    def _worked_out(self, paths: Sequence[str]) -> dict[str, CodeFile]:
        """Read files, and cache their facts. Those that cannot be read are left out."""
        found: dict[str, CodeFile] = {}
        for jobs, others in self._jobs(paths) if paths else ():
            texts = dict.fromkeys(others, _OTHER)
            answers = self._image.sandbox.read(read_code, jobs, share=_SHARE)
            texts |= {job.path: text for job, text in zip(jobs, answers, strict=True) if text is not None}
            files = {path: load_facts(CodeFile, text) for path, text in texts.items()}
            for path, file in files.items():
                if file is None:
                    self._image.sandbox.note(path, "its reader gave an invalid answer")
                else:
                    found[path] = file
            self._image.cache.put({self._key(path): texts[path] for path in texts if path in found})
        return found

    def _key(self, path: str) -> str:
        """Return the cache key of a file. It holds the metadata, too, in case that something else than an engine gave the image its ID."""
        entry = self._image.tree.get(path)
        name = json.dumps(
            [self._image.config.image_id, path, entry and (entry.size, entry.mtime, entry.ctime, entry.inode)]
        )
        return f"code-{self._settings}:{hashlib.sha256(name.encode()).hexdigest()}"

    def _jobs(self, paths: Sequence[str]) -> Iterator[tuple[list[Job], list[str]]]:
        """Yield the files that begin like ELF files, in groups that fit into memory, each with the paths of other files."""
        jobs: list[Job] = []
        others: list[str] = []
        size = 0
        for path, pieces in self._image.stream(paths):
            content = whole_if(MAGIC, pieces or ())
            if not content:
                others += [path] if pieces is not None else []
                continue
            jobs.append(Job(path, content, self._arguments))
            size += len(content)
            if size >= _BATCH:
                yield jobs, others
                jobs, others, size = [], [], 0
        if jobs or others:
            yield jobs, others
