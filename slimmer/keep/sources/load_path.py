"""Load paths: the folders in which an interpreter looks for a module by its name, and what is found there."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator

from slimmer.image.tree import Tree
from slimmer.observe.log import AccessLog

ROOTS = 400
"""How many folders a load path has at most: some for the language, one for each of an app's packages."""


class LoadPath:
    """Folders in order, each once. New ones may be added while an app is followed."""

    def __init__(self, tree: Tree, roots: Iterable[str] = ()) -> None:
        self._tree = tree
        self.roots: dict[str, int] = {}
        self._holders: dict[str, list[str]] = defaultdict(list)
        for root in roots:
            self.add(root)

    def add(self, root: str) -> bool:
        """Look in a folder, too, if there is one; tells whether that is new."""
        root = posixpath.normpath(root)
        end = self._tree.resolve(root).end
        entry = self._tree.get(end) if end is not None else None
        if entry is None or not entry.is_directory or root in self.roots or len(self.roots) >= ROOTS:
            return False
        self.roots[root] = len(self.roots)
        for name in dict.fromkeys(_first(posixpath.basename(child.path)) for child in self._tree.children(entry.path)):
            self._holders[name].append(root)
        return True

    def find(self, name: str, suffixes: Iterable[str] = ("",)) -> Iterator[str]:
        """The first file of this name: in each folder in order, with each suffix in order."""
        if not 0 < len(name) <= 512 or "\0" in name:
            return
        tried = (
            posixpath.join(root, name) + suffix for root in self._holders.get(_first(name), ()) for suffix in suffixes
        )
        found = next((path for path in tried if is_file(self._tree, path)), None)
        if found is not None:
            yield found

    def root_of(self, path: str) -> str | None:
        """The innermost folder of the load path in which a file lies."""
        folder = posixpath.dirname(path)
        while folder not in ("/", ""):
            if folder in self.roots:
                return folder
            folder = posixpath.dirname(folder)
        return None


def _first(name: str) -> str:
    """By what a folder that may hold a module is known: the first part of the module's name, without suffixes."""
    return name.partition("/")[0].partition(".")[0]


def is_file(tree: Tree, path: str) -> bool:
    """Return True if there is a file at a path, links followed."""
    entry = tree.get(path)
    if entry is None or entry.is_link:
        end = tree.resolve(path).end
        entry = tree.get(end) if end is not None else None
    return entry is not None and entry.is_file


def searched(log: AccessLog, names: Iterable[str]) -> Iterator[str]:
    """Folders in which the log saw somebody look for files of these names, found or not: the load path as it was."""
    wanted = tuple(f"/{name}" for name in names)
    seen: dict[str, None] = {}
    for access in log.accesses:
        for name in wanted:
            if access.asked.endswith(name):
                seen.setdefault(access.asked.removesuffix(name) or "/")
    return iter(seen)
