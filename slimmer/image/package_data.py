"""The data about the packages of a slim image: what its scanners and package managers read.

An image's databases list all of its packages, but a slim image has files of a few. So slimmer writes smaller databases, one module
for each package manager: slimmer.image.dpkg_data, .apk_data and .rpm_data. What packages of languages say about themselves are files of
their own, and none of slimmer's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from slimmer.image.added_file import AddedFile
from slimmer.image.apk_data import apk_data
from slimmer.image.database_reader import DatabaseReader, Stream
from slimmer.image.dpkg_data import dpkg_data
from slimmer.image.package_database import MANAGERS, Found, Smaller, database_of
from slimmer.image.packages import DPKG_PARTS, DPKG_SUMS, Package
from slimmer.image.rpm_data import rpm_data
from slimmer.image.tree import Entry, Tree
from slimmer.sandbox.sandbox import Sandbox

_MAKERS: Mapping[str, Callable[[Smaller], Iterable[AddedFile]]] = {"deb": dpkg_data, "apk": apk_data, "rpm": rpm_data}

Owners = Callable[[Iterable[str]], Mapping[str, tuple[Package, ...]]]
"""Returns the packages of paths (slimmer.image.package_files.PackageFiles.owners)."""

HashContents = Callable[[Sequence[str]], Iterable[tuple[str, str | None]]]
"""Returns the SHA-256 (hex) of regular files by path; None for files that cannot be read."""


@dataclass(frozen=True, slots=True)
class PackageData:
    """Makes the data about packages of one image. `owners` returns the packages of paths, `mtime` the time of a path in seconds since 1970."""

    tree: Tree
    stream: Stream
    owners: Owners
    mtime: Callable[[str], int]
    _notes: Sandbox = field(default_factory=Sandbox, init=False, repr=False)

    @property
    def unreadable(self) -> Mapping[str, str]:
        """The databases of which no data could be made, each with the reason."""
        return self._notes.unreadable

    def of(
        self, kept: Collection[str], excludes: Callable[[Entry], bool] = lambda entry: False
    ) -> tuple[AddedFile, ...]:
        """Return the files for these kept paths, in the order of a walk; none for a manager of which `excludes` is true for a file."""
        made = self.by_manager(kept).values()
        found = [one for files in made if not any(excludes(one.entry) for one in files) for one in files]
        return tuple(sorted(found, key=lambda one: one.path.replace("/", "\0")))

    def by_manager(self, kept: Collection[str]) -> dict[str, list[AddedFile]]:
        """Return the files for these kept paths by package manager.

        There are none for a package manager whose database is kept as it is, or whose directory is not kept, or whose database cannot be
        read.
        """
        files = [path for path in kept if (entry := self.tree.get(path)) is not None and not entry.is_directory]
        packages: dict[str, dict[str, set[str]]] = {}
        for path, owners in self.owners(files).items():
            for package in owners:
                packages.setdefault(package.manager, {}).setdefault(package.name, set()).add(path)
        reader = DatabaseReader(self.tree, self.stream, self._notes)
        found: dict[str, list[AddedFile]] = {}
        for manager in MANAGERS:
            database = database_of(self.tree, manager)
            if manager not in packages or database is None or not self._is_to_be_made(database, kept):
                continue
            mtime = self.mtime(database.path)
            given = Smaller(self.tree, database, packages[manager], reader, mtime, kept.__contains__)
            added = list(_MAKERS[manager](given))
            if added and database.path not in reader.unreadable:
                found[manager] = added
        return found

    def _is_to_be_made(self, database: Found, kept: Collection[str]) -> bool:
        if database.place == DPKG_PARTS:
            return database.path in kept
        return database.path not in kept and database.folder in kept


def recognized(data: PackageData, after: Tree, hash_contents: HashContents) -> dict[str, AddedFile]:
    """Return the data about packages in another image that slimmer would add for the image's other files, by path.

    `after` is the other image's tree. The data of a package manager counts only if all of it is there as expected. Files of another size
    are not read.
    """
    places = _places(data.tree)
    paths = [entry.path for entry in after if entry.path in data.tree and entry.path not in places]
    known: dict[str, AddedFile] = {}
    for files in data.by_manager(paths).values():
        if all(_is_like(after.get(one.path), one) for one in files):
            sums = {one.path: one.sha256 for one in files if one.content is not None}
            if dict(hash_contents(list(sums))) == sums:
                known.update((one.path, one) for one in files)
    return known


def _is_like(entry: Entry | None, one: AddedFile) -> bool:
    """Return True if an entry has the type and the size of an added file."""
    if entry is None:
        return False
    return entry.is_directory if one.content is None else entry.is_file and entry.size == one.size


def _places(tree: Tree) -> set[str]:
    """Return the paths of the original that slimmer may write anew."""
    found = (database_of(tree, manager) for manager in MANAGERS)
    files = {one.path for one in found if one is not None and one.place != DPKG_PARTS}
    return files | {entry.path for entry in tree.children(DPKG_PARTS) if entry.path.endswith(DPKG_SUMS)}
