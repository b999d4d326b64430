"""Is every kept path in the slim image exactly what it was in the original?

Only this check is sure to find a wrong mode, a lost capability or a changed content: the app's behaviour may not show it for months.
It compares, path by path, the type, mode, owner, size, link target, extended attributes, device numbers, modification time and
SHA-256 of the content, and which paths share an inode.
"""

from __future__ import annotations

import hashlib
import stat
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from slimmer.image.engine_artifacts import Mtime
from slimmer.image.new_paths import LARGEST
from slimmer.image.tree import Entry, Tree

SHOWN_VALUE = 64
"""An extended attribute of at most this many bytes is shown in full. A capability has 20, an ACL of five entries 44."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between the slim image and the original: where, what, and both values in words.

    `detail` is only for the terminal. It quotes the app or a command, so it may hold secrets.
    """

    where: str
    what: str
    expected: str
    actual: str
    detail: str = field(default="", repr=False)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what} was {self.expected}, is {self.actual}"
        if self.detail.startswith(("- ", "+ ")):  # an excerpt (slimmer.verify.excerpt)
            return "\n    ".join([text, *self.detail.split("\n")])
        return f"{text}: {self.detail}" if self.detail else text


def compare_structure(
    original: Tree,
    slim: Tree,
    kept: Collection[str],
    mtime: Mtime,
    *,
    slim_mtime: Mtime | None = None,
    whole_seconds: bool,
    added: Mapping[str, Entry] | None = None,
) -> tuple[Difference, ...]:
    """Return all differences between the kept part of the original and the slim image, in the order of a walk.

    `added` has the entries that slimmer adds to a slim image by path, and what they must be.

    `mtime` and `slim_mtime` return an entry's time in the image itself; a container's tree may show another one.
    `whole_seconds`: compare times without nanoseconds, for builders that cannot carry them (docker build).
    """
    after, added = slim_mtime or _own_mtime, added or {}
    before = ((entry, mtime(entry)) for path in kept if (entry := original.get(path)) is not None)
    differences = list(_missing_and_changed(before, slim, after, whole_seconds))
    differences += _missing_and_changed(((entry, entry.mtime) for entry in added.values()), slim, after, whole_seconds)
    wanted = {*kept, *added}
    differences += [
        Difference(entry.path, "path", "absent", _kind(entry)) for entry in slim if entry.path not in wanted
    ]
    differences += _links_shared(original, slim, kept)
    return tuple(differences)


def files_to_hash(before: Tree, after: Tree, paths: Iterable[str]) -> tuple[list[str], tuple[Difference, ...]]:
    """Return the files whose contents must be compared, and a difference for each file that is too large for that.

    Files of different sizes are in neither: their sizes tell already.
    """
    files: list[str] = []
    too_large: list[Difference] = []
    for path in paths:
        first, second = before.get(path), after.get(path)
        if first is None or second is None or not (first.is_file and second.is_file) or first.size != second.size:
            continue
        if second.size <= LARGEST:
            files.append(path)
        else:
            too_large.append(Difference(path, "content", f"{first.size} bytes", "too large to be compared"))
    return files, tuple(too_large)


def compare_digests(expected: Mapping[str, str], actual: Iterable[tuple[str, str | None]]) -> tuple[Difference, ...]:
    """Return the differences between SHA-256 digests by path. None stands for a file that could not be read."""
    return tuple(
        Difference(
            path,
            "content",
            f"sha256:{expected[path][:16]}…",
            f"sha256:{digest[:16]}…" if digest else "unreadable",
        )
        for path, digest in actual
        if digest != expected[path]
    )


def _missing_and_changed(
    expected: Iterable[tuple[Entry, tuple[int, int]]], slim: Tree, slim_mtime: Mtime, whole_seconds: bool
) -> Iterator[Difference]:
    """Compare the expected entries, each with its modification time, with those of the slim image."""
    for before, mtime in expected:
        after = slim.get(before.path)
        if after is None:
            yield Difference(before.path, "path", _kind(before), "missing")
        else:
            yield from _changed(before, after)
            yield from _retimed(before.path, mtime, slim_mtime(after), whole_seconds)


def _own_mtime(entry: Entry) -> tuple[int, int]:
    return entry.mtime


def _changed(before: Entry, after: Entry) -> Iterator[Difference]:
    for what, expected, actual in _facts(before, after):
        if expected != actual:
            yield Difference(before.path, what, expected, actual)


def _retimed(path: str, before: tuple[int, int], after: tuple[int, int], whole_seconds: bool) -> Iterator[Difference]:
    digits = 1 if whole_seconds else 2
    if before[:digits] != after[:digits]:
        yield Difference(path, "modification time", _time(before), _time(after))


def _facts(before: Entry, after: Entry) -> Iterator[tuple[str, str, str]]:
    yield "type", _kind(before), _kind(after)
    yield "mode", f"{stat.S_IMODE(before.mode):04o}", f"{stat.S_IMODE(after.mode):04o}"
    yield "owner", f"{before.uid}:{before.gid}", f"{after.uid}:{after.gid}"
    yield "extended attributes", _xattrs(before), _xattrs(after)
    if before.is_file:
        yield "size", str(before.size), str(after.size)
    if before.is_link:
        yield "link target", repr(before.target), repr(after.target)
    if stat.S_ISCHR(before.mode) or stat.S_ISBLK(before.mode):
        yield "device", "{}:{}".format(*before.device), "{}:{}".format(*after.device)


def _links_shared(original: Tree, slim: Tree, kept: Collection[str]) -> Iterator[Difference]:
    """Compare hard links: paths that share an inode in the original must share one in the slim image."""
    groups: dict[int, list[Entry]] = defaultdict(list)
    for path in kept:
        before = original.get(path)
        if before is not None and before.is_file and before.links > 1 and (after := slim.get(path)) is not None:
            groups[before.inode].append(after)
    for group in groups.values():
        if len({entry.inode for entry in group}) > 1:
            names = ", ".join(entry.path for entry in group)
            yield Difference(group[0].path, "hard links", f"one file: {names}", "several")


def _kind(entry: Entry) -> str:
    names = {
        stat.S_IFDIR: "directory",
        stat.S_IFREG: "file",
        stat.S_IFLNK: "link",
        stat.S_IFIFO: "FIFO",
        stat.S_IFCHR: "character device",
        stat.S_IFBLK: "block device",
        stat.S_IFSOCK: "socket",
    }
    return names.get(stat.S_IFMT(entry.mode), "unknown")


def _xattrs(entry: Entry) -> str:
    return ", ".join(f"{name}={_value(value)}" for name, value in entry.xattrs) or "none"


def _value(value: bytes) -> str:
    """Return a short value in full; of a longer one (up to 64 kB) its size and digest."""
    if len(value) <= SHOWN_VALUE:
        return value.hex()
    return f"{len(value):,} bytes, sha256:{hashlib.sha256(value).hexdigest()[:16]}…"


def _time(mtime: tuple[int, int]) -> str:
    return f"{mtime[0]}.{mtime[1]:09d}"
