"""Follow the assemblies that were seen to be loaded: what they refer to, call natively, and name.

An app's assembly counts for all that it names: a reference is resolved when the first method that needs it is compiled, so references
that no run touched are as good as those that it did. A library's counts for its references, too, and for assemblies that it names with
their types, but not for files and programs.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from slimmer.image.tree import Entry, Tree
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.language import Lead, Origin, Resolver
from slimmer.keep.languages.dotnet.layout import (
    SUFFIXES,
    cached,
    dialect,
    dotnet_root,
    fits_machine,
    framework_of,
    is_assembly,
    is_source,
)
from slimmer.keep.languages.dotnet.reader import Dialect, Facts, Trait
from slimmer.keep.native import time_zones
from slimmer.keep.sources.limits import within_limits
from slimmer.keep.sources.load_path import LoadPath, library_folders
from slimmer.keep.sources.named_paths import Base, Command, Mention, NamedPaths, whole_folder

_FOLDERS = frozenset(("wwwroot", "Views", "Pages", "Resources", "Templates", "templates", "Content", "locales"))
"""Folders beside an app's assembly into which frameworks look without being told."""

_SETTINGS = ("appsettings", "hosting", "nlog", "NLog", "log4net", "web")
_SETTINGS_SUFFIXES = (".json", ".config", ".xml", ".yml", ".yaml")
_BESIDE_FILES, _BESIDE_BYTES = 300, 20 << 20
"""The largest folder of an app whose assemblies are all kept."""

_CULTURES = 1000
"""The most folders beside an assembly that may hold its texts in other languages."""

_SATELLITES = 10 << 20
_MONO_SETTINGS = "/etc/mono"
_CODE_PAGES = "I18N"
"""Mono's assemblies of code pages: I18N.dll, which loads I18N.West.dll and others by computed names."""

_LOADED_BY: Mapping[str, tuple[str, ...]] = {
    "libSystem.Security.Cryptography.Native.OpenSsl": ("libssl.so.3", "libssl.so.1.1", "libssl.so.1.0.2"),
    "libSystem.Net.Security.Native": ("libgssapi_krb5.so.2",),
}
"""Libraries of the runtime that open a library of the system by name, in any version."""


@dataclass(frozen=True, slots=True)
class _Folder:
    """What is in a folder of assemblies: these, unless they are too many, settings, and folders that may be a culture's."""

    assemblies: tuple[str, ...]
    settings: tuple[str, ...]
    cultures: tuple[str, ...]


def _read_folder(tree: Tree, folder: str) -> _Folder:
    entries = list(tree.children(folder))
    files = [entry for entry in entries if entry.is_file]
    assemblies = within_limits((one for one in files if is_assembly(one.path)), _BESIDE_FILES, _BESIDE_BYTES) or ()
    settings = [one.path for one in files if _is_settings(posixpath.basename(one.path))]
    cultures = [one.path for one in entries if one.is_directory]
    return _Folder(tuple(one.path for one in assemblies), tuple(settings[:_BESIDE_FILES]), tuple(cultures[:_CULTURES]))


def _is_settings(name: str) -> bool:
    return name.startswith(_SETTINGS) and name.endswith(_SETTINGS_SUFFIXES)


class DotnetResolver(Resolver[Facts]):
    """.NET in one image: from the assemblies that were opened, to all that they can load and name."""

    def __init__(self, image: ImageView, opened: frozenset[str]) -> None:
        self._image, self._tree = image, image.tree
        self._named = NamedPaths(image)
        self._opened = opened
        self._projects: set[str] = set()
        self._families: set[str] = set()
        self._add_projects(posixpath.splitext(posixpath.basename(path))[0] for path in opened if self._is_started(path))
        self._folders_read: dict[str, _Folder] = {}
        self._redirections: dict[str, dict[str, None]] = {}
        self._is_settled = False
        self._path = LoadPath(image.tree)
        self._libraries = LoadPath(image.tree)
        for folder in (*image.env.get("MONO_PATH", "").split(":"), *self._folders(opened)):
            if folder:
                self._path.add(folder)
        for folder in (*self._path.roots, *library_folders(image)):
            self._libraries.add(folder)

    def accepts(self, path: str) -> bool:
        return is_source(path)

    def is_data(self, entry: Entry) -> bool:
        return False

    def origin(self, path: str) -> Origin:
        if framework_of(posixpath.dirname(path)):
            return Origin.STDLIB
        name = posixpath.splitext(posixpath.basename(path))[0]
        if name in self._projects or path.lower().endswith(".exe"):
            return Origin.APP
        return Origin.APP if name.partition(".")[0] in self._families else Origin.LIBRARY

    def _add_projects(self, names: Iterable[str]) -> None:
        for name in names:
            self._projects.add(name)
            self._families.add(name.partition(".")[0])

    def _folder(self, path: str) -> _Folder:
        """Return what is in a folder. It is read once, however many assemblies are in it."""
        if path not in self._folders_read:
            self._folders_read[path] = _read_folder(self._tree, path)
        return self._folders_read[path]

    def dialect(self, path: str) -> str:
        return dialect(path)

    def leads(self, layer: Mapping[str, Facts]) -> Iterator[Lead | Finding]:
        for path, facts in layer.items():
            self._learn(path, facts)
        for path, facts in layer.items():
            if facts.is_assembly:
                yield from self._assembly(path, facts)
            elif dialect(path) is Dialect.DEPENDENCIES:
                yield from self._assets(path, facts)
            for name in facts.named if self._counts_for_names(path) else ():
                yield from self._reference(path, name, "", f"named by {path}")

    def _is_started(self, path: str) -> bool:
        """Return True if an assembly is a program: .exe, or beside a file that says which framework runs it."""
        stem, suffix = posixpath.splitext(path)
        beside = (f"{stem}.runtimeconfig.json", f"{stem}.deps.json")
        is_program = suffix.lower() == ".exe" or any(self._tree.is_file(one) for one in beside)
        return is_assembly(path) and is_program and not framework_of(posixpath.dirname(path))

    def _counts_for_names(self, path: str) -> bool:
        """Return False for a part of Mono: its code and machine.config name assemblies that apps may not use."""
        is_of_mono = self.origin(path) is Origin.STDLIB and not dotnet_root(posixpath.dirname(path))
        return not is_of_mono and not path.startswith(f"{_MONO_SETTINGS}/")

    def _folders(self, opened: frozenset[str]) -> Iterator[str]:
        """Yield the folders of assemblies that were opened, then the other parts of Mono's and of .NET's."""
        folders = list(dict.fromkeys(posixpath.dirname(path) for path in sorted(opened) if is_assembly(path)))
        yield from folders
        for folder in folders:
            if "/mono/" in folder and framework_of(folder):
                for entry in self._tree.children(f"{folder.partition('/mono/')[0]}/mono"):
                    if posixpath.basename(entry.path)[0].isdigit():
                        yield from (entry.path, f"{entry.path}/Facades")

    def _learn(self, path: str, facts: Facts) -> None:
        """Note what later files need: projects, frameworks, folders to look in, names of libraries."""
        self._add_projects(facts.projects)
        for folder in facts.probed:
            self._path.add(posixpath.join(posixpath.dirname(path), folder))
        for one in facts.redirections:
            self._redirections.setdefault(one.name, {})[one.target] = None
        roots = {root for folder in self._path.roots if (root := dotnet_root(folder))}
        for root, name in ((root, name) for root in sorted(roots) for name in facts.frameworks):
            for entry in self._tree.children(f"{root}/shared/{name}"):
                self._path.add(entry.path)

    def _assembly(self, path: str, facts: Facts) -> Iterator[Lead | Finding]:
        if "/mono/" in path and not self._is_settled:
            self._is_settled = True
            yield from self._settings_of_mono(path)
        for reference in facts.references:
            yield from self._reference(path, reference.name, reference.version, f"referred to by {path}")
        for library in facts.libraries:
            yield from self._native(path, library)
        if self.origin(path) is not Origin.STDLIB:
            yield from self._beside(path)
            yield from self._by_name(path, facts)
        if self.origin(path) is Origin.APP:
            yield from self._app(path, facts)

    def _reference(self, path: str, name: str, version: str, detail: str) -> Iterator[Lead]:
        """Yield an assembly as the runtime finds it: beside the one that wants it, on the load path, in Mono's cache."""
        reason = Reason("dotnet", detail, path)
        folder = posixpath.dirname(path)
        beside = [place for suffix in SUFFIXES if self._tree.is_file(place := f"{folder}/{name}{suffix}")]
        for place in beside or self._path.find(name, SUFFIXES):
            yield Lead(place, reason, code=True)
        for root in self._mono_roots():
            for place in cached(self._tree, root, name, version):
                yield Lead(place, reason, code=True)

    def _mono_roots(self) -> list[str]:
        """The folders that hold a folder `mono` with the assemblies of the run."""
        roots = (folder.partition("/mono/")[0] for folder in self._path.roots if "/mono/" in folder)
        return list(dict.fromkeys(roots))

    def _settings_of_mono(self, path: str) -> Iterator[Lead | Finding]:
        """Yield the settings that Mono reads when code first asks: machine.config, libraries' names, certificates (mono-config(5))."""
        reason = Reason("dotnet", f"settings that {path} reads", path)
        end = self._tree.resolve(_MONO_SETTINGS).end
        for finding in whole_folder(self._tree, end, reason) if end is not None else ():
            yield Lead(finding.path, reason, code=is_source(finding.path))

    def _native(self, path: str, library: str) -> Iterator[Lead]:
        """Yield a native library: as Mono's settings map it, or with the usual beginnings and suffixes (.NET, native library loading)."""
        reason = Reason("dotnet", f"called by {path}", path)
        names = self._redirections.get(library) or self._redirections.get(library.removesuffix(".dll"), {})
        for name in dict.fromkeys((*names, library, library.removesuffix(".dll"))):
            plain = posixpath.basename(name)
            tried = (plain, f"{plain}.so", f"lib{plain}", f"lib{plain}.so")
            folders = (posixpath.dirname(path), posixpath.dirname(name))
            beside = (f"{folder}/{one}" for folder in folders if folder.startswith("/") for one in tried)
            found = [place for place in beside if self._tree.is_file(place)]
            found = found or list(chain.from_iterable(self._libraries.find(one) for one in tried))
            yield from (Lead(place, reason) for place in found[:1])
        for opened in _LOADED_BY.get(library.removesuffix(".so"), ()):
            yield from (Lead(place, reason) for place in self._libraries.find(opened))

    def _beside(self, path: str) -> Iterator[Lead | Finding]:
        """Yield what belongs to an assembly by its name: settings, and its texts in other languages (NAME.resources.dll in a culture's folder)."""
        folder, file = posixpath.split(path)
        stem = posixpath.splitext(file)[0]
        reason = Reason("dotnet", f"belongs to {path}", path)
        for name in (f"{file}.config", f"{stem}.runtimeconfig.json", f"{stem}.deps.json"):
            if self._tree.is_file(f"{folder}/{name}"):
                yield Lead(f"{folder}/{name}", reason, code=True)
        satellites = [self._tree.get(f"{culture}/{stem}.resources.dll") for culture in self._folder(folder).cultures]
        found = within_limits((one for one in satellites if one is not None), _BESIDE_FILES, _SATELLITES)
        yield from (Lead(entry.path, reason) for entry in found or ())

    def _by_name(self, path: str, facts: Facts) -> Iterator[Lead | Finding]:
        """Yield what the runtime loads by names from outside: code pages and time zones."""
        if Trait.ENCODINGS in facts.traits:
            reason = Reason("dotnet", f"a code page that {path} may ask for", path)
            for folder in self._path.roots:
                for entry in self._tree.children(folder):
                    if posixpath.basename(entry.path).startswith(f"{_CODE_PAGES}.") and is_assembly(entry.path):
                        yield Lead(entry.path, reason, code=True)
        if facts.traits & {Trait.ZONE, Trait.ZONES}:
            yield from time_zones.zones(self._tree, Reason(time_zones.RULE, f"{path} opens zones by name", path))

    def _app(self, path: str, facts: Facts) -> Iterator[Lead | Finding]:
        folder = posixpath.dirname(path)
        yield from self._others(path, folder)
        for word in facts.words:
            place = posixpath.join(folder, word if is_assembly(word) else f"{word}.dll")
            if self._tree.is_file(place):
                yield Lead(place, Reason("dotnet", f"named by {path}", path), code=True)
        sure = bool(facts.traits & {Trait.FOLDERS, Trait.PATHS})
        mentions = tuple(Mention(word.replace("\\", "/").removeprefix("~/"), Base.ANY, sure) for word in facts.words)
        for finding in chain(
            self._named.findings(path, mentions, folder), self._named.usual_folders(path, _FOLDERS, folder)
        ):
            yield Lead(finding.path, finding.reason, code=True) if is_source(finding.path) else finding
        if Trait.PROCESSES in facts.traits:
            yield from self._named.programs(path, tuple(Command(word, shell=False) for word in facts.words))

    def _others(self, path: str, folder: str) -> Iterator[Lead]:
        """Yield the app's other assemblies and its settings. A folder with an app in it holds little else."""
        reason = Reason("dotnet", f"beside {path}", path)
        inside = self._folder(folder)
        yield from (Lead(place, reason, code=True) for place in inside.assemblies)
        yield from (Lead(place, reason) for place in inside.settings)

    def _assets(self, path: str, facts: Facts) -> Iterator[Lead]:
        """Yield the assets that an app's manifest lists, where publishing has put them. A framework's own manifest lists all that it has."""
        folder = posixpath.dirname(path)
        if framework_of(folder):
            return
        reason = Reason("dotnet", f"listed in {path}", path)
        for asset in facts.assets:
            if fits_machine(asset.rid, self._image.config.architecture):
                name = posixpath.basename(asset.path)
                for place in (f"{folder}/{asset.path}", posixpath.join(folder, asset.culture, name)):
                    if self._tree.is_file(place):
                        yield Lead(place, reason, code=is_assembly(place))
