"""The packages of an image, out of its package managers' own databases: where they lie, and what their contents say.

Pure functions over contents that come from an untrusted image: what cannot be understood gives no packages, and the
database counts as unreadable. Sources: deb-control(5) and dpkg's lib/dpkg/parse.c; apk-tools, doc/apk-v2.5.scd
("installed database"); rpm, docs/manual/hregions.md and lib/rpmtag.h, and its sqlite back end (lib/backend/sqlite.c).
"""

from __future__ import annotations

import re
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from slimmer.image.tree import Tree

DPKG_STATUS = "/var/lib/dpkg/status"
DPKG_PARTS = "/var/lib/dpkg/status.d"
"""A file for each package, as images without dpkg itself have them (distroless)."""

APK_INSTALLED = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
RPM_FOLDERS = ("/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm")
RPM_UNREADABLE = ("Packages", "Packages.db")
"""Older back ends, Berkeley DB and ndb, which are not read here."""

DATABASE_LIMIT = 1 << 26
"""Bytes of a database that are read at most."""

_PYTHON = re.compile(r"/(?P<name>[^/]+?)-(?P<version>[^/-]+)\.(?:dist|egg)-info$")
_NODE = re.compile(r"/node_modules/(?P<name>(?:@[^/]+/)?[^/@.][^/]*)/package\.json$")

_SQLITE_STEPS = 50_000_000
_ROW_LIMIT = 1 << 24
_RPM_NAME, _RPM_VERSION, _RPM_RELEASE = 1000, 1001, 1002
_RPM_STRING = 6
_RPM_ENTRY = struct.Struct(">4L")


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """An installed package: `manager` is deb, apk, rpm, python or node; the version may be unknown ("")."""

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
        fields = _fields(paragraph, b": ")
        status = fields.get("Status", "install ok installed").split()
        if "Package" in fields and status[-1:] == ["installed"]:
            yield Package("deb", fields["Package"], fields.get("Version", ""))


def apk_packages(content: bytes) -> Iterator[Package]:
    """Installed packages of apk's database: paragraphs with P: (name) and V: (version)."""
    for paragraph in content.split(b"\n\n"):
        fields = _fields(paragraph, b":")
        if "P" in fields:
            yield Package("apk", fields["P"], fields.get("V", ""))


def rpm_packages(content: bytes) -> Iterator[Package]:
    """Installed packages of rpm's sqlite database. Raises ValueError when it cannot be read."""
    for header in _rpm_headers(content):
        tags = _rpm_tags(header)
        if tags.get(_RPM_NAME) != "gpg-pubkey":  # a key, which rpm keeps among the packages
            yield Package("rpm", tags.get(_RPM_NAME, ""), f"{tags.get(_RPM_VERSION, '')}-{tags.get(_RPM_RELEASE, '')}")


def _parts(tree: Tree) -> Iterator[str]:
    return (entry.path for entry in tree.children(DPKG_PARTS) if not entry.path.endswith(".md5sums"))


def _unreadable(content: bytes) -> Iterator[Package]:
    raise ValueError("a database of a kind that is not read")


def _fields(paragraph: bytes, separator: bytes) -> dict[str, str]:
    """`NAME: VALUE` lines; lines that continue a value are left out, and the first field of a name counts."""
    fields: dict[str, str] = {}
    for line in paragraph.split(b"\n"):
        name, found, value = line.partition(separator)
        if found and not line.startswith((b" ", b"\t")):
            fields.setdefault(name.decode(errors="replace"), value.strip().decode(errors="replace"))
    return fields


def _without_log(content: bytes) -> bytes:
    """The database marked as one without a write-ahead log, which memory cannot have (sqlite.org/fileformat2, 1.3.3)."""
    return content[:18] + b"\x01\x01" + content[20:] if content[18:20] == b"\x02\x02" else content


def _rpm_headers(content: bytes) -> Iterator[bytes]:
    """The rows of the table of packages. The file may be made to harm: no views, no endless work, no endless rows."""
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.deserialize(_without_log(content))
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _ROW_LIMIT)
            connection.set_progress_handler(lambda: 1, _SQLITE_STEPS)
            connection.execute("PRAGMA trusted_schema = OFF")
            if not connection.execute(
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'Packages'"
            ).fetchone():
                raise ValueError("not a database of rpm's: it has no packages")
            yield from (row[0] for row in connection.execute("SELECT CAST(blob AS BLOB) FROM Packages") if row[0])
        except (sqlite3.Error, MemoryError, AttributeError) as error:  # deserialize is missing from some builds
            raise ValueError(f"not a database of rpm's: {error}") from error


def _rpm_tags(header: bytes) -> dict[int, str]:
    """The string tags of a header: two counts, the index (tag, type, offset, count), and the data that it points into."""
    if len(header) < 8:
        raise ValueError("a header of rpm's is too short")
    (count,) = struct.unpack_from(">L", header)
    data = 8 + count * _RPM_ENTRY.size
    if data > len(header):
        raise ValueError("a header of rpm's is cut short")
    tags = {}
    for tag, kind, offset, _ in _RPM_ENTRY.iter_unpack(header[8:data]):
        if kind == _RPM_STRING and tag in (_RPM_NAME, _RPM_VERSION, _RPM_RELEASE):
            tags[tag] = header[data + offset :].partition(b"\0")[0].decode(errors="replace")
    return tags
