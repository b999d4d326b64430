"""Tell which package a file belongs to, and which files a package has, for every package manager that slimmer can read.

Databases are read on first use, as streams, in one round trip. What is remembered is small (8 bytes per file), since an image may
have two million files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice

from slimmer.image import language_packages
from slimmer.image.database_reader import DatabaseReader, Stream
from slimmer.image.file_lists import find_lists, read_lists
from slimmer.image.language_packages import Distribution, same_python_name
from slimmer.image.package_table import PackageTable
from slimmer.image.packages import PACKAGES_LIMIT, Package
from slimmer.image.tree import Entry, Tree
from slimmer.sandbox.sandbox import Sandbox

_CHUNK = 4096
_TOO_MANY = f"the image has more than {PACKAGES_LIMIT:,} packages, or the same files are listed again and again"


class PackageFiles:
    """The packages of one image. `sandbox` parses binary databases, and is told which ones could not be read."""

    def __init__(self, tree: Tree, stream: Stream, sandbox: Sandbox) -> None:
        self._tree = tree
        self._reader = DatabaseReader(tree, stream, sandbox)
        self._sites: dict[str, dict[Package, list[str]]] = {}
        self._python = PackageTable(tree)
        self._parts: dict[str, str] = {}

    def owners(self, paths: Iterable[str]) -> dict[str, tuple[Package, ...]]:
        """Return the packages that each of these real paths belongs to: system packages first. Directories belong to none."""
        wanted = list(paths)
        self._learn(dict.fromkeys(site for path in wanted if (site := language_packages.site_of(path)) is not None))
        return {path: self._owners(path) for path in wanted}

    def files(self, packages: Iterable[Package], *, nested: bool = True) -> Iterator[tuple[Package, str]]:
        """Yield every file and link of these packages. `nested`: include packages inside a package's own folder."""
        wanted = dict.fromkeys(packages)
        yield from self._system.files(wanted)
        yield from self._python.files(wanted)
        yield from self._metadata(wanted)
        yield from self._in_folders(wanted, nested=nested)

    def metadata(self, site: str, package: Package) -> list[str]:
        """Return the metadata folders that a Python distribution has in a folder of distributions."""
        self._learn([site])
        return self._sites[site].get(package, [])

    def named(self, name: str) -> tuple[Package, ...]:
        """Return the packages that a user may mean by NAME or MANAGER:NAME (deb, apk, rpm, python, node, ruby, php)."""
        manager, _, plain = name.rpartition(":")
        return tuple(package for package in self.everything() if _is_meant(package, manager, plain))

    def know_all(self) -> None:
        """Read everything now, so that later questions need no round trip. Walks the whole tree.

        This includes all Python distributions, so that their commands, which are in other folders, have owners.
        """
        self._learn(self._all_sites)
        self._system  # noqa: B018  # read on first use

    def everything(self) -> tuple[Package, ...]:
        """Return all packages of the image. Walks the whole tree."""
        self.know_all()
        found = dict.fromkeys(self._system.packages)
        for site in sorted(self._sites):
            found.update(dict.fromkeys(self._sites[site]))
        found.update(dict.fromkeys(folder.package for folder in self._folders))
        return tuple(found)

    def distributions(self) -> Iterator[tuple[Package, str]]:
        """Yield all Python distributions, each with its metadata folder. Walks the whole tree once, no matter how often it is called."""
        self._learn(self._all_sites)
        for site in self._all_sites:
            yield from ((package, folder) for package, folders in self._sites[site].items() for folder in folders)

    def entries(self) -> Iterator[tuple[Entry, tuple[Package, ...]]]:
        """Yield each entry of the tree with its packages, in the order of a walk. It asks for a bounded number of paths at a time."""
        self.know_all()
        entries = iter(self._tree)
        while chunk := list(islice(entries, _CHUNK)):
            found = self.owners(entry.path for entry in chunk if not entry.is_directory)
            yield from ((entry, found.get(entry.path, ())) for entry in chunk)

    def known(self) -> tuple[Package, ...]:
        """Return the system's packages. Reads their databases if that has not been done."""
        return tuple(dict.fromkeys(self._system.packages))

    def descriptions(self, path: str, package: Package) -> Iterator[str]:
        """Yield the real paths of the files in which scanners find this package, one that a real path belongs to.

        For a system's package, this is its own entry, which distroless images have. None if the path is itself about the package.
        """
        match package.manager:
            case "deb":
                yield from (self._parts[package.name],) if package.name in self._parts else ()
            case "python":
                folders = self._metadata_of(path, package)
                if not any(path.startswith(f"{folder}/") for folder in folders):
                    yield from language_packages.python_descriptions(self._tree, folders)
            case _:
                yield from language_packages.descriptions(self._tree, path)

    def _metadata_of(self, path: str, package: Package) -> list[str]:
        """Return the metadata folders of a distribution that lists this path. Another folder may have the same distribution."""
        number = self._tree.number(os.fsencode(path))
        found = self._python.owners_by_place(number, language_packages.site_of(path)) if number is not None else ()
        sites = [site for owner, site in found if owner == package]
        return [folder for site in sites for folder in self._sites.get(site, {}).get(package, ())]

    @property
    def unreadable(self) -> tuple[str, ...]:
        """The databases that could not be read."""
        return tuple(self._reader.unreadable)

    @cached_property
    def _system(self) -> PackageTable:
        lists, table = find_lists(self._tree), PackageTable(self._tree)
        table.add(read_lists(lists, self._reader, self._parts))
        self._finish(table, next(iter(lists), ""))
        return table

    @cached_property
    def _all_sites(self) -> tuple[str, ...]:
        return tuple(language_packages.all_sites(self._tree))

    @cached_property
    def _folders(self) -> tuple[language_packages.Folder, ...]:
        return tuple(language_packages.all_folders(self._tree))

    def _owners(self, path: str) -> tuple[Package, ...]:
        number = self._tree.number(os.fsencode(path))
        if number is None:
            return ()
        found = [*self._system.owners(number), *self._python.owners(number, language_packages.site_of(path))]
        folder = language_packages.folder_of(self._tree, path)
        found += [folder.package] if folder else []
        return tuple(dict.fromkeys(found))

    def _learn(self, sites: Iterable[str]) -> None:
        """Read the records of the distributions in these folders, in one round trip."""
        places: dict[str, tuple[Distribution, str]] = {}
        unknown = [site for site in sites if site not in self._sites]
        for site in unknown:
            self._sites[site] = {}
            for found in language_packages.distributions(self._tree, site):
                self._sites[site].setdefault(found.package, []).append(found.metadata)
                places[found.record] = found, site
        places.pop("", None)

        def understand(path: str, pieces: Iterator[bytes]) -> Iterator[str]:
            distribution, site = places[path]
            paths = language_packages.recorded(distribution, self._reader.lines(pieces))
            self._python.add(((distribution.package, path) for path in paths), site)
            yield site

        for _ in self._reader.read(places, understand):
            pass
        if places:
            self._finish(self._python, next(iter(places)))

    def _finish(self, table: PackageTable, path: str) -> None:
        """Sort a table for look-ups. If it is full, note that under `path`, which stands for its databases."""
        table.sort()
        if table.full:
            self._reader.note(path, _TOO_MANY)

    def _metadata(self, packages: Mapping[Package, None]) -> Iterator[tuple[Package, str]]:
        for found in self._sites.values():
            for package in packages if len(packages) < len(found) else found:
                for folder in found.get(package, ()) if package in packages else ():
                    files = self._tree.below(folder)
                    yield from ((package, entry.path) for entry in files if not entry.is_directory)

    def _in_folders(self, packages: Mapping[Package, None], *, nested: bool) -> Iterator[tuple[Package, str]]:
        if not any(package.manager in ("node", "ruby", "php") for package in packages):
            return
        for folder in self._folders:
            if folder.package in packages:
                for entry in self._tree.below(folder.path):
                    if nested or language_packages.folder_of(self._tree, entry.path) == folder:
                        yield folder.package, entry.path


def _is_meant(package: Package, manager: str, name: str) -> bool:
    if manager and manager != package.manager:
        return False
    return same_python_name(package.name, name) if package.manager == "python" else package.name == name
