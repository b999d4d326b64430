"""Imports by computed names: which modules a choice may come to, in a package or below any package that is used."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Set
from dataclasses import replace

from slimmer.image.tree import Tree
from slimmer.keep.languages.python.edges import TOOLS, Edge, Level
from slimmer.keep.languages.python.search import STDLIB, Finder, Module
from slimmer.keep.sources.named_paths import HOLE

LIBRARY_COMPUTED = 1 << 22
"""Bytes that a library's choice by a computed name may add; where it is more, only what the app names is kept."""

APP_COMPUTED = 1 << 23
"""The same for the app's own code."""

PLACES = 50
"""How many names below any package count; each is looked for in all packages that are used."""

CODE = (".py", ".pyc", ".so")

Asked = tuple[Module, Level, Edge]
"""Who imports, how deep that module is followed, and what it imports."""


class Choices:
    """Gathers imports whose names are computed, and answers each once.

    `words` are what the app's code names, `named` the files that are kept already; both grow meanwhile.
    """

    def __init__(self, tree: Tree, finder: Finder, words: Set[str], named: Set[str]) -> None:
        self._tree, self._finder, self._words, self._named = tree, finder, words, named
        self._waiting: dict[tuple[str, str, str], Asked] = {}
        self._anywhere: dict[str, Asked] = {}
        self._packages: list[str] = []
        self._asked: dict[str, int] = {}

    def note(self, module: Module, level: Level, edge: Edge) -> None:
        """A module imports something from a package by a computed name."""
        if edge.target.startswith(HOLE):
            if len(self._anywhere) < PLACES:
                self._anywhere.setdefault(edge.target.removeprefix(HOLE), (module, level, edge))
        else:
            self._waiting.setdefault((module.source, edge.target, edge.stem), (module, level, edge))

    def used(self, package: str) -> None:
        """A package is used, which may have others below it that are chosen from."""
        self._packages.append(package)

    def answers(self) -> Iterator[Asked]:
        """What may be imported, for all that was noted since the last time."""
        waiting, self._waiting = self._waiting, {}
        for module, level, edge in [*waiting.values(), *self._placed()]:
            for name in self._names(module, level, edge):
                yield module, level, Edge(name, edge.where)

    def _placed(self) -> Iterator[Asked]:
        """Below each package that is used: `"%s.commands.%s" % (package, name)`."""
        for below, (module, level, edge) in self._anywhere.items():
            start = self._asked.get(below, 0)
            self._asked[below] = len(self._packages)
            for package in self._packages[start:]:
                yield module, level, replace(edge, target=package + below, where="")

    def _names(self, module: Module, level: Level, edge: Edge) -> Iterator[str]:
        package = self._finder.find(edge.target)
        if package is None or not package.folders:
            return
        names = [name for name in self._finder.submodules(package) if name.startswith(f"{package.name}.{edge.stem}")]
        if not edge.where:
            names = [name for name in names if name.rpartition(".")[2] not in TOOLS]
        if self._size(names) > _limit(module, level):
            names = [name for name in names if name.rpartition(".")[2] in self._words]
        yield from names

    def _size(self, names: Iterable[str]) -> int:
        files = {path for name in names if (module := self._finder.find(name)) for path in self._all(module)}
        return sum(entry.size for path in files - self._named if (entry := self._tree.get(path)))

    def _all(self, module: Module) -> Iterator[str]:
        yield from module.files
        for folder in module.folders:
            yield from (end for end in self._finder.listing(folder).values() if posixpath.splitext(end)[1] in CODE)


def _limit(module: Module, level: Level) -> int:
    """Bytes that a choice by a computed name may add; the standard library chooses encodings, which have names."""
    if level is Level.APP:
        return APP_COMPUTED
    return 0 if module.root.kind == STDLIB else LIBRARY_COMPUTED
