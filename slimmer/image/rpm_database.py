"""Read the installed packages and their files from rpm's database: an sqlite file, or one of the older Berkeley DB or ndb.

The file comes from an untrusted image, and sqlite is native code, so a child process reads it (slimmer.sandbox). A child's answer is
bounded, so the file is sent to it again and again until it has returned everything. Sources: rpm,
docs/manual/hregions.md and include/rpm/rpmtag.h, and its sqlite back end (lib/backend/sqlite.c).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice

from slimmer.image import berkeley_db, ndb
from slimmer.image.lines import Unreadable
from slimmer.image.packages import PACKAGES_LIMIT
from slimmer.image.rpm_header import KEYS, RpmHeader, parse_header
from slimmer.image.text_databases import Listed, package_of
from slimmer.sandbox.readers import reader
from slimmer.sandbox.sandbox import Job, Sandbox

SIZE_LIMIT = 1 << 27
"""The largest file, in bytes. A child holds it twice."""

PART = 1 << 20
"""The number of characters of one answer. A character outside of ASCII takes six in JSON, so a full part has 3 MiB."""

PARTS = 100
"""The number of answers about one file: 100 MB of names."""

_STEPS = 50_000_000
ROW_LIMIT = 1 << 24


@dataclass(frozen=True, slots=True)
class RpmPackage:
    """A package with some of its files and directories, as absolute paths. The version is VERSION-RELEASE."""

    name: str
    version: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RpmPart:
    """A part of the database, and where to continue: a row, and how many of its files were returned already.

    Row 0 is the end. `problem` says why reading stopped; "" if nothing went wrong.
    """

    packages: tuple[RpmPackage, ...] = ()
    row: int = 0
    file: int = 0
    problem: str = ""


def rpm_listed(sandbox: Sandbox, path: str, pieces: Iterator[bytes]) -> Iterator[Listed]:
    """Yield each package with its files. Raises Unreadable."""
    content = joined(pieces)
    place = 0, 0
    for _ in range(PARTS):
        [part] = sandbox.facts(read_rpm, RpmPart, [Job(path, content, place)])
        if part is None:
            raise Unreadable("its reader failed")
        for package in part.packages:
            known = package_of("rpm", os.fsencode(package.name), os.fsencode(package.version))
            yield known, b""
            yield from ((known, os.fsencode(name)) for name in package.paths)
        if part.problem:
            raise Unreadable(part.problem)
        if part.row == 0:
            return
        place = part.row, part.file
    raise Unreadable("it names too many files")


@reader
def read_rpm(content: bytes, row: int, file: int) -> RpmPart:
    """Read the database from a row and file on. Runs in a child process."""
    found: list[RpmPackage] = []
    left = PART
    try:
        for number, header in headers(content, row):
            skipped = file if number == row else 0
            paths: list[str] = []
            left -= len(header.name) + len(header.version)
            for name in islice(header.files(), skipped, None):
                paths.append(os.fsdecode(name))
                left -= len(name) if name.isascii() else 3 * len(name)
                if left < 0:
                    break
            found.append(RpmPackage(header.name, header.version, tuple(paths)))
            if left < 0:
                return RpmPart(tuple(found), number, skipped + len(paths))
    except ValueError as error:
        return RpmPart(tuple(found), problem=str(error))
    return RpmPart(tuple(found))


def joined(pieces: Iterator[bytes]) -> bytes:
    """Return the whole file, marked as having no write-ahead log: there is none in memory (sqlite.org/fileformat2, 1.3.3)."""
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > SIZE_LIMIT:
            raise Unreadable(f"it is larger than {SIZE_LIMIT >> 20} MiB")
    if content[18:20] == b"\x02\x02":
        content[18:20] = b"\x01\x01"
    return bytes(content)


def headers(content: bytes, first: int) -> Iterator[tuple[int, RpmHeader]]:
    """Yield the installed packages with their rows, without the keys that rpm stores among them. Raises ValueError."""
    for number, row in rows(content, first):
        header = parse_header(row)
        if header.name != KEYS:
            yield number, header


def rows(content: bytes, first: int) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of the package table from a row on, without empty ones. Raises ValueError."""
    if berkeley_db.is_hash_table(content):
        found = berkeley_db.rows(content, max(first, 1), PACKAGES_LIMIT)
    elif content.startswith(ndb.MAGIC):
        found = ndb.rows(content, max(first, 1), PACKAGES_LIMIT)
    else:
        found = _sqlite_rows(content, first)
    for number, row in found:
        if row and number > 0:
            if len(row) > ROW_LIMIT:
                raise ValueError(f"a package takes more than {ROW_LIMIT >> 20} MiB")
            yield number, row


def is_sqlite(content: bytes) -> bool:
    """Return True unless the content begins like an older database."""
    return not berkeley_db.is_hash_table(content) and not content.startswith(ndb.MAGIC)


def _sqlite_rows(content: bytes, first: int) -> Iterator[tuple[int, bytes]]:
    with opened(content) as connection:
        query = "SELECT rowid, CAST(blob AS BLOB) FROM Packages WHERE rowid >= ? ORDER BY rowid"
        yield from connection.execute(query, (first,))


@contextmanager
def opened(content: bytes) -> Iterator[sqlite3.Connection]:
    """Open the database in memory. Raises ValueError; an error of sqlite in the block becomes one, too.

    The file may be malicious: no views, no endless work, no endless rows.
    """
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.deserialize(content)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, ROW_LIMIT)
            connection.set_progress_handler(lambda: 1, _STEPS)
            connection.execute("PRAGMA trusted_schema = OFF")
            if not connection.execute(
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'Packages'"
            ).fetchone():
                raise ValueError("not an rpm database: it has no packages")
            yield connection
        except (sqlite3.Error, MemoryError, AttributeError) as error:  # deserialize is missing from some builds
            raise ValueError(f"not an rpm database: {error}") from error
