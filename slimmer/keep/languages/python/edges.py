"""From a module's facts to the modules that it may import, and how deep each of those is to be followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from slimmer.keep.languages.python.facts import MAIN, Facts, Import
from slimmer.keep.languages.python.metadata import Distribution, Distributions
from slimmer.keep.languages.python.search import APP, STDLIB, Finder, Module

SMALL = 1 << 22
"""Bytes of a distribution that counts as small: one that is kept when a function of another distribution imports it."""

TOOLS = frozenset(
    {
        "IPython", "_aix_support", "_osx_support", "_pytest", "cProfile", "conftest", "distutils", "doctest", "ensurepip", "f2py", "idlelib", "lib2to3", "pdb",
        "pip", "profile", "pydoc", "pydoc_data", "pytest", "setuptools", "test", "testing", "tests", "tkinter", "turtle",
        "turtledemo", "unittest", "venv", "wheel",
    }
)  # fmt: skip
"""Names of modules for developers and for other systems: not followed from functions of libraries."""


class Level(IntEnum):
    """How deep a module is followed: what importing it loads, what its functions import, all that it names."""

    LOADED = 1
    USED = 2
    APP = 3


@dataclass(frozen=True, slots=True)
class Edge:
    """A module that another may import; `where` is the importing function.

    `computed`: all that lies in this package and whose name begins with `stem`; a target that begins with HOLE is such a
    package below any other. `all_names`: what the package gives to `import *`.
    """

    target: str
    where: str = ""
    computed: bool = False
    stem: str = ""
    all_names: bool = False


def package_of(module: Module) -> str:
    """The package that relative imports of a module start from."""
    return module.name if module.folders else module.name.rpartition(".")[0]


def absolute(package: str, level: int, name: str) -> str:
    """The full name behind a relative one; "" when it leads out of everything."""
    if level == 0:
        return name
    parts = package.split(".") if package else []
    if level > len(parts):
        return ""
    base = parts[: len(parts) - level + 1]
    return ".".join([*base, name] if name else base)


def edges(finder: Finder, module: Module, facts: Facts) -> Iterator[Edge]:
    """What the imports of a module name, and what its calls import by strings. Targets may not exist."""
    package = package_of(module)
    for entry in facts.imports:
        if entry.instead and all(_exists(finder, package, tried) for tried in entry.instead):
            continue
        base = _base(finder, package, entry)
        if base:
            yield Edge(base, entry.where, all_names=entry.names == ("*",))
            yield from (Edge(f"{base}.{name}", entry.where) for name in entry.names if finder.find(f"{base}.{name}"))
    for call in facts.dynamic:
        name = call.name.lstrip(".")
        known, _, stem = name.rpartition(".") if call.prefix else (name, "", "")
        target = absolute(package, len(call.name) - len(name), known)
        if target:
            yield Edge(target, call.where, computed=call.prefix, stem=stem)


def _base(finder: Finder, package: str, entry: Import) -> str:
    """The module of a statement; where no root has it, one beside the importer, as scripts and Python 2 find it."""
    base = absolute(package, entry.level, entry.module)
    if entry.level == 0 and package and finder.find(base.partition(".")[0]) is None:
        return f"{package}.{base}"
    return base


def _exists(finder: Finder, package: str, tried: str) -> bool:
    name = tried.lstrip(".")
    target = absolute(package, len(tried) - len(name), name)
    return bool(target) and finder.find(target) is not None


class Depth:
    """Decides whether an edge is followed, and how deep."""

    def __init__(self, distributions: Distributions) -> None:
        self._distributions = distributions

    def of(self, module: Module) -> Level:
        """The level of a module that is imported without more ado."""
        return Level.APP if self._is_app(module) else Level.USED

    def along(self, source: Module, level: Level, target: Module, where: str) -> Level | None:
        """The level at which the target of an edge is followed; None when it is not."""
        if level is Level.APP or self._is_app(target):
            return self.of(target)
        if not where:
            return level
        if where == MAIN or level is Level.LOADED or not TOOLS.isdisjoint(target.name.split(".")):
            return None
        if self._together(source, target):
            return Level.USED
        if target.root.kind == STDLIB:
            return Level.LOADED
        owner = self._owner(target)
        small = owner is not None and self._distributions.size(owner, SMALL) <= SMALL
        return Level.USED if small and source.root.kind != STDLIB else None

    def _is_app(self, module: Module) -> bool:
        if module.root.kind == APP:
            return True
        owner = self._owner(module) if module.root.kind != STDLIB else None
        return owner is not None and owner.local

    def _together(self, one: Module, other: Module) -> bool:
        if one.name.partition(".")[0] == other.name.partition(".")[0]:
            return True
        owner = self._owner(one) if one.root.kind != STDLIB else None
        return owner is not None and owner is self._owner(other)

    def _owner(self, module: Module) -> Distribution | None:
        return self._distributions.owner((module.files or module.folders)[0])
