"""The names in the app's own code, in strings and attributes: modules, encodings, files and commands that it may use later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.language import Origin
from slimmer.keep.languages.python.facts import Facts
from slimmer.keep.languages.python.finder import Finder, Module
from slimmer.keep.languages.python.named_folders import NamedFolders
from slimmer.keep.languages.python.string_names import (
    COMMON_ENCODINGS,
    LISTED_ENCODINGS,
    encoding_names,
    module_names,
    named_files,
    schemes,
)
from slimmer.keep.sources.named_paths import ZONE, ZONES


class AppNames:
    """Gathers the names in the app's sources, and looks up each name once."""

    def __init__(self, image: ImageView, finder: Finder) -> None:
        """Reads nothing from the image until `encodings` is called."""
        self._image, self._finder = image, finder
        self._folders = NamedFolders(image)
        self.words: set[str] = set()
        """All names so far: strings, imported names, attributes."""
        self._encodings: dict[str, str] = {}
        self._files: dict[str, str] = {}
        self._commands: dict[str, str] = {}
        self._any_encoding = ""
        self._decoders: dict[str, str] = {}
        self._imported: set[str] = set()
        self._aliases: bytes | None = None

    def learn(self, module: Module, facts: Facts) -> None:
        """Note what a module of the app names."""
        names = [name for entry in facts.imports for name in (*entry.module.split("."), *entry.names)]
        parts = [part for chain in facts.attributes for part in chain.split(".")]
        self.words.update(facts.words, names, parts, schemes(facts.words))
        for word in facts.words:
            self._encodings.setdefault(word, module.source)
            self._files.setdefault(word, module.source)
        self._imported.update(entry.module.partition(".")[0] for entry in facts.imports if not entry.level)
        if facts.any_encoding:
            self._any_encoding = self._any_encoding or module.source
        for command in facts.commands:
            self._commands.setdefault(command, module.source)

    def decodes(self, module: Module) -> None:
        """Note that a library's module decodes by names from outside.

        One of the standard library counts once the app imports its package: many of its modules use a part of `email` for headers alone.
        """
        if module.root.origin is Origin.STDLIB:
            self._decoders.setdefault(module.name.partition(".")[0], module.source)
        else:
            self._any_encoding = self._any_encoding or module.source

    def modules(self, facts: Facts) -> Iterator[tuple[str, str]]:
        """Yield the modules that one source names, each with a phrase that says how, for the reason."""
        for name in module_names(self._finder, facts.words):
            yield name, "named in a string of"
        for chain in facts.attributes:
            *_, found = [None, *self._finder.components(chain)]
            if found is not None and "." in found.name:
                yield found.name, "used as an attribute by"

    def encodings(self) -> Iterator[tuple[str, str]]:
        """Yield the modules of the package `encodings` that the app may ask for, each with the source that names it. Modules may repeat."""
        package = self._finder.find("encodings")
        if package is None or not package.folders:
            return
        start = package.files[0] if package.files else ""
        yield from self._existing(COMMON_ENCODINGS, start)
        imported = sorted(self._imported.intersection(self._decoders))
        if by := self._any_encoding or (self._decoders[imported[0]] if imported else ""):
            yield from self._existing(LISTED_ENCODINGS, by)
        words, self._encodings = self._encodings, {}
        for word, cause in words.items():
            yield from self._existing(encoding_names([word], self._known_aliases()), cause)

    def findings(self) -> Iterator[Finding]:
        """Yield the files and commands that were named since the last call."""
        files, self._files = self._files, {}
        for path, word in named_files(self._image.tree, self._finder, files):
            yield Finding(path, Reason("python", f"named in a string of {files[word]}", files[word]))
        yield from self._folders.findings(files)
        for word, cause in files.items():
            if ZONE.fullmatch(word):
                path = f"{ZONES}/{word}"
                yield from reach(self._image.tree, path, Reason("python", f"named in a string of {cause}", cause))
        commands, self._commands = self._commands, {}
        for command, cause in commands.items():
            if program := self._image.which(command):
                yield from reach(self._image.tree, program, Reason("python", f"started by {cause}", cause))

    def _existing(self, names: Iterable[str], cause: str) -> Iterator[tuple[str, str]]:
        for name in names:
            if self._finder.find(f"encodings.{name}"):
                yield f"encodings.{name}", cause

    def _known_aliases(self) -> bytes:
        """Return the source of encodings.aliases, which is read once; b"" if there is none."""
        if self._aliases is None:
            aliases = self._finder.find("encodings.aliases")
            paths = [aliases.source] if aliases and aliases.source else []
            self._aliases = b"".join(content or b"" for _, content in self._image.read(paths))
        return self._aliases
