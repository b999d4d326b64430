"""The smaller database of rpm: always an sqlite file, with the headers of the packages of which files are kept, unchanged, and rpm's indexes.

rpm opens only a database that has all tables and indexes of the original. Those of names, files and what packages provide are filled; the
others, with which rpm resolves dependencies, are empty. Where the original is an older database (Berkeley DB, ndb), the new one takes its place under its own name: scanners and newer
versions of rpm find it there. A child process reads the original. Only what it returns gets into the new file,
which is made in memory.

Sources: rpm, lib/backend/sqlite.c; sqlite.org/fileformat2.
"""

from __future__ import annotations

import re
import sqlite3
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from slimmer.image.added_file import AddedFile
from slimmer.image.lines import Unreadable
from slimmer.image.package_database import MOST, TOO_MUCH, Smaller
from slimmer.image.package_table import RootLinks
from slimmer.image.rpm_database import is_sqlite, joined, opened, rows
from slimmer.image.rpm_header import RpmHeader, parse_header
from slimmer.sandbox.readers import reader
from slimmer.sandbox.sandbox import Job, Sandbox

PART = 1 << 22
"""The most bytes of headers in one answer."""

PAGE = 1024
"""The size of a page, in bytes. The empty tables take a page each, so pages are small."""

_FILES_LIMIT = 1 << 21
"""The number of files of all packages: as many as slimmer indexes paths."""

_TABLES = 64
_TABLE = re.compile(r"(?!Packages$)[A-Z][A-Za-z0-9]{0,40}")
_COLUMNS = "hnum INTEGER NOT NULL, idx INTEGER NOT NULL, FOREIGN KEY (hnum) REFERENCES 'Packages'(hnum)"
_WRITER = slice(96, 100)
"""Where the file has the version of the sqlite that wrote it (sqlite.org/fileformat2, 1.3.16). It is set to zero, so that all write the same."""


@dataclass(frozen=True, slots=True)
class RpmIndex:
    """An index table: its name, whether its keys are bytes, and on which columns sqlite has an index."""

    name: str
    is_binary: bool
    by_key: bool
    by_row: bool


_BY_KEY = ("Name", "Group", "Sha1header")
_BINARY = ("Installtid", "Sigmd5")
_BY_BOTH = (
    "Basenames",
    "Requirename",
    "Providename",
    "Conflictname",
    "Obsoletename",
    "Triggername",
    "Dirnames",
    "Filetriggername",
    "Transfiletriggername",
    "Recommendname",
    "Suggestname",
    "Supplementname",
    "Enhancename",
)
_STANDARD = (
    *(RpmIndex(name, False, True, False) for name in _BY_KEY),
    *(RpmIndex(name, True, False, False) for name in _BINARY),
    *(RpmIndex(name, False, True, True) for name in _BY_BOTH),
)
"""The index tables of rpm 4.18, for images whose database is an older one and has none in sqlite."""


@dataclass(frozen=True, slots=True)
class RpmPiece:
    """A piece of the header in a row, in base64."""

    row: int
    text: str


@dataclass(frozen=True, slots=True)
class RpmHeaders:
    """Some of the headers, the index tables, and where to continue: a row, and how much of it was returned already.

    Row 0 is the end. `problem` says why reading stopped; "" if nothing went wrong.
    """

    pieces: tuple[RpmPiece, ...] = ()
    indexes: tuple[RpmIndex, ...] = ()
    row: int = 0
    offset: int = 0
    problem: str = ""


def rpm_data(given: Smaller) -> Iterator[AddedFile]:
    """Yield the database; none if something else of the image has its path."""
    if given.database.target != given.database.path and given.tree.get(given.database.target) is not None:
        return

    def understand(path: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
        try:
            headers, indexes = _collected(given.reader.sandbox, path, joined(pieces), sorted(given.wanted))
            yield smaller_database(_Files(given).chosen(headers), indexes)
        except (
            ValueError,
            sqlite3.Error,
            MemoryError,
            AttributeError,
        ) as error:  # serialize is missing from some builds
            raise Unreadable(str(error)) from error

    for content in given.reader.read([given.database.path], understand):
        detail = "the rpm packages of which files are kept"
        yield AddedFile(given.database.target, content, given.mtime, detail)


@reader
def read_headers(content: bytes, names: Sequence[str], row: int, offset: int, most: int) -> RpmHeaders:
    """Read at most `most` bytes of the headers of the packages with these names, from a row and a byte in it on. Runs in a child process."""
    wanted, left = frozenset(names), most
    found: list[RpmPiece] = []
    indexes: tuple[RpmIndex, ...] = ()
    try:
        indexes = tuple(_indexes(content)) if row == 0 else ()
        for number, header in rows(content, row):
            start = offset if number == row else 0
            if parse_header(header).name not in wanted:
                continue
            piece = header[start : start + left]
            found.append(RpmPiece(number, b64encode(piece).decode()))
            left -= len(piece)
            if left == 0:
                return RpmHeaders(tuple(found), indexes, number, start + len(piece))
    except ValueError as error:
        return RpmHeaders(tuple(found), indexes, problem=str(error))
    return RpmHeaders(tuple(found), indexes)


def smaller_database(headers: Mapping[int, tuple[RpmHeader, bytes, set[int]]], indexes: Iterable[RpmIndex]) -> bytes:
    """Return a database of these headers by row, each as bytes and with the numbers of its kept files."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        run = connection.execute
        run(f"PRAGMA page_size = {PAGE}")
        run("BEGIN")
        run("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)")
        for row, (_, content, _) in sorted(headers.items()):
            run("INSERT INTO Packages VALUES (?, ?)", (row, content))
        for index in indexes:
            run(f"CREATE TABLE '{index.name}' (key '{'BLOB' if index.is_binary else 'TEXT'}' NOT NULL, {_COLUMNS})")
            for column in ("key",) * index.by_key + ("hnum",) * index.by_row:
                run(f"CREATE INDEX '{index.name}_{column}_idx' ON '{index.name}'({column} ASC)")
            for row, (header, _, kept) in sorted(headers.items()):
                keys = ((key, row, number) for number, key in _keys(index.name, header, kept))
                insert = f"INSERT INTO '{index.name}' VALUES (CAST(? AS TEXT), ?, ?)"  # noqa: S608  # a name of _TABLE
                connection.executemany(insert, keys)
        run("COMMIT")
        written = bytearray(connection.serialize())
    written[_WRITER] = bytes(4)
    return bytes(written)


class _Files:
    """Tells which headers list kept files."""

    def __init__(self, given: Smaller) -> None:
        self._wanted, self._links = given.wanted, RootLinks(given.tree)
        self._left = _FILES_LIMIT

    def chosen(self, headers: Mapping[int, bytes]) -> dict[int, tuple[RpmHeader, bytes, set[int]]]:
        """Return the headers that list kept files, with the numbers of these. Raises ValueError."""
        found: dict[int, tuple[RpmHeader, bytes, set[int]]] = {}
        for row, content in headers.items():
            header = parse_header(content)
            if kept := self._kept(header):
                found[row] = header, content, kept
        return found

    def _kept(self, header: RpmHeader) -> set[int]:
        kept = self._wanted.get(header.name, frozenset[str]())
        found: set[int] = set()
        for number, path in enumerate(header.files()):
            self._left -= 1
            if self._left < 0:
                raise ValueError("it names too many files")
            if self._links.real(path) in kept:
                found.add(number)
        return found


def _collected(
    sandbox: Sandbox, path: str, content: bytes, names: Sequence[str]
) -> tuple[dict[int, bytes], tuple[RpmIndex, ...]]:
    """Return the headers of these packages by row, and the index tables. Raises ValueError, such as Unreadable."""
    found: dict[int, bytearray] = {}
    indexes: tuple[RpmIndex, ...] = ()
    place, size = (0, 0), 0
    for _ in range(MOST // PART + 2):
        [part] = sandbox.facts(read_headers, RpmHeaders, [Job(path, content, (names, *place, PART))])
        if part is None:
            raise Unreadable("its reader failed")
        for piece in part.pieces:
            header = b64decode(piece.text)
            found.setdefault(piece.row, bytearray()).extend(header)
            size += len(header)
        indexes = indexes or tuple(index for index in part.indexes[:_TABLES] if _TABLE.fullmatch(index.name))
        if part.problem or size > MOST:
            raise Unreadable(part.problem or TOO_MUCH)
        if part.row == 0:
            return {row: bytes(header) for row, header in found.items()}, indexes
        place = part.row, part.offset
    raise Unreadable(TOO_MUCH)


def _indexes(content: bytes) -> Iterator[RpmIndex]:
    """Yield the index tables. Raises ValueError."""
    if not is_sqlite(content):
        yield from _STANDARD
        return
    query = "SELECT name, substr(sql, 1, 4096) FROM sqlite_master WHERE type = ? LIMIT 1000"
    with opened(content) as connection:
        indexes = {name for name, _ in connection.execute(query, ("index",))}
        tables = [pair for pair in connection.execute(query, ("table",)) if all(isinstance(one, str) for one in pair)]
    for name, sql in [(name, sql) for name, sql in tables if _TABLE.fullmatch(name)][:_TABLES]:
        yield RpmIndex(name, "'BLOB'" in sql, f"{name}_key_idx" in indexes, f"{name}_hnum_idx" in indexes)


def _keys(table: str, header: RpmHeader, kept: set[int]) -> Iterator[tuple[int, bytes]]:
    """Yield the keys of a package in an index table, each with its number in the header."""
    match table:
        case "Name":
            yield 0, header.name.encode()
        case "Basenames":
            yield from ((number, base) for number, (_, base) in enumerate(header.placed()) if number in kept)
        case "Providename":
            yield from enumerate(header.provides())
