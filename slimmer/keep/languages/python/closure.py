"""The closure over the modules of one Python: it starts from the modules in use, and follows their imports until nothing is new.

The origin of a module and the way it is reached decide what is followed:

- For the app's own code (outside of the standard library and the folders of packages, or installed from a local folder): every import
  anywhere in it, and what its strings name.
- For modules that the app or the run imports: what importing them loads, and what their functions import from their own distribution, the
  standard library, or another small distribution.
- For modules that only functions of the standard library import: what importing them loads.

Code that is kept only because its folder was listed or must not be empty, or as a link, is followed if it belongs to the app.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.language import Origin, Reading
from slimmer.keep.languages.python.app_names import AppNames
from slimmer.keep.languages.python.choices import Choices
from slimmer.keep.languages.python.depth import Depth, Level
from slimmer.keep.languages.python.edges import Edge, edges, extension_imports
from slimmer.keep.languages.python.facts import BY_NAME, Facts
from slimmer.keep.languages.python.finder import CODE, STUB, Finder, Module, Root
from slimmer.keep.languages.python.loaded import Loaded
from slimmer.keep.languages.python.metadata import Distributions
from slimmer.keep.languages.python.on_demand import OnDemand
from slimmer.keep.languages.python.resources import Resources
from slimmer.keep.languages.python.stars import Stars


class Closure:
    """Everything that one Python can reach. It remembers the modules that it has followed, and the level of each.

    `begin` and `follow` yield findings, and a Reading for each source of the next layer. The caller passes the facts of that layer to
    `follow`, until it yields no Reading.
    """

    def __init__(self, image: ImageView, finder: Finder) -> None:
        """Reads the metadata of the distributions in the finder's folders."""
        self._finder = finder
        distributions = Distributions(image, finder)
        self._depth = Depth(distributions)
        self._names = AppNames(image, finder)
        self._resources = Resources(image, finder, distributions, self._names)
        self._stars = Stars()
        self._on_demand = OnDemand(finder)
        self._levels: dict[str, Level] = {}
        self._named: set[str] = set()
        self._choices = Choices(image, finder, self._names.words, self._named)
        self._queue: dict[str, Module] = {}
        self._extensions: dict[str, Module] = {}
        self._reading: dict[str, Module] = {}
        self._is_settled = True  # no source has been read since the last look at the choices

    def begin(
        self, paths: Sequence[str], is_used: Callable[[str], bool], scripts: Sequence[str] = ()
    ) -> Iterator[Finding | Reading]:
        """Start from the modules among these kept paths. `is_used` returns False for files that are kept only as filler.

        `scripts` are files whose first line names Python. Those that were seen before are left out.
        """
        for path in scripts:
            if path not in self._levels:
                self._levels[path] = Level.APP
                root = Root(posixpath.dirname(path), Origin.APP)
                self._queue[path] = Module("__main__", root, (path,), path, ())
        for path in paths:
            module = self._module_at(path) if path.endswith(CODE) else None
            if module is not None and (module.root.origin is Origin.APP or is_used(path)):
                self._named.add(path)
                yield from self._keep(module, self._depth.of(module), "source or bytecode of the same module", path)
        yield from self._advance()

    def follow(self, layer: Mapping[str, Facts]) -> Iterator[Finding | Reading]:
        """Continue with the facts of the sources that were asked for. Some may be missing. Facts of other sources are ignored."""
        reading, self._reading = self._reading, {}
        if not reading:
            return
        for path, facts in layer.items():
            if (module := reading.get(path)) is not None:
                yield from self._follow(module, path, facts)
        if not all(module.source for module in reading.values()):
            yield from self._by_kind()  # these modules come after the compiled ones
        yield from self._advance()

    def is_reading(self, path: str) -> bool:
        """Return True if this source was asked for, and `follow` has not received it yet."""
        return path in self._reading

    def origin(self, path: str) -> Origin | None:
        """Return the origin of the module at a real path, or None if it is not a module of this Python.

        A module of the app that was reached only through a library counts as the library's.
        """
        module = self._module_at(path)
        if module is None:
            return None
        level = self._levels.get(path) or self._depth.of(module)
        if level is Level.APP:
            return Origin.APP
        return Origin.STDLIB if module.root.origin is Origin.STDLIB else Origin.LIBRARY

    def _module_at(self, path: str) -> Module | None:
        """Return the module of a file; None if no root is above it. A script counts as a module even if its name is not a valid one."""
        located = self._finder.name_of(path)
        if located is None:
            return None
        module = self._finder.find(located[0])
        if module is None or path not in module.files:
            return Module(located[0], located[1], (path,), path if path.endswith(".py") else "", ())
        return module

    def _advance(self) -> Iterator[Finding | Reading]:
        """Ask for the next layer: sources, then compiled modules. If there is none, yield what modules need besides modules."""
        while not self._queue and (self._extensions or not self._is_settled):
            self._is_settled = True
            yield from self._choose()
            if self._extensions:
                yield from self._ask_for_extensions()
                return
            yield from self._by_kind()
        if not self._queue:
            yield from self._resources.findings()
            return
        self._is_settled = False
        self._reading, self._queue = self._queue, {}
        yield from map(Reading, self._reading)

    def _ask_for_extensions(self) -> Iterator[Reading]:
        """Ask for compiled modules that the run did not load. Those that it loaded have already imported what they need.

        Not all of their names can be read, so modules beside such a module count as imported by a computed name.
        """
        self._reading, self._extensions = self._extensions, {}
        for module in self._reading.values():
            if package := module.name.rpartition(".")[0]:
                self._choices.note(module, Level.LOADED, Edge(package, computed=True))
        yield from map(Reading, self._reading)

    def _keep(self, module: Module, level: Level, detail: str, cause: str) -> Iterator[Finding]:
        """Yield a module's files, and queue its source unless it was followed at this level before."""
        for path in module.files:
            if path not in self._named:
                self._named.add(path)
                if path.endswith(".so"):
                    self._extensions[path] = module
            if path != cause:
                yield Finding(path, Reason("python", detail, cause))
        key = module.files[0] if module.files else f"{module.folders[0]}/"
        if level > self._levels.get(key, 0):
            self._levels[key] = level
            self._resources.reached(module)
            if module.folders:
                self._choices.used(module.name)
            if module.source:
                self._queue[module.source] = module

    def _import(self, name: str, level: Level, detail: str, cause: str) -> Iterator[Finding]:
        """Import a module. The packages above it are loaded, too."""
        for module in self._finder.components(name):
            text = detail if module.name == name else f"a package of {name}, {detail}"
            yield from self._keep(module, level, text, cause)

    def _follow(self, module: Module, path: str, facts: Facts) -> Iterator[Finding]:
        """Follow the facts of a source, or of a compiled module."""
        if not module.source:
            for name in extension_imports(self._finder, module, facts):
                yield from self._import(name, Level.LOADED, f"named in {path}", path)
            return
        level = self._levels[path]
        if path.endswith(STUB):
            yield from self._loaded(self._on_demand.stub(module, facts))
            return
        self._resources.learn(module, facts, level)
        yield from self._namesake(module, level)
        yield from self._imports(module, level, facts)
        if level is Level.APP:
            for name, verb in self._names.modules(facts):
                yield from self._edge(module, level, Edge(name), verb)
        elif level is Level.USED:
            yield from self._own_names(module, level, facts)
        if facts.exports and module.folders:
            yield from self._loaded(self._stars.exports(module, level, facts))

    def _imports(self, module: Module, level: Level, facts: Facts) -> Iterator[Finding]:
        """Follow the imports of a source."""
        found = list(edges(self._finder, module, facts))
        for edge in found:
            if edge.computed:
                self._choices.note(module, level, edge)
                continue
            yield from self._edge(module, level, edge)
            if edge.all_names:
                yield from self._loaded(self._stars.asked(edge.target))
        if facts.lazy and module.folders:
            on_demand = (edge for edge in found if edge.where == "__getattr__")
            yield from self._loaded(self._stars.makes_on_demand(module, level, on_demand))
        yield from self._loaded(self._on_demand.asks(module, level, facts))
        if stub := self._finder.stub(module) if facts.stub else "":
            yield from self._table(module, level, stub)
        else:
            yield from self._loaded(self._on_demand.offers(module, facts))

    def _table(self, module: Module, level: Level, stub: str) -> Iterator[Finding]:
        """Keep the stub that a module makes its attributes from, and ask for it."""
        if stub not in self._levels:
            self._levels[stub] = level
            self._queue[stub] = replace(module, files=(stub,), source=stub)
            yield Finding(stub, Reason("python", f"the list of attributes of {module.source}", module.source))

    def _namesake(self, module: Module, level: Level) -> Iterator[Finding]:
        """Follow the compiled module that a package wraps (`cv2/cv2.abi3.so`), no matter how the package loads it."""
        inside = self._finder.find(f"{module.name}.{module.name.rpartition('.')[2]}") if module.folders else None
        if inside and inside.files and inside.files[0].endswith(".so"):
            yield from self._edge(module, level, Edge(inside.name), "the compiled part of")

    def _own_names(self, module: Module, level: Level, facts: Facts) -> Iterator[Finding]:
        """Follow a library's own modules that its strings name: defaults of settings, modules that are loaded on demand."""
        start = module.name.partition(".")[0] + "."
        for word in facts.words:
            found = list(self._finder.components(word)) if word.startswith(start) else []
            if len(found) > 1:
                self._resources.named_package(found[-1], module)
                yield from self._edge(module, level, Edge(found[-1].name, BY_NAME), "named in a string of")

    def _loaded(self, loaded: Iterable[Loaded]) -> Iterator[Finding]:
        """Follow the modules that `import *` loads, or a package on demand."""
        for one in loaded:
            yield from self._edge(one.source, one.level, one.edge, one.verb)

    def _edge(self, module: Module, level: Level, edge: Edge, verb: str = "imported by") -> Iterator[Finding]:
        *_, target = [None, *self._finder.components(edge.target)]
        next_level = self._depth.along(module, level, target, edge.where) if target else None
        if target and next_level:
            place = f" in {edge.where}()" if edge.where and edge.where != BY_NAME else ""
            yield from self._import(target.name, next_level, f"{verb} {module.source}{place}", module.source)

    def _choose(self) -> Iterator[Finding]:
        """Follow imports by computed names."""
        for module, level, edge in list(self._choices.answers()):
            yield from self._edge(module, level, edge, "imported by a computed name by")

    def _by_kind(self) -> Iterator[Finding]:
        """Import modules that are needed because of their kind, such as encodings and entry points."""
        for name, detail, cause in list(self._resources.modules()):
            yield from self._import(name, Level.USED, detail, cause)
