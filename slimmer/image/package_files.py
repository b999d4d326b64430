"""Which package a file belongs to, and which files a package has: for every package manager that slimmer can read.

Databases are read when they are first asked for, in one round trip; what was learnt stays small (8 bytes a file), since an
image may have 300,000 files.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from slimmer.image import language_packages
from slimmer.image.file_lists import FileList, Lists, Read, find_lists, read_lists
from slimmer.image.language_packages import Distribution, same_python_name
from slimmer.image.packages import Package
from slimmer.image.tree import Tree

_BITS = 16
_PACKAGES = 1 << _BITS


class PackageFiles:
    """The packages of one image."""

    def __init__(self, tree: Tree, read: Read) -> None:
        self._tree, self._read = tree, read
        self._sites: dict[str, _Table] = {}

    def owners(self, paths: Iterable[str]) -> dict[str, tuple[Package, ...]]:
        """The packages that each of these real paths belongs to: the system's, then a language's. Directories have none."""
        wanted = list(paths)
        self._learn(dict.fromkeys(site for path in wanted if (site := language_packages.site_of(path)) is not None))
        return {path: self._owners(path) for path in wanted}

    def files(self, packages: Iterable[Package], *, nested: bool = True) -> Iterator[tuple[Package, str]]:
        """Every file and link of these packages. `nested`: with the packages that lie in a package's own folder."""
        wanted = dict.fromkeys(packages)
        for table in (self._system, *self._sites.values()):
            yield from table.files(self._tree, wanted)
        yield from self._metadata(wanted)
        yield from self._in_folders(wanted, nested=nested)

    def named(self, name: str) -> tuple[Package, ...]:
        """The packages that a user may mean by NAME, or by MANAGER:NAME (deb, apk, rpm, python, node, ruby, php)."""
        manager, _, plain = name.rpartition(":")
        return tuple(package for package in self.everything() if _is_meant(package, manager, plain))

    def know_all(self) -> None:
        """Read all that is read of the image: later questions need no round trip. Walks the whole tree.

        All Python distributions belong to it, so that their commands, which lie elsewhere, have owners.
        """
        self._learn(language_packages.all_sites(self._tree))
        self._system  # noqa: B018  # read when it is first asked for

    def everything(self) -> tuple[Package, ...]:
        """All packages of the image. Walks the whole tree."""
        self.know_all()
        found = dict.fromkeys(self._system.packages)
        for site in sorted(self._sites):
            found.update(dict.fromkeys(d.package for d in language_packages.distributions(self._tree, site)))
        found.update(dict.fromkeys(folder.package for folder in self._folders))
        return tuple(found)

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Databases of a kind that cannot be read."""
        return self._lists.unreadable

    @cached_property
    def _lists(self) -> Lists:
        return find_lists(self._tree)

    @cached_property
    def _system(self) -> _Table:
        return _Table(self._tree, read_lists(self._lists, self._read))

    @cached_property
    def _folders(self) -> tuple[language_packages.Folder, ...]:
        return tuple(language_packages.all_folders(self._tree))

    def _owners(self, path: str) -> tuple[Package, ...]:
        number = self._tree.number(os.fsencode(path))
        if number is None:
            return ()
        found = [self._system.owner(number)]
        site = language_packages.site_of(path)
        found += [self._sites[place].owner(number) for place in ([site] if site is not None else self._sites)]
        folder = language_packages.folder_of(self._tree, path)
        found.append(folder.package if folder else None)
        return tuple(dict.fromkeys(package for package in found if package is not None))

    def _learn(self, sites: Iterable[str]) -> None:
        """Read what is recorded of the distributions in these folders, in one round trip."""
        unknown = [site for site in sites if site not in self._sites]
        found = {site: list(language_packages.distributions(self._tree, site)) for site in unknown}
        records = {d.record: d for distributions in found.values() for d in distributions if d.record}
        contents = dict(self._read(records)) if records else {}
        for site, distributions in found.items():
            self._sites[site] = _Table(self._tree, _recorded(distributions, contents))

    def _metadata(self, packages: Mapping[Package, None]) -> Iterator[tuple[Package, str]]:
        for site in self._sites:
            for distribution in language_packages.distributions(self._tree, site):
                if distribution.package in packages:
                    files = self._tree.below(distribution.metadata)
                    yield from ((distribution.package, entry.path) for entry in files if not entry.is_directory)

    def _in_folders(self, packages: Mapping[Package, None], *, nested: bool) -> Iterator[tuple[Package, str]]:
        if not any(package.manager in ("node", "ruby", "php") for package in packages):
            return
        for folder in self._folders:
            if folder.package in packages:
                for entry in self._tree.below(folder.path):
                    if nested or language_packages.folder_of(self._tree, entry.path) == folder:
                        yield folder.package, entry.path


class _Table:
    """Files and their packages: numbers of the tree's (upper bits) with numbers of packages, sorted."""

    def __init__(self, tree: Tree, lists: Iterable[FileList]) -> None:
        self.packages: list[Package] = []
        links = _links_at_the_root(tree)
        rows: list[int] = []
        for package, paths in lists:
            if len(self.packages) < _PACKAGES:
                numbers = (tree.number(_real(path, links)) for path in paths)
                rows.extend(number << _BITS | len(self.packages) for number in numbers if number is not None)
                self.packages.append(package)
        self._rows = array("Q", sorted(rows))

    def owner(self, number: int) -> Package | None:
        """The package of the path that has this number."""
        place = bisect_left(self._rows, number << _BITS)
        if place == len(self._rows) or self._rows[place] >> _BITS != number:
            return None
        return self.packages[self._rows[place] & (_PACKAGES - 1)]

    def files(self, tree: Tree, packages: Mapping[Package, None]) -> Iterator[tuple[Package, str]]:
        """The paths of these packages."""
        wanted = {place for place, package in enumerate(self.packages) if package in packages}
        for row in self._rows if wanted else ():
            if row & (_PACKAGES - 1) in wanted:
                yield self.packages[row & (_PACKAGES - 1)], tree.numbered(row >> _BITS)


def _recorded(distributions: Sequence[Distribution], contents: Mapping[str, bytes | None]) -> Iterator[FileList]:
    for distribution in distributions:
        content = contents.get(distribution.record) or b""
        paths = language_packages.recorded(distribution, content)
        yield distribution.package, (os.fsencode(path) for path in paths if "\0" not in path)


def _links_at_the_root(tree: Tree) -> dict[bytes, bytes]:
    """`/lib` and the like, where they are links to `/usr/lib`: package managers go on to list files below them."""
    ends = ((entry.path, tree.resolve(entry.path).end) for entry in tree.children("/") if entry.is_link)
    return {os.fsencode(path): os.fsencode(end) for path, end in ends if end is not None}


def _real(path: bytes, links: Mapping[bytes, bytes]) -> bytes:
    end = path.find(b"/", 1)
    target = links.get(path[:end]) if end > 0 else None
    return path if target is None else target + path[end:]


def _is_meant(package: Package, manager: str, name: str) -> bool:
    if manager and manager != package.manager:
        return False
    return same_python_name(package.name, name) if package.manager == "python" else package.name == name
