"""The closure over one Python's modules: from what is used, along the edges, until nothing is new."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.languages.python.computed import CODE, Choices
from slimmer.keep.languages.python.edges import Depth, Edge, Level, edges
from slimmer.keep.languages.python.extension import extension_imports
from slimmer.keep.languages.python.facts import BY_NAME, Facts
from slimmer.keep.languages.python.metadata import Distributions
from slimmer.keep.languages.python.resources import Extras
from slimmer.keep.languages.python.search import APP, Finder, Module
from slimmer.keep.languages.python.source_store import Sources


class Reach:
    """What one Python can reach; remembers between calls what it has followed, and how deep."""

    def __init__(self, image: ImageView, finder: Finder, sources: Sources) -> None:
        self._image, self._finder, self._sources = image, finder, sources
        self._distributions = Distributions(image, finder)
        self._depth = Depth(self._distributions)
        self._extras = Extras(image, finder, self._distributions)
        self._levels: dict[str, Level] = {}
        self._queue: dict[str, Module] = {}
        self._named: set[str] = set()
        self._starred: set[str] = set()
        self._exports: dict[str, tuple[Module, Level, tuple[str, ...]]] = {}
        self._lazy: dict[str, tuple[Module, Level, tuple[Edge, ...]]] = {}
        self._extensions: dict[str, Module] = {}
        self._choices = Choices(image.tree, finder, self._extras.words, self._named)

    def follow(self, paths: Sequence[str], is_used: Callable[[str], bool]) -> Iterator[Finding]:
        """Begin at these paths, as far as they are modules; `is_used` tells files that are more than filler."""
        for path in paths:
            module = self._module_at(path) if path.endswith(CODE) else None
            if module is not None and (module.root.kind == APP or is_used(path)):
                self._named.add(path)
                yield from self._keep(module, self._depth.of(module), "source or bytecode of the same module", path)
        while self._queue or self._extensions:
            yield from self._drain()
            yield from self._choose()
            yield from self._compiled()
            for name, detail, cause in list(self._extras.modules()):
                yield from self._import(name, Level.USED, detail, cause)
        yield from self._extras.findings()

    def _module_at(self, path: str) -> Module | None:
        """The module of a file; a script whose name is none still is one."""
        located = self._finder.name_of(path)
        if located is None:
            return None
        module = self._finder.find(located[0])
        if module is None or path not in module.files:
            return Module(located[0], located[1], (path,), path if path.endswith(".py") else "", ())
        return module

    def _keep(self, module: Module, level: Level, detail: str, cause: str) -> Iterator[Finding]:
        """Name a module's files, and queue its source unless it was followed as deep before."""
        for path in module.files:
            if path not in self._named:
                self._named.add(path)
                if path.endswith(".so"):
                    self._extensions[path] = module
                yield Finding(path, Reason("python", detail, cause))
        key = module.files[0] if module.files else f"{module.folders[0]}/"
        if level > self._levels.get(key, 0):
            self._levels[key] = level
            self._extras.reached(module)
            if module.folders:
                self._choices.used(module.name)
            if module.source:
                self._queue[module.source] = module

    def _import(self, name: str, level: Level, detail: str, cause: str) -> Iterator[Finding]:
        """Import a module: the packages above it are loaded, too."""
        for module in self._finder.way(name):
            way = detail if module.name == name else f"a package of {name}, {detail}"
            yield from self._keep(module, level, way, cause)

    def _drain(self) -> Iterator[Finding]:
        """Follow the queue until it is empty; one reading for all that waits."""
        while self._queue:
            queue, self._queue = self._queue, {}
            wanted = {path: self._levels[path] is Level.APP for path in queue}
            for path, facts in self._sources.facts(wanted):
                yield from self._follow(queue[path], facts, self._levels[path])

    def _follow(self, module: Module, facts: Facts, level: Level) -> Iterator[Finding]:
        self._extras.learn(module, facts, level)
        yield from self._namesake(module, level)
        for edge in edges(self._finder, module, facts):
            if edge.computed:
                self._choices.note(module, level, edge)
                continue
            yield from self._edge(module, level, edge)
            if edge.all_names:
                self._starred.add(edge.target)
                yield from self._export(edge.target)
        if facts.lazy and module.folders:
            found = tuple(edge for edge in edges(self._finder, module, facts) if edge.where == "__getattr__")
            self._lazy[module.name] = (module, level, found)
            yield from self._export(module.name)
        if level is Level.APP:
            for name, detail in self._extras.named(facts):
                yield from self._edge(module, level, Edge(name), detail)
        elif level is Level.USED:
            yield from self._own_names(module, level, facts)
        if facts.exports and module.folders:
            self._exports[module.name] = (module, level, facts.exports)
            yield from self._export(module.name)

    def _namesake(self, module: Module, level: Level) -> Iterator[Finding]:
        """The compiled module that a package is made around (`cv2/cv2.abi3.so`), however it comes to load it."""
        inside = self._finder.find(f"{module.name}.{module.name.rpartition('.')[2]}") if module.folders else None
        if inside and inside.files and inside.files[0].endswith(".so"):
            yield from self._edge(module, level, Edge(inside.name), "the compiled part of")

    def _own_names(self, module: Module, level: Level, facts: Facts) -> Iterator[Finding]:
        """What a library's strings name of its own: defaults of settings, modules that are loaded on demand."""
        start = module.name.partition(".")[0] + "."
        for word in facts.words:
            found = list(self._finder.way(word)) if word.startswith(start) else []
            if len(found) > 1:
                self._extras.resources(found[-1], module)
                yield from self._edge(module, level, Edge(found[-1].name, BY_NAME), "named in a string of")

    def _export(self, package: str) -> Iterator[Finding]:
        """What `from package import *` loads: submodules that the package names in __all__, or makes on demand (PEP 562)."""
        if package in self._starred and package in self._lazy:
            module, level, found = self._lazy.pop(package)
            for edge in found:
                yield from self._edge(module, level, Edge(edge.target))
        if package in self._starred and package in self._exports:
            module, level, names = self._exports[package]
            for name in names:
                yield from self._edge(module, level, Edge(f"{package}.{name}"), "named in __all__ of")

    def _edge(self, module: Module, level: Level, edge: Edge, verb: str = "imported by") -> Iterator[Finding]:
        *_, target = [None, *self._finder.way(edge.target)]
        deep = self._depth.along(module, level, target, edge.where) if target else None
        if target and deep:
            place = f" in {edge.where}()" if edge.where and edge.where != BY_NAME else ""
            yield from self._import(target.name, deep, f"{verb} {module.source}{place}", module.source)

    def _choose(self) -> Iterator[Finding]:
        """Imports by computed names."""
        for module, level, edge in list(self._choices.answers()):
            yield from self._edge(module, level, edge, "imported by a computed name by")

    def _compiled(self) -> Iterator[Finding]:
        """What compiled modules import that the run did not load: those that it loaded have imported it.

        Newer compilers pack the names, so what lies beside such a module counts as imported by a computed name.
        """
        extensions, self._extensions = self._extensions, {}
        for module in extensions.values():
            if package := module.name.rpartition(".")[0]:
                self._choices.note(module, Level.LOADED, Edge(package, computed=True))
        for module, names in extension_imports(self._image, self._finder, extensions.values()):
            for name in names:
                yield from self._import(name, Level.LOADED, f"named in {module.files[0]}", module.files[0])
