"""Load paths: the folders in which an interpreter looks for a module by name, and the files that it finds there."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator

from slimmer.image.tree import Tree
from slimmer.keep.image_view import ImageView
from slimmer.observe.log import AccessLog

ROOTS = 400
"""The most folders in a load path: some for the language, and one for each of an app's packages."""

_LIBRARIES = ("/usr/local/lib", "/lib", "/usr/lib")


class LoadPath:
    """Folders in order, each once. Folders may be added while an app is followed."""

    def __init__(self, tree: Tree, roots: Iterable[str] = ()) -> None:
        self._tree = tree
        self.roots: dict[str, int] = {}
        self._holders: dict[str, list[str]] = defaultdict(list)
        for root in roots:
            self.add(root)

    def add(self, root: str) -> bool:
        """Add a folder. Return False if it does not exist, is already on the path, or the path is full."""
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
        """Yield the first file of this name, if there is one. Folders are tried in order, and in each folder the suffixes in order."""
        if not 0 < len(name) <= 512 or "\0" in name:
            return
        tried = (
            posixpath.join(root, name) + suffix for root in self._holders.get(_first(name), ()) for suffix in suffixes
        )
        found = next((path for path in tried if self._tree.is_file(path)), None)
        if found is not None:
            yield found

    def root_of(self, path: str) -> str | None:
        """Return the innermost folder of the load path above a file; None if there is none."""
        folder = posixpath.dirname(path)
        while folder not in ("/", ""):
            if folder in self.roots:
                return folder
            folder = posixpath.dirname(folder)
        return None


def _first(name: str) -> str:
    """Return the first part of a module's name, without suffixes. A folder may hold the module if it has an entry with this name."""
    return name.partition("/")[0].partition(".")[0]


def searched(log: AccessLog, names: Iterable[str]) -> Iterator[str]:
    """Return folders where a program looked for files of these names, found or not. They show the load path of the run."""
    wanted = tuple(f"/{name}" for name in names)
    seen: dict[str, None] = {}
    for access in log.accesses:
        for name in wanted:
            if access.asked.endswith(name):
                seen.setdefault(access.asked.removesuffix(name) or "/")
    return iter(seen)


def library_folders(image: ImageView) -> list[str]:
    """Return the folders in which the loader looks for a library by its name."""
    variable = image.env.get("LD_LIBRARY_PATH", "").split(":")
    inner = (entry.path for folder in _LIBRARIES for entry in image.tree.children(folder) if "-linux-" in entry.path)
    return [folder for folder in (*variable, *_LIBRARIES, *inner) if folder]
