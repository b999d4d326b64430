"""The packages of an image, out of its package managers' own databases: where they lie, and what their contents say.

Pure functions over contents that come from an untrusted image: what cannot be understood gives no packages, and the
database counts as unreadable. Sources: deb-control(5) and dpkg's lib/dpkg/parse.c; apk-tools, doc/apk-v2.5.scd
("installed database"). rpm's is read by slimmer.image.rpm_database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from slimmer.image.rpm_database import rpm_headers
from slimmer.image.tree import Tree

DPKG_STATUS = "/var/lib/dpkg/status"
DPKG_PARTS = "/var/lib/dpkg/status.d"
"""A file for each package, as images without dpkg itself have them (distroless)."""

APK_INSTALLED = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
RPM_FOLDERS = ("/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm")
RPM_UNREADABLE = ("Packages", "Packages.db")
"""Older back ends, Berkeley DB and ndb, which are not read here."""

SYSTEM_MANAGERS = frozenset(("deb", "apk", "rpm"))
"""Those of a distribution; the others are languages'."""

DATABASE_LIMIT = 1 << 26
"""Bytes of a database that are read at most."""

_PYTHON = re.compile(r"/(?P<name>[^/]+?)-(?P<version>[^/-]+)\.(?:dist|egg)-info$")
_NODE = re.compile(r"/node_modules/(?P<name>(?:@[^/]+/)?[^/@.][^/]*)/package\.json$")


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """An installed package: `manager` is deb, apk, rpm, python, node, ruby or php; the version may be unknown ("")."""

    manager: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Database:
    """A package manager's database in an image: its path, and what reads its content (raising ValueError)."""

    path: str
    read: Callable[[bytes], Iterator[Package]]


def databases(tree: Tree) -> tuple[Database, ...]:
    """The databases that an image has."""
    found = [Database(path, dpkg_packages) for path in (DPKG_STATUS, *_parts(tree))]
    found += [Database(path, apk_packages) for path in APK_INSTALLED]
    found += [Database(f"{folder}/rpmdb.sqlite", rpm_packages) for folder in RPM_FOLDERS]
    found += [Database(f"{folder}/{name}", _unreadable) for folder in RPM_FOLDERS for name in RPM_UNREADABLE]
    real = {database.path: tree.resolve(database.path).end for database in found}
    files = {path for path in real.values() if path and (entry := tree.get(path)) and entry.is_file}
    named = {end: Database(end, database.read) for database in found if (end := real[database.path]) in files}
    return tuple(named.values())


def packages_by_path(path: str) -> Iterator[Package]:
    """The Python or Node package that a path stands for, if it does: known by the name of its metadata alone."""
    if path.endswith("-info") and (match := _PYTHON.search(path)):
        yield Package("python", match["name"], match["version"])
    elif path.endswith("/package.json") and (match := _NODE.search(path)):
        yield Package("node", match["name"], "")


def dpkg_packages(content: bytes) -> Iterator[Package]:
    """Installed packages of a dpkg status file; a paragraph without Status (in status.d) is one that is installed."""
    for paragraph in re.split(rb"\n[ \t]*\n", content):
        fields = fields_of(paragraph, b": ")
        status = fields.get("Status", "install ok installed").split()
        if "Package" in fields and status[-1:] == ["installed"]:
            yield Package("deb", fields["Package"], fields.get("Version", ""))


def apk_packages(content: bytes) -> Iterator[Package]:
    """Installed packages of apk's database: paragraphs with P: (name) and V: (version)."""
    for paragraph in content.split(b"\n\n"):
        fields = fields_of(paragraph, b":")
        if "P" in fields:
            yield Package("apk", fields["P"], fields.get("V", ""))


def rpm_packages(content: bytes) -> Iterator[Package]:
    """Installed packages of rpm's sqlite database. Raises ValueError when it cannot be read."""
    return (Package("rpm", header.name, header.version) for header in rpm_headers(content))


def _parts(tree: Tree) -> Iterator[str]:
    return (entry.path for entry in tree.children(DPKG_PARTS) if not entry.path.endswith(".md5sums"))


def _unreadable(content: bytes) -> Iterator[Package]:
    raise ValueError("a database of a kind that is not read")


def fields_of(paragraph: bytes, separator: bytes) -> dict[str, str]:
    """`NAME: VALUE` lines; lines that continue a value are left out, and the first field of a name counts."""
    fields: dict[str, str] = {}
    for line in paragraph.split(b"\n"):
        name, found, value = line.partition(separator)
        if found and not line.startswith((b" ", b"\t")):
            fields.setdefault(name.decode(errors="replace"), value.strip().decode(errors="replace"))
    return fields
