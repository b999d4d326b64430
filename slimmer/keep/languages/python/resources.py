"""What modules need besides modules: metadata of distributions, data files, encodings, entry points, named files, commands."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from fnmatch import fnmatchcase

from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.languages.python.calls import PLACEHOLDER
from slimmer.keep.languages.python.data import PackageData
from slimmer.keep.languages.python.edges import Level
from slimmer.keep.languages.python.facts import Facts
from slimmer.keep.languages.python.metadata import Distribution, Distributions
from slimmer.keep.languages.python.search import APP, STDLIB, Finder, Module
from slimmer.keep.languages.python.string_names import (
    COMMON_ENCODINGS,
    LISTED_ENCODINGS,
    encoding_names,
    module_names,
    named_files,
    schemes,
)
from slimmer.keep.sources.named_paths import whole_folder

TIME_ZONES = ("zoneinfo", "tzdata")
"""The standard library's module, and the distribution that it reads zones from (PEP 615)."""

TYPES, TYPE_FILES = "mimetypes", ("/etc/mime.types",)
"""The standard library's module, and the system's list of media types that it reads when a type is first asked for."""

TEMPLATES = ("templates", "jinja2")
"""Folders of a package into which frameworks look for templates without being told (Django's APP_DIRS, Flask's blueprints)."""

BUILD_VALUES = ("sysconfig", "_sysconfigdata_")
"""The standard library's module, and what the computed name of the module with the build's values begins with."""


class Extras:
    """Gathers what is learnt of modules, and answers what that asks for; everything is answered once."""

    def __init__(self, image: ImageView, finder: Finder, distributions: Distributions) -> None:
        self._image, self._finder, self._distributions = image, finder, distributions
        self.words: set[str] = set()
        self._groups: set[str] = set()
        self._encodings: dict[str, str] = {}
        self._owners: dict[str, tuple[Distribution, str]] = {}
        self._package_data = PackageData(image.tree, image.log, self.words)
        self._data: dict[str, str] = {}
        self._scripts: dict[tuple[str, str], str] = {}
        self._zones: dict[str, str] = {}
        self._files: dict[str, str] = {}
        self._commands: dict[str, str] = {}
        self._build_values: dict[str, str] = {}
        self._system: dict[str, tuple[str, ...]] = {}
        self._any_encoding = ""
        self._told: set[str] = set()
        self._aliases: bytes | None = None

    def reached(self, module: Module) -> None:
        """A module is kept: its distribution's metadata will be, too."""
        if module.root.kind != STDLIB and module.files:
            owner = self._distributions.owner(module.files[0])
            if owner is not None:
                self._owners.setdefault(owner.path, (owner, module.files[0]))
        if module.name == TYPES and module.root.kind == STDLIB and module.files:
            self._system.setdefault(module.files[0], TYPE_FILES)
        if module.name == BUILD_VALUES[0] and module.root.kind == STDLIB and module.files:
            self._build_values.setdefault(module.root.path, module.files[0])
        if module.name == TIME_ZONES[0] and (zones := self._finder.find(TIME_ZONES[1])) and zones.folders:
            self._zones.setdefault(zones.folders[0], module.files[0])

    def learn(self, module: Module, facts: Facts, level: Level) -> None:
        """What a module's source says."""
        folder = posixpath.dirname(module.source)
        beside = module.root.kind == APP or folder != module.root.path
        if facts.reads_data and level > Level.LOADED and module.root.kind != STDLIB and beside:
            self._data.setdefault(folder, module.source)
            self._scripts |= {(folder, word): module.source for word in facts.words if word.endswith(".py")}
        if module.folders and module.root.kind != STDLIB:
            self._data |= {f"{folder}/{name}": module.source for name in TEMPLATES}
        self._groups.update(facts.groups)
        if level is Level.APP:
            self._learn_app(module, facts)

    def resources(self, package: Module, by: Module) -> None:
        """A package that a library names in a string may be one of files (importlib.resources)."""
        if package.folders and package.files:
            self._data.setdefault(package.folders[0], by.source)

    def named(self, facts: Facts) -> Iterator[tuple[str, str]]:
        """Modules that the strings and attributes of the app's code name, each with the words that tell so."""
        for name in module_names(self._finder, facts.words):
            yield name, "named in a string of"
        for chain in facts.attributes:
            *_, found = [None, *self._finder.way(chain)]
            if found is not None and "." in found.name:
                yield found.name, "used as an attribute by"

    def modules(self) -> Iterator[tuple[str, str, str]]:
        """Modules that are asked for by their kind: encodings by name, entry points by group. Name, detail, cause."""
        for name, cause in self._encoding_modules():
            if self._new(f"encodings.{name}"):
                yield f"encodings.{name}", f"an encoding that {cause or 'any text'} may ask for", cause
        for folder, cause in self._build_values.items():
            for file in self._finder.listing(folder):
                name, suffix = posixpath.splitext(file)
                if name.startswith(BUILD_VALUES[1]) and suffix == ".py" and self._new(name):
                    yield name, f"imported by a computed name by {cause}", cause
        for distribution, _ in self._owners.values():
            for group in sorted(self._groups & distribution.entry_points.keys()):
                for module in distribution.entry_points[group]:
                    if self._new(f"{group}:{module}"):
                        yield module, f"an entry point of {group}", distribution.path

    def findings(self) -> Iterator[Finding]:
        """Metadata, data, files and commands."""
        for distribution, cause in self._owners.values():
            if self._new(distribution.path):
                reason = Reason("python", f"metadata of {distribution.name}", cause)
                yield from (Finding(path, reason) for path in self._distributions.metadata(distribution))
        for folder, cause in self._data.items():
            if self._new(f"{folder}/"):
                reason = Reason("python", f"data that {cause} may read", cause)
                yield from (Finding(path, reason) for path in self._package_data.of(folder))
        for folder, cause in self._zones.items():
            if self._new(f"zones:{folder}"):
                yield from whole_folder(self._image.tree, folder, Reason("python", f"zones that {cause} reads", cause))
        yield from self._named_scripts()
        for cause, paths in self._system.items():
            for path in paths if self._new(cause) else ():
                yield from reach(self._image.tree, path, Reason("python", f"read by {cause}", cause))
        yield from self._named_files()
        yield from self._started()

    def _learn_app(self, module: Module, facts: Facts) -> None:
        names = [name for entry in facts.imports for name in (*entry.module.split("."), *entry.names)]
        parts = [part for chain in facts.attributes for part in chain.split(".")]
        self.words.update(facts.words, names, parts, schemes(facts.words))
        for word in facts.words:
            self._encodings.setdefault(word, module.source)
            self._files.setdefault(word, module.source)
        if facts.any_encoding:
            self._any_encoding = self._any_encoding or module.source
        for command in facts.commands:
            self._commands.setdefault(command, module.source)

    def _encoding_modules(self) -> Iterator[tuple[str, str]]:
        package = self._finder.find("encodings")
        if package is None or not package.folders:
            return
        if self._aliases is None:
            aliases = self._finder.find("encodings.aliases")
            paths = [aliases.source] if aliases and aliases.source else []
            self._aliases = b"".join(content or b"" for _, content in self._image.read(paths))
        start = package.files[0] if package.files else ""
        yield from ((name, start) for name in COMMON_ENCODINGS if self._finder.find(f"encodings.{name}"))
        if self._any_encoding:
            yield from (
                (name, self._any_encoding) for name in LISTED_ENCODINGS if self._finder.find(f"encodings.{name}")
            )
        for word, cause in self._encodings.items():
            for name in encoding_names([word], self._aliases):
                if self._finder.find(f"encodings.{name}"):
                    yield name, cause
        self._encodings.clear()

    def _named_scripts(self) -> Iterator[Finding]:
        """Scripts beside a module that it runs by their names (`config.py`, `config-{}.py`), not by an import."""
        scripts, self._scripts = self._scripts, {}
        for (folder, word), cause in scripts.items():
            pattern = PLACEHOLDER.sub("*", word)
            for name, end in self._finder.listing(folder).items() if not pattern.startswith("*") else ():
                if fnmatchcase(name, pattern):
                    yield Finding(end, Reason("python", f"named in a string of {cause}", cause))

    def _named_files(self) -> Iterator[Finding]:
        words, self._files = self._files, {}
        for path, word in named_files(self._image.tree, self._finder, words):
            yield Finding(path, Reason("python", f"named in a string of {words[word]}", words[word]))

    def _started(self) -> Iterator[Finding]:
        commands, self._commands = self._commands, {}
        for command, cause in commands.items():
            folders = [""] if command.startswith("/") else self._image.config.search_path
            for folder in folders:
                path = posixpath.join(folder, command)
                if self._image.tree.resolve(path).end is not None:
                    yield from reach(self._image.tree, path, Reason("python", f"started by {cause}", cause))
                    break

    def _new(self, key: str) -> bool:
        if key in self._told:
            return False
        self._told.add(key)
        return True
