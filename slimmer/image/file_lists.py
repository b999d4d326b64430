"""Read which files each system package has, from the lists of dpkg, apk and rpm of an untrusted image, as streams.

Sources: dpkg(1) and dpkg-query(1) (info/NAME.list, or NAME:ARCH.list); the images of distroless (status.d/NAME.md5sums).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from enum import StrEnum

from slimmer.image.database_reader import DatabaseReader
from slimmer.image.diversions import DIVERSIONS, Diversions
from slimmer.image.lines import Unreadable
from slimmer.image.packages import (
    APK_INSTALLED,
    DPKG_PARTS,
    DPKG_STATUS,
    DPKG_SUMS,
    PACKAGES_LIMIT,
    Package,
    file_at,
    rpm_databases,
)
from slimmer.image.rpm_database import rpm_listed
from slimmer.image.text_databases import Listed, apk_listed, dpkg_packages, dpkg_sums
from slimmer.image.tree import Tree

DPKG_INFO = "/var/lib/dpkg/info"


class Role(StrEnum):
    """What a file is to its package manager."""

    STATUS = "dpkg's status"
    PART = "the entry of one package"
    DIVERSIONS = "where dpkg puts files that others have diverted"
    LIST = "dpkg's list of a package's files"
    SUMS = "the sums of a package's files"
    APK = "apk's list of everything"
    RPM = "rpm's database"


def find_lists(tree: Tree) -> dict[str, Role]:
    """Find the lists where package managers keep their databases: real paths of files, in reading order."""
    parts = list(_children(tree, DPKG_PARTS))
    places = [(DPKG_STATUS, Role.STATUS)]
    places += [(path, Role.PART) for path in parts if not path.endswith(DPKG_SUMS)]
    places += [(DIVERSIONS, Role.DIVERSIONS)]
    places += [(path, Role.LIST) for path in _children(tree, DPKG_INFO) if path.endswith(".list")]
    places += [(path, Role.SUMS) for path in parts if path.endswith(DPKG_SUMS)]
    places += [(path, Role.APK) for path in APK_INSTALLED]
    places += [(path, Role.RPM) for path in rpm_databases(tree)]
    roles: dict[str, Role] = {}
    for path, role in places:
        if (end := file_at(tree, path)) is not None:
            roles.setdefault(end, role)
    return roles


def read_lists(lists: Mapping[str, Role], reader: DatabaseReader, parts: dict[str, str]) -> Iterator[Listed]:
    """Yield each package with its files, package by package. Costs one round trip.

    `parts` is filled: the packages that have an entry of their own in status.d, by name, each with the real path of the entry.
    """
    yield from reader.read(lists, _Understanding(lists, reader, parts).listed)


class _Understanding:
    """Keeps what earlier files say about later ones: the packages' versions, and the names of their status files."""

    def __init__(self, roles: Mapping[str, Role], reader: DatabaseReader, parts: dict[str, str]) -> None:
        self._roles, self._reader, self._parts = roles, reader, parts
        self._versions: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._diversions = Diversions()

    def listed(self, path: str, pieces: Iterator[bytes]) -> Iterator[Listed]:
        """Yield what a file says about packages and their files. Raises Unreadable."""
        match self._roles[path]:
            case Role.RPM:
                return rpm_listed(self._reader.sandbox, path, pieces)
            case Role.APK:
                return apk_listed(self._reader.lines(pieces))
            case Role.LIST:
                return self._list(posixpath.basename(path), self._reader.lines(pieces))
            case Role.SUMS:
                return self._sums(posixpath.basename(path), self._reader.lines(pieces))
            case Role.DIVERSIONS:
                return self._learn_diversions(self._reader.lines(pieces))
            case role:
                return self._status(path, role, self._reader.lines(pieces))

    def _status(self, path: str, role: Role, lines: Iterator[bytes]) -> Iterator[Listed]:
        """Yield nothing, but learn versions and names. A file of status.d is named after its package, more or less."""
        for package in dpkg_packages(lines):
            if role is Role.PART:
                self._names.setdefault(posixpath.basename(path), package.name)
            self._learn(package)
            if role is Role.PART:
                self._parts.setdefault(package.name, path)
        yield from ()

    def _learn(self, package: Package) -> None:
        if len(self._versions) >= PACKAGES_LIMIT and package.name not in self._versions:
            raise Unreadable(f"dpkg has more than {PACKAGES_LIMIT:,} packages")
        self._versions[package.name] = package.version

    def _learn_diversions(self, lines: Iterator[bytes]) -> Iterator[Listed]:
        for _ in self._diversions.read(lines):
            pass
        yield from ()

    def _list(self, name: str, lines: Iterator[bytes]) -> Iterator[Listed]:
        package = self._package(name.removesuffix(".list").partition(":")[0])
        yield package, b""
        yield from ((package, self._diversions.place(package.name, line)) for line in lines)

    def _sums(self, name: str, lines: Iterator[bytes]) -> Iterator[Listed]:
        stem = name.removesuffix(DPKG_SUMS)
        package = self._package(self._names.get(stem, stem))
        yield package, b""
        yield from ((package, path) for path in dpkg_sums(lines))

    def _package(self, name: str) -> Package:
        return Package("deb", name, self._versions.get(name, ""))


def _children(tree: Tree, folder: str) -> Iterator[str]:
    end = tree.resolve(folder).end
    return (entry.path for entry in tree.children(end)) if end else iter(())
