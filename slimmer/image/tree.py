"""The pristine tree: every path of an image, as an immutable index that stays small.

An image may hold 300,000 paths; as objects they would take hundreds of megabytes. The tree keeps the probe's index as it
came (docs/probe-protocol.md, "Serve": four NUL-terminated fields an entry) and an array of offsets, sorted in the order
of a walk; an `Entry` is made when somebody asks for it. Sorting key: the path with "/" replaced by NUL, which no name can
hold, so that a directory is followed at once by all that lies below it.
"""

from __future__ import annotations

import os
import posixpath
import stat
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from slimmer.errors import ObservationIncomplete

LINK_LIMIT = 40
"""The kernel gives up after so many symbolic links on the way (path_resolution(7))."""

CACHED_ENTRIES = 16384
"""Walks ask for the same directories again and again; more would cost memory and save nothing."""

_FIELDS = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of an image. `mode` has the type bits; times are seconds and nanoseconds; xattrs are (name, value) pairs."""

    path: str
    mode: int
    uid: int
    gid: int
    size: int
    mtime: tuple[int, int]
    links: int
    inode: int
    ctime: int
    device: tuple[int, int]
    target: str
    xattrs: tuple[tuple[str, bytes], ...]

    @property
    def is_directory(self) -> bool:
        """Whether this is a directory (not a link to one)."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether this is a symbolic link."""
        return stat.S_ISLNK(self.mode)

    @property
    def is_file(self) -> bool:
        """Whether this is a regular file."""
        return stat.S_ISREG(self.mode)


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a walk met: the links and directories on the way and, when it exists, the end (a real path, not a link)."""

    way: tuple[str, ...]
    end: str | None


class Tree:
    """An image's paths, by name. `blob` is the probe's index."""

    def __init__(self, blob: bytes | bytearray, without: Iterable[str] = ()) -> None:
        """Index `blob`, leaving out the paths in `without` (not what lies below them)."""
        self._blob = blob
        self._offsets = _sorted_offsets(blob)
        self.get = lru_cache(maxsize=CACHED_ENTRIES)(self._get)
        unwanted = {_key(os.fsencode(path)) for path in without}
        if unwanted:
            kept = (offset for offset in self._offsets if self._key_at(offset) not in unwanted)
            self._offsets = array("Q", kept)

    def __len__(self) -> int:
        return len(self._offsets)

    def __iter__(self) -> Iterator[Entry]:
        return (_entry(self._blob, offset) for offset in self._offsets)

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self.get(path) is not None

    def records(self) -> Iterator[bytes]:
        """The index, an entry at a time, as the probe wrote it: joined, it makes an equal tree."""
        for offset in self._offsets:
            end = offset
            for _ in range(_FIELDS):
                end = self._blob.index(b"\0", end) + 1
            yield bytes(self._blob[offset:end])

    def _get(self, path: str) -> Entry | None:
        """The entry at exactly this path (no link is followed), or None."""
        key = _key(os.fsencode(path))
        position = self._position(key)
        if position < len(self._offsets) and self._key_at(self._offsets[position]) == key:
            return _entry(self._blob, self._offsets[position])
        return None

    def below(self, path: str) -> Iterator[Entry]:
        """All that lies under a directory, at any depth, in the order of a walk; not the directory itself."""
        prefix = _key(os.fsencode(path)).rstrip(b"\0") + b"\0"
        for position in range(self._position(prefix), len(self._offsets)):
            offset = self._offsets[position]
            key = self._key_at(offset)
            if not key.startswith(prefix):
                return
            if key != prefix:
                yield _entry(self._blob, offset)

    def children(self, path: str) -> Iterator[Entry]:
        """The entries of a directory, sorted; skips over what lies deeper without reading it."""
        prefix = _key(os.fsencode(path)).rstrip(b"\0") + b"\0"
        position = self._position(prefix)
        if position < len(self._offsets) and self._key_at(self._offsets[position]) == prefix:
            position += 1  # the root itself
        while position < len(self._offsets):
            offset = self._offsets[position]
            key = self._key_at(offset)
            if not key.startswith(prefix):
                return
            yield _entry(self._blob, offset)
            # "\1" sorts after the NUL of everything below this child and before any sibling
            position = self._position(key + b"\1", position + 1)

    def links(self) -> Iterator[Entry]:
        """All symbolic links."""
        for offset in self._offsets:
            if _is_link(self._blob, offset):
                yield _entry(self._blob, offset)

    def resolve(self, path: str) -> Resolution:
        """Walk `path` as the kernel does (path_resolution(7)): every link and directory on the way, and where it ends.

        The way holds each link and each directory that was passed, without the end itself; it is complete up to the
        point where something was missing, looped, or was no directory.
        """
        way: dict[str, None] = {}
        pending = [part for part in reversed(path.split("/")) if part]
        current, followed = "/", 0
        while pending:
            name = pending.pop()
            if name == ".":
                continue
            if name == "..":
                way[current] = None
                current = posixpath.dirname(current)
                continue
            way[current] = None
            step = posixpath.join(current, name)
            entry = self.get(step)
            if entry is None or (pending and not entry.is_link and not entry.is_directory):
                return Resolution(tuple(way), None)
            if not entry.is_link:
                current = step
                continue
            way[step] = None
            followed += 1
            if followed > LINK_LIMIT or not entry.target:
                return Resolution(tuple(way), None)
            pending.extend(part for part in reversed(entry.target.split("/")) if part)
            if entry.target.startswith("/"):
                current = "/"
        way.pop(current, None)
        return Resolution(tuple(way), current if self.get(current) is not None else None)

    def _position(self, key: bytes, low: int = 0) -> int:
        return bisect_left(self._offsets, key, lo=low, key=self._key_at)

    def _key_at(self, offset: int) -> bytes:
        start = self._blob.index(b"\0", offset) + 1
        return _key(self._blob[start : self._blob.index(b"\0", start)])


def _key(path: bytes | bytearray) -> bytes:
    return bytes(path).replace(b"/", b"\0")


def _sorted_offsets(blob: bytes | bytearray) -> array[int]:
    """Where each entry begins, in the order of a walk. Raises ObservationIncomplete when the index is cut short."""
    offsets = array("Q")
    position, ordered, last = 0, True, b""
    while position < len(blob):
        offsets.append(position)
        path_start = blob.find(b"\0", position) + 1
        end = path_start
        for _ in range(_FIELDS - 1):
            end = blob.find(b"\0", end) + 1
            if end == 0 or path_start == 0:
                raise ObservationIncomplete("the index of the image's files is cut short")
        key = _key(blob[path_start : blob.find(b"\0", path_start)])
        ordered = ordered and last <= key
        last, position = key, end
    if ordered:
        return offsets

    def key_at(offset: int) -> bytes:
        start = blob.index(b"\0", offset) + 1
        return _key(blob[start : blob.index(b"\0", start)])

    return array("Q", sorted(offsets, key=key_at))


def _is_link(blob: bytes | bytearray, offset: int) -> bool:
    return blob.startswith(b"120", offset)


def _entry(blob: bytes | bytearray, offset: int) -> Entry:
    head_end = blob.index(b"\0", offset)
    path_end = blob.index(b"\0", head_end + 1)
    target_end = blob.index(b"\0", path_end + 1)
    xattrs_end = blob.index(b"\0", target_end + 1)
    mode, *numbers = blob[offset:head_end].split(b" ")
    uid, gid, size, seconds, nanoseconds, links, inode, ctime, major, minor = map(int, numbers)
    return Entry(
        path=os.fsdecode(bytes(blob[head_end + 1 : path_end])),
        mode=int(mode, 8),
        uid=uid,
        gid=gid,
        size=size,
        mtime=(seconds, nanoseconds),
        links=links,
        inode=inode,
        ctime=ctime,
        device=(major, minor),
        target=os.fsdecode(bytes(blob[path_end + 1 : target_end])),
        xattrs=_xattrs(bytes(blob[target_end + 1 : xattrs_end])),
    )


def _xattrs(field: bytes) -> tuple[tuple[str, bytes], ...]:
    pairs = (word.partition(b"=") for word in field.split())
    return tuple(sorted((os.fsdecode(bytes.fromhex(n.decode())), bytes.fromhex(v.decode())) for n, _, v in pairs))
