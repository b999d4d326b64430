"""Imports by computed names: finds the modules that such a name may stand for, in a package or below any package that is used."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Set
from dataclasses import replace

from slimmer.image.tree import Tree
from slimmer.keep.language import Origin
from slimmer.keep.languages.python.depth import TOOLS, Level
from slimmer.keep.languages.python.edges import Edge
from slimmer.keep.languages.python.finder import CODE, Finder, Module
from slimmer.keep.sources.named_paths import HOLE

LIBRARY_COMPUTED = 1 << 22
"""The bytes that a computed name in a library may add. If there are more, only what the app names is kept."""

APP_COMPUTED = 1 << 23
"""The same for a computed name in the app's own code."""

PLACES = 50
"""The most names below any package that are remembered. Each one is looked up in every package that is used."""

Choice = tuple[Module, Level, Edge]
"""The importing module, the level at which it is followed, and what it imports."""


class Choices:
    """Gathers imports by computed names, and answers each one once."""

    def __init__(self, tree: Tree, finder: Finder, words: Set[str], named: Set[str]) -> None:
        """`words` are the names in the app's code, and `named` the files that are kept already. Both may grow later."""
        self._tree, self._finder, self._words, self._named = tree, finder, words, named
        self._waiting: dict[tuple[str, str, str], Choice] = {}
        self._anywhere: dict[str, Choice] = {}
        self._packages: list[str] = []
        self._asked: dict[str, int] = {}

    def note(self, module: Module, level: Level, edge: Edge) -> None:
        """Remember that a module imports something by a computed name."""
        if edge.target.startswith(HOLE):
            if len(self._anywhere) < PLACES:
                self._anywhere.setdefault(edge.target.removeprefix(HOLE), (module, level, edge))
        else:
            self._waiting.setdefault((module.source, edge.target, edge.stem), (module, level, edge))

    def used(self, package: str) -> None:
        """Remember that a package is used. Names below any package are looked up in it."""
        self._packages.append(package)

    def answers(self) -> Iterator[Choice]:
        """Yield the modules that the imports noted since the last call may stand for."""
        waiting, self._waiting = self._waiting, {}
        for module, level, edge in [*waiting.values(), *self._placed()]:
            for name in self._names(module, level, edge):
                yield module, level, Edge(name, edge.where)

    def _placed(self) -> Iterator[Choice]:
        """Yield names below any package (`"%s.commands.%s" % (package, name)`) for each package that is newly used."""
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
        """Return the bytes that these modules would add."""
        files = {path for name in names if (module := self._finder.find(name)) for path in self._files(module)}
        return sum(entry.size for path in files - self._named if (entry := self._tree.get(path)))

    def _files(self, module: Module) -> Iterator[str]:
        """Yield the files of a module, and those directly in its folders."""
        yield from module.files
        for folder in module.folders:
            yield from (path for path in self._finder.listing(folder).values() if _is_code(path))


def _is_code(path: str) -> bool:
    return posixpath.splitext(path)[1] in CODE


def _limit(module: Module, level: Level) -> int:
    """Return the bytes that a computed name in this module may add. The standard library gets none: its computed names are encodings, which are kept by name."""
    if level is Level.APP:
        return APP_COMPUTED
    return 0 if module.root.origin is Origin.STDLIB else LIBRARY_COMPUTED
