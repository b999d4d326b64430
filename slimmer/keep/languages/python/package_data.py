"""Finds the data files of packages whose code reads files beside itself (__file__, importlib.resources, pkgutil.get_data)."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field

from slimmer.image.tree import Entry, Tree
from slimmer.keep.core.nonempty_dirs import are_versions
from slimmer.keep.sources.records import is_main
from slimmer.observe.log import AccessLog, Operation

DATA_LIMIT = 1 << 24
"""The most bytes of data for which a package's data is kept whole. From more, only a part is kept (see `PackageData.of`)."""

RECORDS_LIMIT = 1 << 25
"""The most bytes of files with one suffix in a folder that are kept if several were opened: such files are records, read by a key."""

ENTRIES_LIMIT = 20_000
"""The most entries below a package's folder that are looked at."""

_SEVERAL = 2
_CODE = (".py", ".pyc", ".pyi", ".pyx", ".pxd", ".so", ".c", ".h", ".cpp", ".hpp", ".exe", ".dll")
_SKIPPED = frozenset({"__pycache__", "tests", "test", "docs", "doc", "node_modules", ".git", "site-packages"})


@dataclass
class PackageData:
    """Finds the data of an image's packages. `log` shows which files were opened. `words` are the names in the app's code, and may grow."""

    tree: Tree
    log: AccessLog
    words: Set[str]
    _versioned: dict[str, bool] = field(default_factory=dict, init=False)
    _opened: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter), init=False)

    def of(self, folder: str) -> Iterator[str]:
        """Yield the files below a package's folder that are not code, without those in packages below it.

        If they are more than DATA_LIMIT bytes, yield as many as there is room for: first files in the folder itself, then those in its
        subfolders, smallest first, then those that the app's code names (by a folder, or by the name without its suffix). If several
        files with a suffix were opened, the others with that suffix are added.
        """
        files = list(_files(self.tree, folder))
        if not files:
            return
        if _size(files) > DATA_LIMIT:
            files = list(dict.fromkeys([*self._part(folder, files), *self._records(files)]))
        yield from (entry.path for entry in files)
        yield from (path for name in ("__init__.py", "__init__.pyc") if (path := f"{folder}/{name}") in self.tree)

    def _part(self, folder: str, files: Sequence[Entry]) -> Iterator[Entry]:
        """Yield files in the order of `of`, as long as there is room for whole groups."""
        room = DATA_LIMIT
        groups = _by_folder(files)
        own = [groups.pop(folder)] if folder in groups else []
        near = [group for place, group in groups.items() if posixpath.dirname(place) == folder]
        named = self._versions(
            entry for entry in files if not self.words.isdisjoint(_names(entry.path[len(folder) + 1 :]))
        )
        for group in [*own, *sorted(near, key=_size), *named]:
            if (size := _size(group)) <= room:
                room -= size
                yield from group

    def _versions(self, files: Iterable[Entry]) -> Iterator[list[Entry]]:
        """Group the files of all versions of a thing (`api/2014-09-01`, `api/2015-03-01`). Any other file is a group of its own.

        A package takes the newest version that it finds, so all of them stay or none.
        """
        groups: dict[str, list[Entry]] = defaultdict(list)
        for entry in files:
            version = posixpath.dirname(entry.path)
            above = posixpath.dirname(version)
            if above not in self._versioned:
                self._versioned[above] = are_versions(list(self._tree_folders(above)))
            groups[above if self._versioned[above] else entry.path].append(entry)
        return iter(groups.values())

    def _tree_folders(self, folder: str) -> Iterator[Entry]:
        return (entry for entry in self.tree.children(folder) if entry.is_directory)

    def _records(self, files: Sequence[Entry]) -> Iterator[Entry]:
        """Yield files with a suffix if several with that suffix were opened in the same folder.

        Of more than RECORDS_LIMIT bytes, yield those that always matter (the root, the default, English), and those that the app names.
        """
        self._learn()
        for folder, group in _by_folder(files).items():
            for suffix, count in self._opened.get(folder, {}).items():
                records = [entry for entry in group if posixpath.splitext(entry.path)[1] == suffix]
                if count < _SEVERAL:
                    continue
                if _size(records) > RECORDS_LIMIT:
                    words = {word.lower() for word in self.words}
                    records = [one for one in records if is_main(posixpath.basename(one.path), words)]
                if _size(records) <= RECORDS_LIMIT:
                    yield from records

    def _learn(self) -> None:
        """Count the opened files of each suffix in each folder."""
        if not self._opened:
            opened = {
                access.resolved for access in self.log.accesses if access.operation is Operation.OPEN and access.found
            }
            for path in opened:
                self._opened[posixpath.dirname(path)][posixpath.splitext(path)[1]] += 1


def _size(entries: Iterable[Entry]) -> int:
    return sum(entry.size for entry in entries)


def _by_folder(files: Iterable[Entry]) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in files:
        groups[posixpath.dirname(entry.path)].append(entry)
    return groups


def _names(path: str) -> Iterator[str]:
    """Yield the parts of a path by which code may name it."""
    *folders, name = path.split("/")
    yield from folders
    yield name
    yield name.partition(".")[0]


def _files(tree: Tree, folder: str) -> Iterator[Entry]:
    """Yield the data files below a package's folder. Stops after ENTRIES_LIMIT entries."""
    pending, left = [folder], ENTRIES_LIMIT
    while pending:
        here = pending.pop()
        entries = list(tree.children(here))
        left -= len(entries)
        if left < 0:
            return
        if here != folder and any(posixpath.basename(entry.path) == "__init__.py" for entry in entries):
            continue
        pending += [
            entry.path
            for entry in entries
            if entry.is_directory and posixpath.basename(entry.path) not in _SKIPPED and "-info" not in entry.path
        ]
        yield from (entry for entry in entries if entry.is_file and not entry.path.endswith(_CODE))
