"""Finds what modules need besides their imports: metadata, data files, templates, time zones, entry points, encodings."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cached_property

from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.language import Origin
from slimmer.keep.languages.python.app_names import AppNames
from slimmer.keep.languages.python.calls import PLACEHOLDER
from slimmer.keep.languages.python.depth import SMALL, TOOLS, Level
from slimmer.keep.languages.python.facts import Facts
from slimmer.keep.languages.python.finder import Finder, Module
from slimmer.keep.languages.python.metadata import Distribution, Distributions
from slimmer.keep.languages.python.package_data import PackageData
from slimmer.keep.sources.load_path import LoadPath, library_folders
from slimmer.keep.sources.named_paths import whole_folder

TIME_ZONES = ("zoneinfo", "tzdata")
"""The standard library's module, and the distribution that it reads zones from (PEP 615)."""

TYPES, TYPE_FILES = "mimetypes", ("/etc/mime.types",)
"""The standard library's module, and the system's list of media types that it reads when a type is first asked for."""

SHARED_LIMIT = 1 << 20
"""The largest data of a distribution outside of the packages' folder that is kept, in bytes."""

TEMPLATES = ("templates", "jinja2")
"""Folders of a package where frameworks look for templates by convention (Django's APP_DIRS, Flask's blueprints)."""

BUILD_VALUES = ("sysconfig", "_sysconfigdata_")
"""The standard library's module, and the beginning of the name of the module with the build's values. It computes that name."""


class Resources:
    """Gathers facts about modules, and names everything that follows from them once."""

    def __init__(self, image: ImageView, finder: Finder, distributions: Distributions, names: AppNames) -> None:
        """`names` learns from the app's sources, too."""
        self._image, self._finder, self._distributions, self._names = image, finder, distributions, names
        self._package_data = PackageData(image.tree, image.log, names.words)
        self._groups: set[str] = set()
        self._owners: dict[str, tuple[Distribution, str]] = {}
        self._data: dict[str, str] = {}
        self._scripts: dict[tuple[str, str], str] = {}
        self._zones: dict[str, str] = {}
        self._build_values: dict[str, str] = {}
        self._system: dict[str, tuple[str, ...]] = {}
        self._libraries: dict[str, str] = {}
        self._short_names: dict[str, Mapping[str, list[str]]] = {}
        self._told: set[str] = set()

    def reached(self, module: Module) -> None:
        """Note that a module is kept."""
        if not module.files:
            return
        file = module.files[0]
        if module.root.origin is not Origin.STDLIB:
            owner = self._distributions.owner(file)
            if owner is not None:
                self._owners.setdefault(owner.path, (owner, file))
        elif module.name == TYPES:
            self._system.setdefault(file, TYPE_FILES)
        elif module.name == BUILD_VALUES[0]:
            self._build_values.setdefault(module.root.path, file)
        if module.name == TIME_ZONES[0] and (zones := self._finder.find(TIME_ZONES[1])) and zones.folders:
            self._zones.setdefault(zones.folders[0], file)

    def learn(self, module: Module, facts: Facts, level: Level) -> None:
        """Note the facts of a module that is followed at this level."""
        if module.root.origin is not Origin.STDLIB:
            self._learn_data(module, facts, level)
        self._groups.update(facts.groups)
        if level is not Level.LOADED:
            self._libraries |= {name: module.source for name in facts.libraries if name not in self._libraries}
        if level is Level.APP:
            self._names.learn(module, facts)
        elif facts.any_encoding and level is Level.USED:
            self._names.decodes(module)

    def named_package(self, package: Module, by: Module) -> None:
        """Note that a library names a package in a string. The package may hold data (importlib.resources)."""
        if package.folders and package.files:
            self._data.setdefault(package.folders[0], by.source)

    def modules(self) -> Iterator[tuple[str, str, str]]:
        """Yield modules that are needed because of their kind (encodings, build values, entry points): name, detail and cause of each."""
        for name, cause in self._names.encodings():
            if self._new(name):
                yield name, f"an encoding that {cause or 'any text'} may ask for", cause
        for folder, cause in self._build_values.items():
            for file in self._finder.listing(folder):
                name, suffix = posixpath.splitext(file)
                if name.startswith(BUILD_VALUES[1]) and suffix == ".py" and self._new(name):
                    yield name, f"imported by a computed name by {cause}", cause
        for distribution in self._with_entry_points():
            for group in sorted(self._groups & distribution.entry_points.keys()):
                for module in distribution.entry_points[group]:
                    if self._new(f"{group}:{module}"):
                        yield module, f"an entry point of {group}", distribution.path

    def _with_entry_points(self) -> Iterator[Distribution]:
        """Yield the distributions in use, and small ones that the author asked for: they may be there for their entry points alone."""
        yield from (distribution for distribution, _ in self._owners.values())
        for distribution in self._distributions.all:
            is_new = distribution.path not in self._owners and distribution.requested and distribution.name not in TOOLS
            is_asked = is_new and not self._groups.isdisjoint(distribution.entry_points)
            if is_asked and self._distributions.size(distribution, SMALL) <= SMALL:
                yield distribution

    def findings(self) -> Iterator[Finding]:
        """Yield everything besides modules: metadata, data, time zones, scripts, and the files and commands that the app names."""
        for distribution, cause in self._owners.values():
            if self._new(distribution.path):
                paths = self._distributions.metadata(distribution)
                yield from _findings(paths, f"metadata of {distribution.name}", cause)
                yield from self._shared(distribution, cause)
        for folder, cause in self._data.items():
            if self._new(f"{folder}/"):
                yield from _findings(self._package_data.of(folder), f"data that {cause} may read", cause)
        for folder, cause in self._zones.items():
            if self._new(f"zones:{folder}"):
                yield from whole_folder(self._image.tree, folder, Reason("python", f"zones that {cause} reads", cause))
        yield from self._named_scripts()
        for cause, system in self._system.items():
            for path in system if self._new(cause) else ():
                yield from reach(self._image.tree, path, Reason("python", f"read by {cause}", cause))
        yield from self._opened_libraries()
        yield from self._names.findings()

    def _opened_libraries(self) -> Iterator[Finding]:
        """Yield native libraries that sources open by name; for short names also ldconfig, which ctypes.util.find_library asks for the file's."""
        libraries, self._libraries = self._libraries, {}
        for name, cause in libraries.items():
            reason = Reason("python", f"a library that {cause} opens", cause)
            found = list(self._library_path.find(name)) if ".so" in name else self._versions(name)
            for path in (*found, *(("/sbin/ldconfig",) if found and ".so" not in name else ())):
                yield from reach(self._image.tree, path, reason)

    def _versions(self, name: str) -> list[str]:
        """Return the files of the library with this short name, in the first folder that has some: libNAME.so, libNAME.so.1."""
        for folder in self._library_path.roots:
            end = self._image.tree.resolve(folder).end or folder
            if found := self._libraries_in(end).get(name):
                return found
        return []

    def _libraries_in(self, folder: str) -> Mapping[str, list[str]]:
        """Return the libraries in a folder by their short names. Each folder is read once."""
        if folder not in self._short_names:
            found: dict[str, list[str]] = {}
            for entry in self._image.tree.children(folder):
                start, suffix, _ = f"{posixpath.basename(entry.path)}.".partition(".so.")
                if suffix and start.startswith("lib"):
                    found.setdefault(start.removeprefix("lib"), []).append(entry.path)
            self._short_names[folder] = found
        return self._short_names[folder]

    @cached_property
    def _library_path(self) -> LoadPath:
        return LoadPath(self._image.tree, library_folders(self._image))

    def _learn_data(self, module: Module, facts: Facts, level: Level) -> None:
        folder = posixpath.dirname(module.source)
        beside = module.root.origin is Origin.APP or folder != module.root.path
        if facts.reads_data and level > Level.LOADED and beside:
            self._data.setdefault(folder, module.source)
            self._scripts |= {(folder, word): module.source for word in facts.words if word.endswith(".py")}
        if module.folders:
            self._data |= {f"{folder}/{name}": module.source for name in TEMPLATES}

    def _shared(self, distribution: Distribution, cause: str) -> Iterator[Finding]:
        """Yield the data that a distribution shares with programs, if it is not too large."""
        files = [entry for path in distribution.shared if (entry := self._image.tree.get(path)) and entry.is_file]
        if sum(entry.size for entry in files) <= SHARED_LIMIT:
            yield from _findings((entry.path for entry in files), f"data that {distribution.name} shares", cause)

    def _named_scripts(self) -> Iterator[Finding]:
        """Yield scripts beside a module that it runs by name (`config.py`, `config-{}.py`) and not by an import."""
        scripts, self._scripts = self._scripts, {}
        for (folder, word), cause in scripts.items():
            pattern = PLACEHOLDER.sub("*", word)
            if pattern.startswith("*"):
                continue
            paths = (path for name, path in self._finder.listing(folder).items() if fnmatchcase(name, pattern))
            yield from _findings(paths, f"named in a string of {cause}", cause)

    def _new(self, key: str) -> bool:
        if key in self._told:
            return False
        self._told.add(key)
        return True


def _findings(paths: Iterable[str], detail: str, cause: str) -> Iterator[Finding]:
    reason = Reason("python", detail, cause)
    return (Finding(path, reason) for path in paths)
