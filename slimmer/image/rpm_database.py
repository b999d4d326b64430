"""Read the installed packages and their files from rpm's database, an sqlite file.

The file comes from an untrusted image, and sqlite is native code, so a child process reads it (slimmer.sandbox). A child's answer is
bounded, so the file is sent to it again and again until it has returned everything. Sources: rpm,
docs/manual/hregions.md and include/rpm/rpmtag.h, and its sqlite back end (lib/backend/sqlite.c).
"""

from __future__ import annotations

import os
import sqlite3
import struct
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice

from slimmer.image.declared_licences import bounded
from slimmer.image.installed import Installed
from slimmer.image.lines import Unreadable
from slimmer.image.packages import NAME_LIMIT
from slimmer.image.purl import Origin
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
_ROW_LIMIT = 1 << 24
_PATH_LIMIT = 4096
_NAME, _VERSION, _RELEASE = 1000, 1001, 1002
_EPOCH, _LICENCE, _ARCHITECTURE, _SOURCE = 1003, 1014, 1022, 1044
_OLD_FILE_NAMES, _DIRECTORY_INDEXES, _BASE_NAMES, _DIRECTORY_NAMES = 1027, 1116, 1117, 1118
_INT32, _STRING, _STRING_ARRAY = 4, 6, 8
_ENTRY = struct.Struct(">4L")


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
    content = _joined(pieces)
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


@dataclass(frozen=True, slots=True)
class RpmOrigin:
    """What a package's header says besides its files. The epoch may be ""."""

    name: str
    version: str
    epoch: str
    architecture: str
    source: str
    licence: str


@dataclass(frozen=True, slots=True)
class RpmOrigins:
    """The packages of a database. `problem` says why reading stopped; "" if nothing went wrong."""

    packages: tuple[RpmOrigin, ...] = ()
    problem: str = ""


def rpm_installed(sandbox: Sandbox, path: str, pieces: Iterator[bytes]) -> Iterator[Installed]:
    """Yield each package without its files. Raises Unreadable."""
    [found] = sandbox.facts(read_rpm_origins, RpmOrigins, [Job(path, _joined(pieces))])
    if found is None:
        raise Unreadable("its reader failed")
    for one in found.packages:
        package = package_of("rpm", os.fsencode(one.name), os.fsencode(one.version))
        origin = Origin(architecture=one.architecture, epoch=one.epoch, source=one.source)
        yield Installed(package, origin=origin, licences=bounded([one.licence]))
    if found.problem:
        raise Unreadable(found.problem)


@reader
def read_rpm_origins(content: bytes) -> RpmOrigins:
    """Read the packages of the database without their files. Runs in a child process."""
    found: list[RpmOrigin] = []
    left = PART
    try:
        for _, header in _headers(content, 0):
            one = header.origin
            left -= sum(map(len, asdict(one).values()))
            if left < 0:
                return RpmOrigins(tuple(found), "it has too many packages")
            found.append(one)
    except ValueError as error:
        return RpmOrigins(tuple(found), str(error))
    return RpmOrigins(tuple(found))


@reader
def read_rpm(content: bytes, row: int, file: int) -> RpmPart:
    """Read the database from a row and file on. Runs in a child process."""
    found: list[RpmPackage] = []
    left = PART
    try:
        for number, header in _headers(content, row):
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


def _joined(pieces: Iterator[bytes]) -> bytes:
    """Return the whole file, marked as having no write-ahead log: there is none in memory (sqlite.org/fileformat2, 1.3.3)."""
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > SIZE_LIMIT:
            raise Unreadable(f"it is larger than {SIZE_LIMIT >> 20} MiB")
    if content[18:20] == b"\x02\x02":
        content[18:20] = b"\x01\x01"
    return bytes(content)


@dataclass(frozen=True, slots=True)
class _Header:
    """A package's header in rpm's database. Its parts are read on demand."""

    _tags: Mapping[int, tuple[int, int, int]]
    _data: bytes

    @property
    def name(self) -> str:
        """The package's name."""
        return self._text(_NAME)

    @property
    def version(self) -> str:
        """VERSION-RELEASE."""
        return f"{self._text(_VERSION)}-{self._text(_RELEASE)}"

    @property
    def origin(self) -> RpmOrigin:
        """What is known besides the files. Long texts are cut."""
        epoch = self._numbers(_EPOCH)
        texts = [self._text(tag)[:NAME_LIMIT] for tag in (_ARCHITECTURE, _SOURCE, _LICENCE)]
        return RpmOrigin(self.name, self.version, str(epoch[0]) if epoch else "", *texts)

    def files(self) -> Iterator[bytes]:
        """Yield absolute paths of the package's files and directories. Raises ValueError for invalid indexes."""
        yield from self._strings(_OLD_FILE_NAMES)
        folders, indexes = list(self._strings(_DIRECTORY_NAMES)), self._numbers(_DIRECTORY_INDEXES)
        if any(len(folder) > _PATH_LIMIT for folder in folders):
            raise ValueError("an rpm header names a folder whose name is too long")
        for base, index in zip(self._strings(_BASE_NAMES), indexes, strict=False):
            if index >= len(folders):
                raise ValueError("an rpm header refers to a folder that it does not have")
            yield folders[index] + base

    def _text(self, tag: int) -> str:
        kind, offset, _ = self._tags.get(tag, (0, 0, 0))
        end = self._data.find(b"\0", offset)
        return self._data[offset : end if end >= 0 else None].decode(errors="replace") if kind == _STRING else ""

    def _strings(self, tag: int) -> Iterator[bytes]:
        kind, offset, count = self._tags.get(tag, (0, 0, 0))
        for _ in range(count if kind == _STRING_ARRAY else 0):
            end = self._data.find(b"\0", offset)
            if end < 0:
                return
            yield self._data[offset:end]
            offset = end + 1

    def _numbers(self, tag: int) -> tuple[int, ...]:
        kind, offset, count = self._tags.get(tag, (0, 0, 0))
        if kind != _INT32 or offset + 4 * count > len(self._data):
            return ()
        return struct.unpack_from(f">{count}L", self._data, offset)


def _headers(content: bytes, first: int) -> Iterator[tuple[int, _Header]]:
    """Yield the installed packages with their rows, without the keys that rpm stores among them. Raises ValueError."""
    for number, row in _rows(content, first):
        header = _header(row)
        if header.name != "gpg-pubkey":
            yield number, header


def _header(row: bytes) -> _Header:
    """Parse a header: two counts, the index (tag, type, offset, count), and the data that it points into."""
    if len(row) < 8:
        raise ValueError("an rpm header is too short")
    (count,) = struct.unpack_from(">L", row)
    data = 8 + count * _ENTRY.size
    if data > len(row):
        raise ValueError("an rpm header is cut short")
    entries = _ENTRY.iter_unpack(row[8:data])
    return _Header({tag: (kind, offset, number) for tag, kind, offset, number in entries}, row[data:])


def _rows(content: bytes, first: int) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of the package table. The file may be malicious: no views, no endless work, no endless rows."""
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.deserialize(content)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _ROW_LIMIT)
            connection.set_progress_handler(lambda: 1, _STEPS)
            connection.execute("PRAGMA trusted_schema = OFF")
            if not connection.execute(
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'Packages'"
            ).fetchone():
                raise ValueError("not an rpm database: it has no packages")
            rows = "SELECT rowid, CAST(blob AS BLOB) FROM Packages WHERE rowid >= ? ORDER BY rowid"
            yield from ((number, row) for number, row in connection.execute(rows, (first,)) if row and number > 0)
        except (sqlite3.Error, MemoryError, AttributeError) as error:  # deserialize is missing from some builds
            raise ValueError(f"not an rpm database: {error}") from error
