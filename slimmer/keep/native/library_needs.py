"""The size of the libraries that native code needs, directly and indirectly, besides those that were opened."""

from __future__ import annotations

import posixpath
from collections.abc import Container, Iterable, Iterator

from slimmer.keep.image_view import ImageView
from slimmer.keep.native.code_reader import Code, CodeReader
from slimmer.keep.native.library_search import LibrarySearch, Seeker
from slimmer.observe.log import Operation

NEEDED_BYTES = 4 << 20
"""The most bytes of further libraries that code may bring if no run loaded it. Libraries that a run opened do not count."""

LIBRARIES = 1000
"""The most libraries that are read. Code that needs more needs too much."""


def opened_objects(image: ImageView) -> dict[str, str]:
    """Return the real paths of the shared objects that were opened, each with the program that opened it."""
    opened: dict[str, str] = {}
    for access in image.log.accesses:
        if access.operation is Operation.OPEN and access.found and ".so" in access.asked:
            entry = image.end(access.resolved or access.asked)
            if entry is not None:
                opened.setdefault(entry.path, access.executable)
    return opened


class LibraryNeeds:
    """Finds files that need at most `limit` bytes of libraries that are not in `opened`."""

    def __init__(
        self, image: ImageView, reader: CodeReader, search: LibrarySearch, opened: Container[str], limit: int
    ) -> None:
        self._tree, self._reader, self._search = image.tree, reader, search
        self._opened, self._limit = opened, limit
        self._direct: dict[str, tuple[str, ...]] = {}

    def modest(self, codes: Iterable[Code], *, whole: bool = False) -> list[Code]:
        """Return the files that stay within the limit. If `whole` is true, their own bytes count, too, unless they were opened.

        Costs one round trip for each layer of libraries, for all files together.
        """
        chosen = list(codes)
        layer = chosen
        while layer and len(self._direct) < LIBRARIES:
            self._direct.update((code.path, self._needed_by(code)) for code in layer)
            below = {path for code in layer for path in self._direct[code.path]} - self._direct.keys()
            # a library that exceeds the limit by itself settles it, so it is not read
            layer = list(self._reader.read(path for path in sorted(below) if self._size(path) <= self._limit).values())
        own = {code.path: self._size(code.path) if whole and code.path not in self._opened else 0 for code in chosen}
        return [code for code in chosen if own[code.path] + self._bytes_below(code.path) <= self._limit]

    def _needed_by(self, code: Code) -> tuple[str, ...]:
        """Return the real paths of the libraries that a file names and that were not opened."""
        seeker = Seeker(code.elf, posixpath.dirname(code.path))
        groups = (next(self._search.groups(name, seeker), ()) for name in code.elf.needed)
        ends = (self._tree.resolve(group[0]).end for group in groups if group)
        return tuple(dict.fromkeys(end for end in ends if end is not None and end not in self._opened))

    def below(self, path: str) -> Iterator[tuple[str, int]]:
        """Yield the libraries that a file needs and that were not opened, each with its bytes. `modest` has to have seen the file."""
        seen, waiting = {path}, [path]
        while waiting:
            for below in self._direct.get(waiting.pop(), ()):
                if below not in seen:
                    seen.add(below)
                    waiting.append(below)
                    yield below, self._size(below) if len(seen) < LIBRARIES else self._limit + 1

    def _bytes_below(self, path: str) -> int:
        total = 0
        for _, size in self.below(path):
            total += size
            if total > self._limit:
                break
        return total

    def _size(self, path: str) -> int:
        entry = self._tree.get(path)
        return entry.size if entry is not None else 0
