"""The loader's cache, /etc/ld.so.cache: which library lies where, as ldconfig found it.

Source: glibc, sysdeps/generic/dl-cache.h (struct cache_file_new; an old-format cache may come in front of it) and ldconfig(8).
"""

from __future__ import annotations

import os
import struct
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

PATH = "/etc/ld.so.cache"
_MAGIC = b"glibc-ld.so.cache1.1"
_HEADER = 48
_ENTRIES = 100_000
_STRING = 4096
_BIG_ENDIAN = 3


@dataclass(frozen=True, slots=True)
class CachedLibrary:
    """Where a library lies; `special` ones are for some processors only (glibc-hwcaps)."""

    name: str
    path: str
    special: bool


@dataclass(frozen=True, slots=True)
class LdCache:
    """Libraries in the loader's order; none for what is no cache."""

    libraries: tuple[CachedLibrary, ...] = ()

    def by_name(self) -> Mapping[str, tuple[CachedLibrary, ...]]:
        """Those of each name."""
        found: dict[str, list[CachedLibrary]] = defaultdict(list)
        for library in self.libraries:
            found[library.name].append(library)
        return {name: tuple(libraries) for name, libraries in found.items()}


def read_ld_cache(content: bytes) -> LdCache:
    """Read a cache, as far as it goes. Never raises; runs in a child process, since a small one may name a lot of text."""
    start = content.find(_MAGIC)
    if start < 0 or len(content) < start + _HEADER:
        return LdCache()
    order = ">" if content[start + 28] & _BIG_ENDIAN == _BIG_ENDIAN else "<"
    count = min(struct.unpack_from(order + "I", content, start + 20)[0], _ENTRIES)
    entry = struct.Struct(order + "iIIIQ")
    whole = min(count, (len(content) - start - _HEADER) // entry.size) * entry.size
    entries = entry.iter_unpack(content[start + _HEADER : start + _HEADER + whole])
    libraries = (
        CachedLibrary(_text(content, start + name), _text(content, start + path), capabilities != 0)
        for _, name, path, _, capabilities in entries
    )
    return LdCache(tuple(library for library in libraries if library.path.startswith("/")))


def _text(content: bytes, start: int) -> str:
    end = content.find(b"\0", start, start + _STRING)
    return os.fsdecode(content[start:end]) if end > start else ""
