"""Levels at which modules are followed: what importing a module loads, what its functions import, or everything that it names."""

from __future__ import annotations

from enum import IntEnum

from slimmer.keep.language import Origin
from slimmer.keep.languages.python.facts import MAIN
from slimmer.keep.languages.python.finder import Module
from slimmer.keep.languages.python.metadata import Distribution, Distributions
from slimmer.keep.word_tables import words

SMALL = 1 << 22
"""The largest small distribution, in bytes. A small one is kept if a function of another distribution imports it."""

TOOLS = words(
    "test tests testing conftest _pytest pytest unittest doctest",
    "pip setuptools distutils wheel ensurepip venv",  # they install packages
    "pdb cProfile profile pydoc pydoc_data lib2to3 f2py",
    "idlelib tkinter turtle turtledemo",  # they need a screen
    # Libraries ask `IPython.get_ipython` whether a person sits in front of them, and work without it. If one does, it is in use.
    "IPython",
    "_aix_support _osx_support",
)
"""Names of modules for developers and for other systems. Imports of them in a library's functions are not followed."""


class Level(IntEnum):
    """The level at which a module is followed, from shallow to deep."""

    LOADED = 1
    """Follow the modules that importing it loads."""

    USED = 2
    """Also follow the modules that its functions import."""

    APP = 3
    """Follow everything that it names, because it belongs to the app."""


def _is_launcher(module: Module) -> bool:
    """Return True for a library's module that belongs to no package. Such a module is there to be run (`python -m launcher`)."""
    return module.root.origin is Origin.LIBRARY and "." not in module.name and not module.folders


def _is_tool(source: Module, target: Module) -> bool:
    """Return True if a module belongs to a tool, or to a part of a library for developers, and `source` does not.

    A tool that is in use is no different from any library: its functions may load the rest of it. An app may run IPython, or pytest.
    """
    parts, own = target.name.split("."), source.name.split(".")
    return any(part in TOOLS and own[: place + 1] != parts[: place + 1] for place, part in enumerate(parts))


class Depth:
    """Decides which imports are followed, and at which level."""

    def __init__(self, distributions: Distributions) -> None:
        self._distributions = distributions

    def of(self, module: Module) -> Level:
        """Return the level of a module that is known to be imported."""
        return Level.APP if self._is_app(module) else Level.USED

    def along(self, source: Module, level: Level, target: Module, where: str) -> Level | None:
        """Return the level at which to follow `target` if `source`, followed at `level`, imports it; None if it is not followed.

        `where` is the function with the import, as in Import.
        """
        if level is Level.APP or self._is_app(target):
            return self.of(target)
        if not where:
            return level
        if where == MAIN:
            return Level.USED if _is_launcher(source) and self._together(source, target) else None
        if level is Level.LOADED or _is_tool(source, target):
            return None
        if self._together(source, target):
            return Level.USED
        if target.root.origin is Origin.STDLIB:
            return Level.LOADED
        owner = self._owner(target)
        small = owner is not None and self._distributions.size(owner, SMALL) <= SMALL
        return Level.USED if small and source.root.origin is not Origin.STDLIB else None

    def _is_app(self, module: Module) -> bool:
        if module.root.origin is Origin.APP:
            return True
        owner = self._owner(module)
        return owner is not None and owner.local

    def _together(self, one: Module, other: Module) -> bool:
        """Return True if two modules belong to one top package or to one distribution."""
        if one.name.partition(".")[0] == other.name.partition(".")[0]:
            return True
        owner = self._owner(one)
        return owner is not None and owner is self._owner(other)

    def _owner(self, module: Module) -> Distribution | None:
        if module.root.origin is Origin.STDLIB:
            return None
        return self._distributions.owner((module.files or module.folders)[0])
