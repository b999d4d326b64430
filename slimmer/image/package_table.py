"""Remember which packages list which paths, in 8 bytes per pair: an image may have two million files."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from slimmer.image.packages import PACKAGES_LIMIT, Package
from slimmer.image.text_databases import PATH_LIMIT, Listed
from slimmer.image.tree import Tree

_BITS = 16
assert 1 << _BITS >= PACKAGES_LIMIT

LISTED_OFTEN = 4
"""How many packages may list a path, on average. More is an attempt to fill the memory."""

CACHED_FOLDERS = 4096

FOLDERS_LIMIT = 1 << 25
"""The most bytes of paths of folders that are walked in search of links. Lists of deep folders that are missing would take hours."""

FEW = 1 << 16
"""This many pairs are always allowed."""


class PackageTable:
    """Paths of one tree and their packages, as sorted numbers: the path's number in the upper bits, the package's in the lower.

    A package belongs to a place: "" or a folder of Python distributions. `full` is True once there was more than can be
    remembered or walked; what came later may not be in the table.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._links = RootLinks(tree)
        self._places: list[str] = []
        self._rows = array("Q")
        self._folders: set[int] = set()  # the rows of links in the places of listed folders
        self._most = LISTED_OFTEN * len(tree) + FEW
        self.packages: list[Package] = []
        self.full = False

    def add(self, listed: Iterable[Listed], place: str = "") -> None:
        """Add the packages of a place with their paths, package by package."""
        last: Package | None = None
        held = b""
        for package, path in listed:
            self._add_path(held, is_folder=package is last and path.startswith(held + b"/"))
            if package is not last:
                last = package
                self._add_package(package, place)
            held = path
        self._add_path(held)

    def sort(self) -> None:
        """Sort the table. Call this after `add` and before any look-up."""
        self._rows = array("Q", sorted(self._rows))

    def owners(self, number: int, place: str | None = None) -> Iterator[Package]:
        """Yield the first package that lists the path with this number, in this place or (None) in each place."""
        return (package for package, _ in self.owners_by_place(number, place))

    def owners_by_place(self, number: int, place: str | None = None) -> Iterator[tuple[Package, str]]:
        """Like `owners`, each package with its place."""
        met: set[str] = set()
        for position in range(bisect_left(self._rows, number << _BITS), len(self._rows)):
            if self._rows[position] >> _BITS != number:
                return
            if self._rows[position] in self._folders:
                continue
            package = self._rows[position] & (PACKAGES_LIMIT - 1)
            own = self._places[package]
            if own not in met and place in (None, own):
                met.add(own)
                yield self.packages[package], own

    def files(self, packages: Mapping[Package, None]) -> Iterator[tuple[Package, str]]:
        """Yield the paths of these packages."""
        wanted = {number for number, package in enumerate(self.packages) if package in packages}
        for row in self._rows if wanted else ():
            if row & (PACKAGES_LIMIT - 1) in wanted:
                yield self.packages[row & (PACKAGES_LIMIT - 1)], self._tree.numbered(row >> _BITS)

    def _add_package(self, package: Package, place: str) -> None:
        if len(self.packages) == PACKAGES_LIMIT:
            self.full = True
            return
        self.packages.append(package)
        self._places.append(place)

    def _add_path(self, path: bytes, *, is_folder: bool = False) -> None:
        """Add a path of the last package. `is_folder`: the package also lists what is below it.

        Then the package does not own a link in its place. Many packages list the folder /lib, which is a link to /usr/lib.
        """
        if not path or self.full:
            return
        real = self._links.at_the_root(path)
        number = self._tree.number(real)
        if number is None:
            number = self._tree.number(self._links.behind(real))
            self.full = self.full or self._links.exhausted
        if number is None:
            return
        if len(self._rows) == self._most:
            self.full = True
            return
        row = number << _BITS | len(self.packages) - 1
        self._rows.append(row)
        if is_folder and self._is_link(number):
            self._folders.add(row)

    def _is_link(self, number: int) -> bool:
        entry = self._tree.get(self._tree.numbered(number))
        return entry is not None and entry.is_link


class RootLinks:
    """Finds the real paths of listed paths. Package managers still list files below links such as `/lib` to `/usr/lib`.

    `exhausted` is True once there were too many folders to look for links in all of them.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree, self._links = tree, _links_at_the_root(tree)
        self._real_folder = lru_cache(maxsize=CACHED_FOLDERS)(self._resolved)
        self._left = FOLDERS_LIMIT
        self.exhausted = False

    def real(self, path: bytes) -> str:
        """Return the real path of a listed path. Its last part is not followed."""
        real = self.at_the_root(path)
        return os.fsdecode(real if self._tree.place(real) is not None else self.behind(real))

    def at_the_root(self, path: bytes) -> bytes:
        """Return a listed path with links at the root and in /usr followed."""
        return _real(path, self._links)

    def behind(self, path: bytes) -> bytes:
        """Return a path with all links followed, for example those that `mv /usr/lib/jvm /data; ln -s …` leaves."""
        folder, _, name = path.rpartition(b"/")
        real = self._real_folder(folder) if len(path) <= PATH_LIMIT else None
        return path if real is None else real.rstrip(b"/") + b"/" + name

    def _resolved(self, folder: bytes) -> bytes | None:
        self._left -= len(folder)
        if self._left < 0:
            self.exhausted = True
            return None
        end = self._tree.resolve(os.fsdecode(folder)).end
        return None if end is None else os.fsencode(end)


def _links_at_the_root(tree: Tree) -> dict[bytes, bytes]:
    """Return links such as `/lib` to `/usr/lib` or `/usr/sbin` to `/usr/bin`: package managers still list files below them."""
    links = (entry.path for folder in ("/", "/usr") for entry in tree.children(folder) if entry.is_link)
    ends = ((path, tree.resolve(path).end) for path in links)
    return {os.fsencode(path): os.fsencode(end) for path, end in ends if end is not None}


def _real(path: bytes, links: Mapping[bytes, bytes]) -> bytes:
    path = _through(path, path.find(b"/", 1), links)
    return _through(path, path.find(b"/", 5), links) if path.startswith(b"/usr/") else path


def _through(path: bytes, end: int, links: Mapping[bytes, bytes]) -> bytes:
    """Return a path with its first `end` bytes replaced by what they lead to."""
    target = links.get(path[:end]) if end > 0 else None
    return path if target is None else target + path[end:]
