"""The submodules that `from package import *` loads: those that the package names in `__all__`, or imports on demand (PEP 562)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slimmer.keep.languages.python.depth import Level
from slimmer.keep.languages.python.edges import Edge
from slimmer.keep.languages.python.facts import Facts
from slimmer.keep.languages.python.finder import Module
from slimmer.keep.languages.python.loaded import Loaded


class Stars:
    """Remembers the packages that `import *` is used on, and what packages offer. The two may come in any order."""

    def __init__(self) -> None:
        self._starred: set[str] = set()
        self._on_demand: dict[str, tuple[Loaded, ...]] = {}
        self._exports: dict[str, tuple[Loaded, ...]] = {}

    def asked(self, package: str) -> Iterator[Loaded]:
        """Note that a module imports everything from a package."""
        self._starred.add(package)
        return self._answers(package)

    def makes_on_demand(self, package: Module, level: Level, edges: Iterable[Edge]) -> Iterator[Loaded]:
        """Note that a package makes attributes on demand, with the edges of its `__getattr__`."""
        self._on_demand[package.name] = tuple(Loaded(package, level, Edge(edge.target)) for edge in edges)
        return self._answers(package.name)

    def exports(self, package: Module, level: Level, facts: Facts) -> Iterator[Loaded]:
        """Note the names in a package's `__all__`."""
        edges = (Edge(f"{package.name}.{name}") for name in facts.exports)
        self._exports[package.name] = tuple(Loaded(package, level, edge, "named in __all__ of") for edge in edges)
        return self._answers(package.name)

    def _answers(self, package: str) -> Iterator[Loaded]:
        if package in self._starred:
            yield from self._on_demand.pop(package, ())
            yield from self._exports.get(package, ())
