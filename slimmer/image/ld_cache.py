"""Read the loader's cache, /etc/ld.so.cache: where ldconfig found each library.

Source: glibc, sysdeps/generic/dl-cache.h (struct cache_file_new; an old-format cache may come in front of it) and ldconfig(8).
"""

from __future__ import annotations

import os
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from slimmer.sandbox.readers import reader

PATH = "/etc/ld.so.cache"
_MAGIC = b"glibc-ld.so.cache1.1"
_HEADER = 48
_ENTRIES = 100_000
_STRING = 4096
_BIG_ENDIAN = 3


@dataclass(frozen=True, slots=True)
class CachedLibrary:
    """A library's name and path. `special` ones are only for some processors (glibc-hwcaps)."""

    name: str
    path: str
    special: bool


@dataclass(frozen=True, slots=True)
class LoaderCache:
    """The loader's cache, in the loader's order."""

    libraries: tuple[CachedLibrary, ...] = ()

    def by_name(self) -> Mapping[str, tuple[CachedLibrary, ...]]:
        """Libraries by name."""
        found: dict[str, list[CachedLibrary]] = defaultdict(list)
        for library in self.libraries:
            found[library.name].append(library)
        return {name: tuple(libraries) for name, libraries in found.items()}


@reader
def read_ld_cache(content: bytes) -> LoaderCache:
    """Read the cache. The result is empty if the content is not a cache."""
    return LoaderCache(tuple(_libraries(content)))


def _libraries(content: bytes) -> Iterator[CachedLibrary]:
    start = content.find(_MAGIC)
    if start < 0 or len(content) < start + _HEADER:
        return
    order = ">" if content[start + 28] & _BIG_ENDIAN == _BIG_ENDIAN else "<"
    count = min(struct.unpack_from(order + "I", content, start + 20)[0], _ENTRIES)
    entry = struct.Struct(order + "iIIIQ")
    whole = min(count, (len(content) - start - _HEADER) // entry.size) * entry.size
    for _, name, path, _, capabilities in entry.iter_unpack(content[start + _HEADER : start + _HEADER + whole]):
        place = _text(content, start + path)
        if place.startswith("/"):
            yield CachedLibrary(_text(content, start + name), place, capabilities != 0)


def _text(content: bytes, start: int) -> str:
    end = content.find(b"\0", start, start + _STRING)
    return os.fsdecode(content[start:end]) if end > start else ""
