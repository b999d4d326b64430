"""Keep the other names that a kept program has in its folder, because many programs do what their name says.

A hard link costs no bytes. Examples are slapcat for slapd, gunzip for gzip, and git's commands. Files with setuid or setgid are left out.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from slimmer.image.tree import Entry, Tree
from slimmer.keep.analyzer import BEYOND_OBSERVED, Follow, FunctionAnalyzer, Kept
from slimmer.keep.evidence import Evidence, reaches
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason

RULE = "hard-link"
NAMES = 1000
"""The most other names of one program that are kept."""


def hard_links(image: ImageView) -> Follow:
    """Keep the hard links to programs that were just kept, each program once."""
    seen: set[int] = set()
    names = _Names(image.tree)

    def follow(added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        for path in added:
            entry = image.tree.get(path)
            if entry is None or not _is_program(entry) or entry.inode in seen:
                continue
            if reaches(kept.evidence(path), Evidence.SEEN):
                seen.add(entry.inode)
                yield from _others(names, entry)

    return follow


def _is_program(entry: Entry) -> bool:
    return entry.links > 1 and entry.is_plain_program


class _Names:
    """The names of the programs in each folder that have several. Each folder is read once, however many of its programs are kept."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._folders: dict[str, dict[int, list[str]]] = {}

    def of(self, program: Entry) -> list[str]:
        """Return the names of a program in its folder, sorted: at most one more than NAMES."""
        folder = posixpath.dirname(program.path)
        if folder not in self._folders:
            found = self._folders[folder] = {}
            for entry in self._tree.children(folder):
                if _is_program(entry) and len(names := found.setdefault(entry.inode, [])) <= NAMES:
                    names.append(entry.path)
        return self._folders[folder].get(program.inode, [])


def _others(names: _Names, program: Entry) -> Iterator[Finding]:
    others = [path for path in names.of(program) if path != program.path]
    for path in others[:NAMES]:
        yield Finding(path, Reason(RULE, f"another name for {program.path}", program.path))


ANALYZER = FunctionAnalyzer("hard-link", BEYOND_OBSERVED, {RULE: Evidence.STRUCTURAL}, follower=hard_links)
