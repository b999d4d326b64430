"""The packages of an image with what their metadata says: versions, origins, licences, and the modules of Go programs.

slimmer.image.package_files says which files a package has, if a database or a folder says so. The inventory says more about each package, and
has packages without such lists: folders with a package.json, specifications of gems, Java archives, Go programs.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, field, replace

from slimmer.formatting import counted
from slimmer.image import language_packages
from slimmer.image.database_reader import Stream
from slimmer.image.declared_licences import bounded
from slimmer.image.installed import Installed
from slimmer.image.metadata_reader import MetadataReader
from slimmer.image.os_release import Release
from slimmer.image.package_files import PackageFiles
from slimmer.image.packages import PACKAGES_LIMIT, SYSTEM_MANAGERS, Package
from slimmer.image.tree import Tree
from slimmer.sandbox.sandbox import Sandbox

LISTED = SYSTEM_MANAGERS | {"python"}
"""Package managers that list the files of their packages. The packages of the others have places of their own."""


TEXT_LIMIT = 1 << 24
"""The most bytes of JSON that the texts of an inventory may take. A package has about 150."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """The packages of an image, sorted, and its release. `left_out` is the number of files that were too large or too many to be read."""

    release: Release = field(default_factory=Release)
    packages: tuple[Installed, ...] = ()
    left_out: int = 0

    @property
    def warning(self) -> str:
        """What to tell the user if packages may be missing; "" otherwise."""
        files = counted(self.left_out, "file")
        return (
            f"packages may be missing: {files} with their metadata exceeded what slimmer reads" if self.left_out else ""
        )


def read_inventory(tree: Tree, packages: PackageFiles, stream: Stream, sandbox: Sandbox) -> Inventory:
    """Read the inventory of an image. `packages` are those with files. What cannot be read is noted in the sandbox."""
    reader = MetadataReader(tree, stream, sandbox)
    known = (Installed(package) for package in packages.everything() if package.manager in LISTED)
    listed = {one.package: one for one in (*known, *reader.databases())}
    licences = {**dict(reader.debian_licences(listed)), **dict(reader.python_licences())}
    found = [replace(one, licences=licences.get(one.package, one.licences)) for one in listed.values()]
    found += [
        *reader.other_distributions(),
        *reader.nodes(),
        *reader.gems(),
        *reader.composed(),
        *reader.java_archives(),
    ]
    found += list(_undescribed(tree, found))
    owners = packages.owners(programs := reader.programs())
    own = (path for path in programs if not any(one.manager in SYSTEM_MANAGERS for one in owners[path]))
    installed = merged([*found, *reader.go_modules(own)])
    return Inventory(reader.release(), installed, reader.left_out)


def merged(installed: Iterable[Installed]) -> tuple[Installed, ...]:
    """Join the entries of the same package, and sort them. What exceeds PACKAGES_LIMIT or TEXT_LIMIT is left out."""
    found: dict[Package, list[Installed]] = {}
    left = TEXT_LIMIT
    for one in installed:
        left -= _size(one)
        if left >= 0 and (one.package in found or len(found) < PACKAGES_LIMIT):
            found.setdefault(one.package, []).append(one)
    return tuple(_joined(found[package]) for package in sorted(found))


class Ownership:
    """Tells which packages of an inventory a path belongs to."""

    def __init__(self, packages: Iterable[Installed]) -> None:
        self._listed: dict[Package, Installed] = {}
        self._places: dict[str, list[Installed]] = {}
        for one in packages:
            if not one.places:
                self._listed[one.package] = one
            for place in one.places:
                self._places.setdefault(place, []).append(one)
        self._below: dict[str, Sequence[Installed]] = {}

    def of(self, path: str, owners: Iterable[Package]) -> Iterator[Installed]:
        """Yield the packages. `owners` are those that slimmer.image.package_files knows."""
        yield from (self._listed[owner] for owner in owners if owner in self._listed)
        yield from self._places.get(path) or self._in(posixpath.dirname(path))

    def _in(self, folder: str) -> Sequence[Installed]:
        """Return the packages of the innermost place that contains a folder's files. A path may have two thousand parts."""
        way = []
        while folder not in self._below and folder not in self._places and folder not in ("/", ""):
            way.append(folder)
            folder = posixpath.dirname(folder)
        found: Sequence[Installed] = self._below.get(folder) or self._places.get(folder) or ()
        self._below.update(dict.fromkeys(way, found))
        return found


def _size(one: Installed) -> int:
    texts = (one.package.name, one.package.version, *astuple(one.origin), *one.places, *one.licences)
    return sum(len(text) if text.isascii() else 6 * len(text) for text in texts)


def _joined(entries: Sequence[Installed]) -> Installed:
    if len(entries) == 1:
        return entries[0]
    places = dict.fromkeys(place for one in entries for place in one.places)
    return replace(entries[0], places=tuple(places), licences=bounded(name for one in entries for name in one.licences))


def _undescribed(tree: Tree, found: Iterable[Installed]) -> Iterator[Installed]:
    """Yield packages with a folder of their own that no metadata describes."""
    described = {(one.package.manager, place) for one in found for place in one.places}
    has_php = any(manager == "php" for manager, _ in described)  # then any other folder in vendor is no package
    for folder in language_packages.all_folders(tree):
        manager = folder.package.manager
        if (manager, folder.path) not in described and not (manager == "php" and has_php):
            yield Installed(folder.package, (folder.path,))
