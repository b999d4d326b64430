"""Which paths of a second image the first image does not have in the same way: new ones, and those with other content.

Modes, owners and times do not count. A file that got a setuid bit is a finding of its own (slimmer.image.image_stats).
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from slimmer.image.tree import Entry, Tree

LARGEST = 1 << 34
"""The most bytes of a file whose content is compared. A sparse file may seem to have terabytes, and reading it would take days."""


class Novelty(StrEnum):
    """How a path of the second image differs from the same path of the first one."""

    NEW = "new"
    TYPE = "other type"
    CONTENT = "other content"
    TARGET = "other target"
    DEVICE = "other device"
    UNREAD = "not compared"
    """The file is too large, or could not be read. Nobody knows whether its content is the same."""


@dataclass(frozen=True, slots=True)
class NewPath:
    """A path of the second image, and what is new about it."""

    path: str
    what: Novelty


@dataclass(frozen=True, slots=True)
class TreeComparison:
    """What the trees of two images say: the paths that are surely new, and the files whose contents must be compared."""

    new: tuple[NewPath, ...]
    unsure: tuple[str, ...]


def compare_trees(before: Tree, after: Tree) -> TreeComparison:
    """Compare two trees. Paths that only the first one has do not count."""
    new: list[NewPath] = []
    unsure: list[str] = []
    for entry in after:
        found = _novelty(before.get(entry.path), entry)
        if found is not None:
            new.append(NewPath(entry.path, found))
        elif entry.is_file and entry.size:
            unsure.append(entry.path)
    return TreeComparison(tuple(new), tuple(unsure))


def compare_contents(
    before: Iterable[tuple[str, str | None]], after: Iterable[tuple[str, str | None]]
) -> Iterator[NewPath]:
    """Yield the files whose digests differ. Both have the same paths in the same order; None stands for a file that could not be read."""
    for (path, expected), (_, actual) in zip(before, after, strict=True):
        if expected is None or actual is None:
            yield NewPath(path, Novelty.UNREAD)
        elif expected != actual:
            yield NewPath(path, Novelty.CONTENT)


def _novelty(before: Entry | None, after: Entry) -> Novelty | None:
    if before is None:
        return Novelty.NEW
    if stat.S_IFMT(before.mode) != stat.S_IFMT(after.mode):
        return Novelty.TYPE
    if after.is_file:
        if before.size != after.size:
            return Novelty.CONTENT
        return Novelty.UNREAD if after.size > LARGEST else None
    if after.is_link:
        return Novelty.TARGET if before.target != after.target else None
    is_device = stat.S_ISCHR(after.mode) or stat.S_ISBLK(after.mode)
    return Novelty.DEVICE if is_device and before.device != after.device else None
