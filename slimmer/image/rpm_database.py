"""rpm's database: the installed packages, and the files of each, out of the sqlite file.

The file comes from an untrusted image: whatever is wrong with it is a ValueError, and no query can go on for ever. Sources:
rpm, docs/manual/hregions.md and include/rpm/rpmtag.h, and its sqlite back end (lib/backend/sqlite.c).
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

_STEPS = 50_000_000
_ROW_LIMIT = 1 << 24
_PATH_LIMIT = 4096
_NAME, _VERSION, _RELEASE = 1000, 1001, 1002
_OLD_FILE_NAMES, _DIRECTORY_INDEXES, _BASE_NAMES, _DIRECTORY_NAMES = 1027, 1116, 1117, 1118
_INT32, _STRING, _STRING_ARRAY = 4, 6, 8
_ENTRY = struct.Struct(">4L")


@dataclass(frozen=True, slots=True)
class RpmHeader:
    """A package of rpm's: its header, of which the parts are read when they are asked for."""

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

    def files(self) -> Iterator[bytes]:
        """Absolute paths of the package's files and directories. Raises ValueError for indexes that lead nowhere."""
        yield from self._strings(_OLD_FILE_NAMES)
        folders, indexes = list(self._strings(_DIRECTORY_NAMES)), self._numbers(_DIRECTORY_INDEXES)
        if any(len(folder) > _PATH_LIMIT for folder in folders):
            raise ValueError("a header of rpm's names a folder that is too long")
        for base, index in zip(self._strings(_BASE_NAMES), indexes, strict=False):
            if index >= len(folders):
                raise ValueError("a header of rpm's names a folder that it does not have")
            yield folders[index] + base

    def _text(self, tag: int) -> str:
        kind, offset, _ = self._tags.get(tag, (0, 0, 0))
        return self._data[offset:].partition(b"\0")[0].decode(errors="replace") if kind == _STRING else ""

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


def rpm_headers(content: bytes) -> Iterator[RpmHeader]:
    """The installed packages; keys, which rpm keeps among them, are left out. Raises ValueError."""
    for row in _rows(content):
        header = _header(row)
        if header.name != "gpg-pubkey":
            yield header


def _header(row: bytes) -> RpmHeader:
    """Two counts, the index (tag, type, offset, count), and the data that it points into."""
    if len(row) < 8:
        raise ValueError("a header of rpm's is too short")
    (count,) = struct.unpack_from(">L", row)
    data = 8 + count * _ENTRY.size
    if data > len(row):
        raise ValueError("a header of rpm's is cut short")
    entries = _ENTRY.iter_unpack(row[8:data])
    return RpmHeader({tag: (kind, offset, number) for tag, kind, offset, number in entries}, row[data:])


def _rows(content: bytes) -> Iterator[bytes]:
    """The rows of the table of packages. The file may be made to harm: no views, no endless work, no endless rows."""
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.deserialize(_without_log(content))
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _ROW_LIMIT)
            connection.set_progress_handler(lambda: 1, _STEPS)
            connection.execute("PRAGMA trusted_schema = OFF")
            if not connection.execute(
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'Packages'"
            ).fetchone():
                raise ValueError("not a database of rpm's: it has no packages")
            yield from (row[0] for row in connection.execute("SELECT CAST(blob AS BLOB) FROM Packages") if row[0])
        except (sqlite3.Error, MemoryError, AttributeError) as error:  # deserialize is missing from some builds
            raise ValueError(f"not a database of rpm's: {error}") from error


def _without_log(content: bytes) -> bytes:
    """The database marked as one without a write-ahead log, which memory cannot have (sqlite.org/fileformat2, 1.3.3)."""
    return content[:18] + b"\x01\x01" + content[20:] if content[18:20] == b"\x02\x02" else content
