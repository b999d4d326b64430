"""The modules that a module may import, worked out from its facts: import statements, and calls that import by a string."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from slimmer.keep.language import Origin
from slimmer.keep.languages.python.depth import TOOLS
from slimmer.keep.languages.python.facts import Dynamic, Facts, Import, Walk
from slimmer.keep.languages.python.finder import Finder, Module
from slimmer.keep.sources.named_paths import HOLE


@dataclass(frozen=True, slots=True)
class Edge:
    """A module that another one may import. `where` is the function with the import, as in Import.

    If `computed` is true, `target` is a package, and the edge stands for all modules in it whose names begin with `stem`. Such a target
    may begin with HOLE, for a package below any other; HOLE alone is any package of the app. If `deep` is true, the modules of packages
    in it count, too. `all_names` is true for `from target import *`.
    """

    target: str
    where: str = ""
    computed: bool = False
    stem: str = ""
    all_names: bool = False
    deep: bool = False


def edges(finder: Finder, module: Module, facts: Facts) -> Iterator[Edge]:
    """Yield the edges of a module. Their targets need not exist."""
    package = package_of(module)
    for entry in facts.imports:
        yield from _imported(finder, package, entry)
    for call in facts.dynamic:
        yield from _called(package, call)
    for walk in facts.walks if TOOLS.isdisjoint(module.name.split(".")) else ():
        yield from _walked(finder, module, package, walk)


def asked(finder: Finder, module: Module, facts: Facts) -> Iterator[tuple[Module, str, str]]:
    """Yield the attributes of other modules that a module asks for: the other module, the attribute, and the function that asks."""
    package = package_of(module)
    for entry in facts.imports:
        if entry.names and not _is_fallback(finder, package, entry):
            base = finder.find(_base(finder, package, entry) or "-")
            yield from ((base, name, entry.where) for name in entry.names if base)
    for use in facts.uses:
        name = use.name.lstrip(".")
        parts = absolute(package, len(use.name) - len(name), name).split(".")
        for found, attribute in zip(finder.components(".".join(parts)), parts[1:], strict=False):
            yield found, attribute, use.where


def _imported(finder: Finder, package: str, entry: Import) -> Iterator[Edge]:
    """Yield the edges of an import statement; none if it is only a fallback for modules that all exist."""
    if _is_fallback(finder, package, entry):
        return
    if base := _base(finder, package, entry):
        yield Edge(base, entry.where, all_names=entry.names == ("*",))
        yield from (Edge(f"{base}.{name}", entry.where) for name in entry.names if finder.find(f"{base}.{name}"))


def _called(package: str, call: Dynamic) -> Iterator[Edge]:
    """Yield the edge of a call that imports by a string."""
    name = call.name.lstrip(".")
    known, _, stem = name.rpartition(".") if call.prefix else (name, "", "")
    if target := absolute(package, len(call.name) - len(name), known):
        yield Edge(target, call.where, computed=call.prefix, stem=stem)


def _walked(finder: Finder, module: Module, package: str, walk: Walk) -> Iterator[Edge]:
    """Yield the edge of a walk. Of the packages that strings name, only the app's and those of the source's own top package count."""
    name = walk.package.lstrip(".")
    target = absolute(package, len(walk.package) - len(name), name)
    if walk.stem:
        yield from (Edge(found) for found in finder.top_modules(walk.stem))
    elif target.startswith(HOLE):
        yield Edge(target, computed=True, deep=walk.deep)
    elif target and (found := finder.find(target)) and found.folders:
        own = module.root.origin is not Origin.APP and target.partition(".")[0] == package.partition(".")[0]
        if not walk.named or own or found.root.origin is Origin.APP:
            yield Edge(target, computed=True, deep=walk.deep)


def package_of(module: Module) -> str:
    """Return the package that a module's relative imports start from."""
    return module.name if module.folders else module.name.rpartition(".")[0]


def absolute(package: str, level: int, name: str) -> str:
    """Return the full name of a module that is imported with `level` leading dots; "" if there are more dots than packages."""
    if level == 0:
        return name
    parts = package.split(".") if package else []
    if level > len(parts):
        return ""
    base = parts[: len(parts) - level + 1]
    return ".".join([*base, name] if name else base)


def _base(finder: Finder, package: str, entry: Import) -> str:
    """Return the module that a statement names. If no root has it, it is one beside the importer, as in scripts and Python 2."""
    base = absolute(package, entry.level, entry.module)
    if entry.level == 0 and package and finder.find(base.partition(".")[0]) is None:
        return f"{package}.{base}"
    return base


def _is_fallback(finder: Finder, package: str, entry: Import) -> bool:
    return bool(entry.instead) and all(_exists(finder, package, tried) for tried in entry.instead)


def _exists(finder: Finder, package: str, tried: str) -> bool:
    name = tried.lstrip(".")
    target = absolute(package, len(tried) - len(name), name)
    return bool(target) and finder.find(target) is not None


def extension_imports(finder: Finder, module: Module, facts: Facts) -> Iterator[str]:
    """Yield the modules that a compiled module may import: those of its own top package, and those of the standard library.

    `from logging import handlers` leaves both names in it.

    `from . import _elementpath` leaves the name of a module beside it. Other names in it are ignored, because a single word may name
    anything.
    """
    own = module.name.partition(".")[0]
    words = frozenset(facts.words)
    package = finder.find(module.name.rpartition(".")[0])
    if package is not None and package.folders:
        yield from (
            f"{package.name}.{stem}" for stem in _modules_in(finder, package) if stem in words and stem[:1] == "_"
        )
    for name in facts.words:
        first, dot, _ = name.partition(".")
        if dot and first == own:
            if finder.find(name):
                yield name
        elif first not in TOOLS and (found := finder.find(name)) and found.root.origin is Origin.STDLIB:
            yield name
            yield from (f"{name}.{stem}" for stem in _modules_in(finder, found) if stem in words)


def _modules_in(finder: Finder, package: Module) -> list[str]:
    """Return the names of the modules in a package; none for a plain module."""
    files = (file for folder in package.folders for file in finder.listing(folder))
    return sorted({file.partition(".")[0] for file in files})
