"""Records: files of one kind that programs read by a key, such as the name of a language. If there are too many, the main ones stay."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Set

from slimmer.image.tree import Entry

FOR_ALL = frozenset(
    ("templates", "default", "defaults", "root", "c", "base", "common", "generic", "und", "source", "posix")
)
"""Names of the records that stand for all keys without a record of their own, in lower case."""

_ENGLISH = frozenset(("en", "eng", "english"))


def is_main(name: str, wanted: Set[str] = frozenset()) -> bool:
    """Return True for the record of the root, the default, English, or a key in `wanted` (lower case). `name` may have suffixes."""
    stem = name.partition(".")[0].lower()
    return stem in FOR_ALL or re.split("[-_]", stem, maxsplit=1)[0] in _ENGLISH or stem in wanted


def within_limits_or_main(
    entries: Iterable[Entry], files: int, size: int, wanted: Set[str] = frozenset()
) -> list[Entry]:
    """Return these entries; of too many (see slimmer.keep.sources.limits.within_limits) the main ones; of too many of those none.

    A folder may hold millions of files, so no more than `files` of them are held in memory.
    """
    every, main = _Group(files, size), _Group(files, size)
    for entry in entries:
        every.add(entry)
        if is_main(posixpath.basename(entry.path), wanted):
            main.add(entry)
    return every.entries or main.entries


class _Group:
    """Entries up to a number and size. Beyond that, it is empty for good."""

    def __init__(self, files: int, size: int) -> None:
        self.entries: list[Entry] = []
        self._files, self._size = files, size

    def add(self, entry: Entry) -> None:
        self._files -= 1
        self._size -= entry.size if entry.is_file else 0
        if self._files < 0 or self._size < 0:
            self.entries.clear()
        else:
            self.entries.append(entry)


def languages_of(env: Mapping[str, str]) -> frozenset[str]:
    """Return the languages that an environment names: de_de, de-de and de for LANG=de_DE.UTF-8."""
    wanted = (value for name, value in env.items() if name == "LANG" or name.startswith(("LC_", "LANGUAGE")))
    values = [value.partition(".")[0].lower() for value in wanted]
    return frozenset(one for value in values for one in (value, value.replace("_", "-"), value.split("_")[0]) if one)
