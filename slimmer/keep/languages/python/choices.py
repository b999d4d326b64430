"""Imports by computed names: finds the modules that such a name may stand for, in a package or below any package that is used."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Set
from dataclasses import replace

from slimmer.formatting import human_size
from slimmer.keep.image_view import ImageView
from slimmer.keep.language import Origin
from slimmer.keep.languages.python.depth import TOOLS, Level
from slimmer.keep.languages.python.edges import Edge
from slimmer.keep.languages.python.finder import CODE, Finder, Module
from slimmer.keep.sources.named_paths import HOLE
from slimmer.unproven import Kind, option

LIBRARY_COMPUTED = 1 << 22
"""The bytes that a computed name in a library may add. If there are more, only what the app names is kept."""

APP_COMPUTED = 1 << 23
"""The same for a computed name in the app's own code."""

MODULES = 5000
"""The most modules below a package that are looked at if code walks it."""

PLACES = 50
"""The most names below any package that are remembered. Each one is looked up in every package that is used."""

Choice = tuple[Module, Level, Edge]
"""The importing module, the level at which it is followed, and what it imports."""


class Choices:
    """Gathers imports by computed names, and answers each one once."""

    def __init__(self, image: ImageView, finder: Finder, words: Set[str], named: Set[str]) -> None:
        """`words` are the names in the app's code, and `named` the files that are kept already. Both may grow later."""
        self._tree, self._unproven = image.tree, image.unproven
        self._finder, self._words, self._named = finder, words, named
        self._waiting: dict[tuple[str, str, str], Choice] = {}
        self._anywhere: dict[str, Choice] = {}
        self._packages: list[str] = []
        self._asked: dict[str, int] = {}
        self._walker: Choice | None = None
        self._walked = 0

    def note(self, module: Module, level: Level, edge: Edge) -> None:
        """Remember that a module imports something by a computed name."""
        if edge.target == HOLE:
            if module.root.origin is not Origin.STDLIB:
                self._walker = self._walker or (module, level, edge)
        elif edge.target.startswith(HOLE):
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
        for module, level, edge in [*waiting.values(), *self._placed(), *self._of_the_app()]:
            for name in self._names(module, level, edge):
                yield module, level, Edge(name, edge.where)

    def _placed(self) -> Iterator[Choice]:
        """Yield names below any package (`"%s.commands.%s" % (package, name)`) for each package that is newly used."""
        for below, (module, level, edge) in self._anywhere.items():
            start = self._asked.get(below, 0)
            self._asked[below] = len(self._packages)
            for package in self._packages[start:]:
                yield module, level, replace(edge, target=package + below, where="")

    def _of_the_app(self) -> Iterator[Choice]:
        """Yield the packages of the app in use, for code that walks packages that a caller gives it."""
        if self._walker is None:
            return
        module, level, edge = self._walker
        for package in self._packages[self._walked :]:
            found = self._finder.find(package)
            if found and found.root.origin is Origin.APP:
                yield module, level, replace(edge, target=package)
        self._walked = len(self._packages)

    def _names(self, module: Module, level: Level, edge: Edge) -> Iterator[str]:
        package = self._finder.find(edge.target)
        if package is None or not package.folders:
            return
        names = list(self._below(package)) if edge.deep else list(self._finder.submodules(package))
        names = [name for name in names if name.startswith(f"{package.name}.{edge.stem}")]
        if not edge.where:
            names = [name for name in names if TOOLS.isdisjoint(name.removeprefix(package.name).split("."))]
        limit = _limit(module, level)
        if (size := self._size(names)) > limit:
            named = [name for name in names if name.rpartition(".")[2] in self._words]
            if limit and len(named) < len(names):
                self._cut(module, package, size)
            names = named
        yield from names

    def _below(self, package: Module) -> Iterator[str]:
        """Yield the modules of a package, and of the packages in it: MODULES at most."""
        pending, left = [package], MODULES
        while pending and left > 0:
            for name in self._finder.submodules(pending.pop()):
                yield name
                left -= 1
                if (module := self._finder.find(name)) and module.folders:
                    pending.append(module)

    def _cut(self, module: Module, package: Module, size: int) -> None:
        folder = package.folders[0]
        self._unproven.note(
            Kind.LIMIT,
            folder,
            f"{module.source or module.files[0]} imports modules of it by computed names, and they have {human_size(size)}: "
            "only those in use or named by the app are kept",
            option("--include", folder),
        )

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
