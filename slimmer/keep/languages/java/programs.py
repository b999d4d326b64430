"""Programs that the app's own classes start: texts in these classes name them (slimmer.keep.languages.java.commands), and they lie on PATH."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding
from slimmer.keep.languages.java.class_file import CLASS_LIMIT, ClassFile, read_class
from slimmer.keep.languages.java.jar import CLASS_BYTES, CLASSES
from slimmer.keep.sources.named_paths import Command, NamedPaths
from slimmer.keep.sources.reading import read_files

COMMANDS = 50_000
"""The most texts of all classes in an image that are looked for on PATH."""


class Programs:
    """Looks up commands in one image, each text once."""

    def __init__(self, image: ImageView) -> None:
        self._image, self._named = image, NamedPaths(image)
        self._seen: set[str] = set()

    def findings(self, source: str, commands: Sequence[str]) -> Iterator[Finding]:
        """Yield the programs that the classes in `source` start. If a class starts a shell for its lines, the shell is one of them."""
        fresh = [line for line in commands if line not in self._seen][: COMMANDS - len(self._seen)]
        self._seen.update(fresh)
        yield from self._named.programs(source, tuple(Command(line, shell=False) for line in fresh))

    def of_classes(self, classes: Iterable[str]) -> Iterator[Finding]:
        """Yield the programs that these class files start. Reading stops at the first file beyond the bounds on a jar's classes."""
        for path, found in read_files(self._image, read_class, ClassFile, self._within_bounds(classes), CLASS_LIMIT):
            yield from self.findings(path, found.commands)

    def _within_bounds(self, classes: Iterable[str]) -> Iterator[str]:
        entries = (entry for path in dict.fromkeys(classes) if (entry := self._image.tree.get(path)) is not None)
        size = 0
        for entry in islice(entries, CLASSES):
            size += entry.size
            if size > CLASS_BYTES:
                return
            yield entry.path
