"""Read a package's header in rpm's database: its name, its version and its files.

The header comes from an untrusted image. Sources: rpm, docs/manual/hregions.md and include/rpm/rpmtag.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

KEYS = "gpg-pubkey"
"""The name of the headers that hold keys, and no package."""

_PATH_LIMIT = 4096
_NAME, _VERSION, _RELEASE, _PROVIDES = 1000, 1001, 1002, 1047
_EPOCH, _LICENCE, _ARCHITECTURE, _SOURCE = 1003, 1014, 1022, 1044
_OLD_FILE_NAMES, _DIRECTORY_INDEXES, _BASE_NAMES, _DIRECTORY_NAMES = 1027, 1116, 1117, 1118
_INT32, _STRING, _STRING_ARRAY = 4, 6, 8
_ENTRY = struct.Struct(">4L")


@dataclass(frozen=True, slots=True)
class RpmHeader:
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
    def epoch(self) -> str:
        """The epoch of the version; "" if there is none."""
        numbers = self._numbers(_EPOCH)
        return str(numbers[0]) if numbers else ""

    @property
    def architecture(self) -> str:
        """The architecture, as rpm names it."""
        return self._text(_ARCHITECTURE)

    @property
    def source(self) -> str:
        """The file name of the source package."""
        return self._text(_SOURCE)

    @property
    def licence(self) -> str:
        """The licence, as the package's author wrote it."""
        return self._text(_LICENCE)

    def files(self) -> Iterator[bytes]:
        """Yield absolute paths of the package's files and directories. Raises ValueError for invalid indexes."""
        yield from self._strings(_OLD_FILE_NAMES)
        yield from (folder + base for folder, base in self.placed())

    def provides(self) -> Iterator[bytes]:
        """Yield the names of what the package provides."""
        return self._strings(_PROVIDES)

    def placed(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the folder, with its slash, and the name of each file, in the header's order. Raises ValueError for invalid indexes."""
        folders, indexes = list(self._strings(_DIRECTORY_NAMES)), self._numbers(_DIRECTORY_INDEXES)
        if any(len(folder) > _PATH_LIMIT for folder in folders):
            raise ValueError("an rpm header names a folder whose name is too long")
        for base, index in zip(self._strings(_BASE_NAMES), indexes, strict=False):
            if index >= len(folders):
                raise ValueError("an rpm header refers to a folder that it does not have")
            yield folders[index], base

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


def parse_header(row: bytes) -> RpmHeader:
    """Parse a header: two counts, the index (tag, type, offset, count), and the data that it points into. Raises ValueError."""
    if len(row) < 8:
        raise ValueError("an rpm header is too short")
    (count,) = struct.unpack_from(">L", row)
    data = 8 + count * _ENTRY.size
    if data > len(row):
        raise ValueError("an rpm header is cut short")
    entries = _ENTRY.iter_unpack(row[8:data])
    return RpmHeader({tag: (kind, offset, number) for tag, kind, offset, number in entries}, row[data:])
