"""The packages of an image, and where the databases of its package managers are.

slimmer.image.text_databases (dpkg, apk) and slimmer.image.rpm_database read what the databases say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from slimmer.image.tree import Tree

DPKG_STATUS = "/var/lib/dpkg/status"
DPKG_PARTS = "/var/lib/dpkg/status.d"
"""Holds a file for each package in images without dpkg itself (distroless)."""

DPKG_SUMS = ".md5sums"
"""The suffix of a list of the sums of a package's files."""

APK_INSTALLED = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
RPM_FOLDERS = ("/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm")
RPM_NAMES = ("rpmdb.sqlite", "Packages.db", "Packages")
"""The names of rpm's database in sqlite, ndb and Berkeley DB. If a folder has several, the first one counts."""

SYSTEM_MANAGERS = frozenset(("deb", "apk", "rpm"))
"""Package managers of Linux distributions. The others belong to languages."""

PACKAGES_LIMIT = 1 << 16
"""The number of packages of one image that are told apart. Debian has about as many in all."""

NAME_LIMIT = 256
"""The longest name or version of a package, in bytes."""

_PYTHON = re.compile(r"/(?P<name>[^/]+?)-(?P<version>[^/-]+)(?:-py[0-9.]+[^/]*)?\.(?:dist|egg)-info$")
_NODE = re.compile(r"/node_modules/(?P<name>(?:@[^/]+/)?[^/@.][^/]*)/package\.json$")


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """An installed package. `manager` is deb, apk, rpm, python, node, ruby or php. The version may be unknown ("")."""

    manager: str
    name: str
    version: str


class Kind(StrEnum):
    """A kind of database."""

    DPKG = "dpkg's status"
    APK = "apk's list of what is installed"
    RPM = "rpm's"


@dataclass(frozen=True, slots=True)
class Database:
    """A package manager's database in an image, by its real path."""

    path: str
    kind: Kind


def databases(tree: Tree) -> tuple[Database, ...]:
    """Return the databases of an image."""
    places = [(path, Kind.DPKG) for path in (DPKG_STATUS, *_parts(tree))]
    places += [(path, Kind.APK) for path in APK_INSTALLED]
    places += [(path, Kind.RPM) for path in rpm_databases(tree)]
    found = {end: kind for path, kind in places if (end := file_at(tree, path)) is not None}
    return tuple(Database(path, kind) for path, kind in found.items())


def rpm_databases(tree: Tree) -> Iterator[str]:
    """Yield the database of each of rpm's folders."""
    for folder in RPM_FOLDERS:
        paths = (f"{folder}/{name}" for name in RPM_NAMES)
        yield from [path for path in paths if file_at(tree, path) is not None][:1]


def database_files(tree: Tree) -> frozenset[str]:
    """Return the files of an image's databases, with the sums beside the entries of status.d."""
    found = [database.path for database in databases(tree)]
    sums = (f"{path}{DPKG_SUMS}" for path in found if path.startswith(f"{DPKG_PARTS}/"))
    return frozenset((*found, *sums))


def file_at(tree: Tree, path: str) -> str | None:
    """Return the target of a path if it is a regular file, or None."""
    end = tree.resolve(path).end
    entry = tree.get(end) if end is not None else None
    return end if entry is not None and entry.is_file else None


def packages_by_path(path: str) -> Iterator[Package]:
    """Yield the Python or Node package whose metadata this path is, judged by its name alone."""
    if path.endswith("-info") and (match := _PYTHON.search(path)):
        yield Package("python", match["name"], match["version"])
    elif path.endswith("/package.json") and (match := _NODE.search(path)):
        yield Package("node", match["name"], "")


def _parts(tree: Tree) -> Iterator[str]:
    return (entry.path for entry in tree.children(DPKG_PARTS) if not entry.path.endswith(DPKG_SUMS))
