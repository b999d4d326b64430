"""The pristine tree: every path of an image, as a small immutable view.

The paths stay in the probe's index (slimmer.image.path_index). An `Entry` is made on demand.
"""

from __future__ import annotations

import os
import posixpath
import stat
import sys
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property, lru_cache
from typing import NamedTuple

from slimmer.image.path_index import PathIndex

LINK_LIMIT = 40
"""The kernel follows at most this many symbolic links (path_resolution(7))."""

_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()

CACHED_ENTRIES = 16384
CACHED_FOLDERS = 4096
CACHED_LISTINGS = 16
"""Rules look up the same directories again and again. Larger caches would cost memory and save nothing."""


def _encoded(path: str) -> bytes:
    """Do what os.fsencode does, in a third of the time."""
    return path.encode(_ENCODING, _ERRORS)


def _decoded(path: bytes) -> str:
    """Do what os.fsdecode does, in a third of the time."""
    return path.decode(_ENCODING, _ERRORS)


class Entry(NamedTuple):
    """One path of an image. `mode` includes the type bits. Times are (seconds, nanoseconds), xattrs (name, value) pairs."""

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
        """True for a directory (not for a link to one)."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """True for a symbolic link."""
        return stat.S_ISLNK(self.mode)

    @property
    def is_file(self) -> bool:
        """True for a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_setid(self) -> bool:
        """True if a program runs with the rights of its owner or group: setuid or setgid (execve(2))."""
        return bool(self.mode & (stat.S_ISUID | stat.S_ISGID))

    @property
    def is_plain_program(self) -> bool:
        """True for a regular file that somebody may execute, with no more rights than its user's."""
        return self.is_file and bool(self.mode & 0o111) and not self.is_setid


class Resolution(NamedTuple):
    """The result of a walk: the links and directories on the way, and the end (a real path, not a link) if it exists."""

    way: tuple[str, ...]
    end: str | None


class _Walk(NamedTuple):
    """The state of a walk: links and directories passed, the current directory, the number of links followed, and if it is stuck."""

    way: tuple[str, ...]
    current: str
    followed: int
    stuck: bool


_START = _Walk((), "/", 0, False)


def content_size(entries: Iterable[Entry]) -> int:
    """Return the bytes of regular files among these entries of one image. A file with several names counts once, and holes count."""
    linked: set[int] = set()
    total = 0
    for entry in entries:
        if entry.is_file and entry.inode not in linked:
            total += entry.size
            linked.update([entry.inode] if entry.links > 1 else [])
    return total


class Tree:
    """An image's entries by path. `index` is the probe's index, or a part of one."""

    def __init__(self, index: bytes | bytearray | PathIndex) -> None:
        """Raise ObservationIncomplete if the index is cut short, or not as the probe writes it."""
        self._index = index if isinstance(index, PathIndex) else PathIndex(index)
        self.get = lru_cache(maxsize=CACHED_ENTRIES)(self._get)
        self._resolved = lru_cache(maxsize=CACHED_ENTRIES)(self._resolve)
        self.file_names = lru_cache(maxsize=CACHED_LISTINGS)(self._file_names)
        self._enter = lru_cache(maxsize=CACHED_FOLDERS)(self._walk_into)
        self._followed: dict[str, _Walk] = {}

    def without(self, paths: Iterable[str]) -> Tree:
        """Return this tree without these paths. What is below them stays."""
        found = (self._index.find(os.fsencode(path)) for path in paths)
        return Tree(self._index.without(frozenset(offset for offset in found if offset is not None)))

    def __len__(self) -> int:
        return len(self._index.offsets)

    @cached_property
    def content_size(self) -> int:
        """The image's size, unpacked: the bytes of its regular files. A file with several names counts once, and holes count."""
        return self._index.content_size()

    def __iter__(self) -> Iterator[Entry]:
        return map(self._entry, self._index.offsets)

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self._index.find(_encoded(path)) is not None

    @property
    def listed_only(self) -> tuple[str, ...]:
        """Paths that a directory lists but that cannot be looked up. They are not in the tree, and cannot be in any image."""
        return tuple(map(os.fsdecode, self._index.listed_only))

    def number(self, path: bytes) -> int | None:
        """Return a number that identifies a path in this tree; None for a directory or a missing path."""
        offset = self._index.find(path)
        return None if offset is None or self._index.is_directory(offset) else offset

    def place(self, path: bytes) -> int | None:
        """Return what `number` returns, also for a directory; None for a missing path."""
        return self._index.find(path)

    def numbered(self, number: int) -> str:
        """Return the path with this number or place."""
        return os.fsdecode(self._index.path_at(number))

    def records(self) -> Iterator[bytes]:
        """Yield the index, one entry at a time, as the probe wrote it. Joined, the entries make an equal tree."""
        return self._index.records()

    def below(self, path: str) -> Iterator[Entry]:
        """Yield everything below a directory, at any depth, in walk order, without the directory itself."""
        index = self._index
        first, end = index.range_below(os.fsencode(path.rstrip("/") or "/"))
        for position in range(first, end):
            yield self._entry(index.offsets[position])

    def children(self, path: str) -> Iterator[Entry]:
        """Yield the entries of a directory, sorted. Deeper entries are skipped without being read."""
        index = self._index
        position, end = index.range_below(os.fsencode(path.rstrip("/") or "/"))
        while position < end:
            yield self._entry(index.offsets[position])
            position = index.position_behind(position)

    def _file_names(self, path: str) -> tuple[str, ...]:
        """Return the sorted names of the regular files in a directory, for callers with many questions about it."""
        return tuple(sorted(posixpath.basename(entry.path) for entry in self.children(path) if entry.is_file))

    def files_named(self, suffixes: Collection[str]) -> Iterator[str]:
        """Yield the paths of the regular files with one of these suffixes (lower case, with the dot), in walk order.

        Their entries are not read. A suffix of the image may be in any case.
        """
        index, ends = self._index, tuple(suffix.encode("ascii") for suffix in suffixes)
        found = (index.path_at(offset) for offset in index.offsets if index.is_file(offset))
        paths = (_decoded(path) for path in found if path.lower().endswith(ends))
        return (path for path in paths if posixpath.splitext(path)[1].lower() in suffixes)

    def directories(self) -> Iterator[str]:
        """Yield the paths of all directories, in walk order, without reading their entries."""
        index = self._index
        return (_decoded(index.path_at(offset)) for offset in index.offsets if index.is_directory(offset))

    def links(self) -> Iterator[Entry]:
        """Yield all symbolic links."""
        return (self._entry(offset) for offset in self._index.offsets if self._index.is_link(offset))

    def resolve(self, path: str) -> Resolution:
        """Walk `path` as the kernel does (path_resolution(7)). Return every link and directory on the way, and the end.

        The way does not include the end itself. If something is missing, loops or is not a directory, the way is complete up to
        that point.
        """
        return self._resolved(path)

    def _resolve(self, path: str) -> Resolution:
        folder, _, name = path.rstrip("/").rpartition("/")
        walk = self._enter(folder)
        if not walk.stuck and name:
            walk = self._step(walk, name)
        if walk.stuck:
            return Resolution(walk.way, None)
        end = path if walk.current == path else walk.current  # one string object per path
        way = tuple(step for step in walk.way if step != end) if end in walk.way else walk.way
        return Resolution(way, end if end in self else None)

    def is_file(self, path: str) -> bool:
        """Return True if a path leads to a regular file, links followed."""
        entry = self.get(path)
        if entry is None or entry.is_link:
            end = self.resolve(path).end
            entry = self.get(end) if end is not None else None
        return entry is not None and entry.is_file

    def _step(self, walk: _Walk, name: str) -> _Walk:
        """Continue with one name, as `_walk` does. Most names are no links, and need less work."""
        step = f"{walk.current}/{name}" if walk.current != "/" else f"/{name}"
        offset = self._index.find(_encoded(step))
        if name in (".", "..") or (offset is not None and self._index.is_link(offset)):
            return self._walk(walk, [name])
        way = walk.way if walk.current in walk.way else (*walk.way, walk.current)
        return _Walk(way, walk.current if offset is None else step, walk.followed, offset is None)

    def _walk_into(self, folder: str) -> _Walk:
        """Walk to a directory. If it is anything else, the walk is stuck, like the kernel at "file/."."""
        return self._walk(_START, [*reversed(folder.split("/"))], entering=True)

    def _walk(self, walk: _Walk, pending: list[str], *, entering: bool = False) -> _Walk:
        """Continue with the names in `pending`, the next one last. `entering`: more names will follow."""
        way, (current, followed) = dict.fromkeys(walk.way), walk[1:3]
        while pending:
            name = pending.pop()
            if name in ("", "."):
                continue
            way[current] = None
            if name == "..":
                current = posixpath.dirname(current)
                continue
            step = f"{current}/{name}" if current != "/" else f"/{name}"
            offset = self._index.find(_encoded(step))
            if offset is None:
                return _Walk(tuple(way), current, followed, True)
            if not self._index.is_link(offset):
                if (pending or entering) and not self._index.is_directory(offset):
                    return _Walk(tuple(way), current, followed, True)
                current = step
                continue
            way[step] = None
            through = self._follow(step, offset, followed + 1)
            way |= dict.fromkeys(through.way)
            current, followed = through.current, through.followed
            if through.stuck or ((pending or entering) and not self._is_directory(current)):
                return _Walk(tuple(way), current, followed, True)
        return _Walk(tuple(way), current, followed, False)

    def _follow(self, link: str, offset: int, followed: int) -> _Walk:
        """Follow a link, which is number `followed` on the way. Results are cached: many links may lead to one that is costly."""
        known = self._followed.get(link)
        if known is not None and followed + known.followed <= LINK_LIMIT:
            return known._replace(followed=followed + known.followed)
        target = self._entry(offset).target
        start = _Walk((), "/" if target.startswith("/") else posixpath.dirname(link), followed, False)
        if followed > LINK_LIMIT or not target:
            return start._replace(stuck=True)
        found = self._walk(start, [*reversed(target.split("/"))])
        if found.followed <= LINK_LIMIT:
            if len(self._followed) >= CACHED_FOLDERS:
                self._followed.clear()
            self._followed[link] = found._replace(followed=found.followed - followed)
        return found

    def _is_directory(self, path: str) -> bool:
        offset = self._index.find(os.fsencode(path))
        return offset is not None and self._index.is_directory(offset)

    def _get(self, path: str) -> Entry | None:
        """Return the entry at exactly this path, without following links, or None."""
        offset = self._index.find(_encoded(path))
        return None if offset is None else self._entry(offset)

    def _entry(self, offset: int) -> Entry:
        head, path, target, xattrs = self._index.fields(offset)
        mode, *numbers = head.split(b" ")
        uid, gid, size, seconds, nanoseconds, links, inode, ctime, major, minor = map(int, numbers)
        return Entry(
            _decoded(path),
            int(mode, 8),
            uid,
            gid,
            size,
            (seconds, nanoseconds),
            links,
            inode,
            ctime,
            (major, minor),
            _decoded(target) if target else "",
            _xattrs(xattrs) if xattrs else (),
        )


def _xattrs(field: bytes) -> tuple[tuple[str, bytes], ...]:
    pairs = (word.partition(b"=") for word in field.split())
    return tuple(sorted((os.fsdecode(bytes.fromhex(n.decode())), bytes.fromhex(v.decode())) for n, _, v in pairs))
