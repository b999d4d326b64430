"""Read the databases of an image's package managers as streams, with a limit for all of them together.

If a database is too large or broken, what was read up to that point counts, and the database is noted as unreadable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from slimmer.image.lines import LineReader, Unreadable
from slimmer.image.tree import Tree
from slimmer.sandbox.sandbox import Sandbox

DATABASE_LIMIT = 200 << 20
"""The largest size of a database, in bytes."""

TOGETHER_LIMIT = 1 << 29
"""The largest size of all databases of an image together, in bytes."""

Stream = Callable[[Sequence[str]], Iterator[tuple[str, Iterator[bytes] | None]]]
"""Yields the contents of regular files, in order, as pieces; None for a file that cannot be read. Costs a round trip.

Take the pieces of a file before you ask for the next file.
"""

T = TypeVar("T")


class DatabaseReader:
    """Reads the databases of one image. `sandbox` parses binary ones, and is told which are unreadable."""

    def __init__(self, tree: Tree, stream: Stream, sandbox: Sandbox) -> None:
        self._tree, self._stream, self.sandbox = tree, stream, sandbox
        self._lines = LineReader()
        self._left = TOGETHER_LIMIT
        self.unreadable: dict[str, None] = {}

    def read(self, paths: Iterable[str], understand: Callable[[str, Iterator[bytes]], Iterator[T]]) -> Iterator[T]:
        """Yield what `understand` makes of the content of each file. Costs one round trip; none if there is nothing to read.

        If it raises Unreadable, or a file cannot be read, that is noted.
        """
        affordable = [path for path in paths if self._is_affordable(path)]
        for path, pieces in self._stream(affordable) if affordable else ():
            try:
                if pieces is None:
                    raise Unreadable("the engine cannot read it")
                yield from understand(path, pieces)
            except Unreadable as error:
                self.note(path, str(error))

    def lines(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Split contents into lines. Raises Unreadable."""
        return self._lines.lines(pieces)

    def note(self, path: str, why: str) -> None:
        """Remember that a database could not be read, and tell the user."""
        self.unreadable[path] = None
        self.sandbox.note(path, why)

    def _is_affordable(self, path: str) -> bool:
        entry = self._tree.get(path)
        size = entry.size if entry is not None else 0
        if size > DATABASE_LIMIT:
            self.note(path, f"it is larger than {DATABASE_LIMIT >> 20} MiB")
        elif size > self._left:
            self.note(path, f"the image's package databases are larger than {TOGETHER_LIMIT >> 20} MiB together")
        else:
            self._left -= size
            return True
        return False
