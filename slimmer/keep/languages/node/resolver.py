"""Follow the JavaScript that Node opened: what it requires and imports, at once or later, and the paths that it names.

An app's source (outside of node_modules and the system's folders of modules) is read for everything that it names. A library's source is
read for what it loads anywhere in its code. That counts if it belongs to the library, or to a package that the library or the app
declares, so `try { require("bufferutil") }` in a library does not keep a package that happens to be there. A dependency of
the app counts as required if the app names it in a text ("ejs" for a view engine), or if it is a peer of a kept library (a database
driver). The other commands of a package count once one of them was started, and so do files that scripts in the app's package.json start.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from slimmer.image.tree import Entry
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.language import Lead, Origin, Resolver
from slimmer.keep.languages.node.addons import Platform, addons_of
from slimmer.keep.languages.node.manifest import Manifest
from slimmer.keep.languages.node.module_search import (
    TRANSPILED,
    Asked,
    ModuleSearch,
    is_builtin,
    is_own,
    package_name,
    plain,
)
from slimmer.keep.languages.node.output import output_files, output_folder
from slimmer.keep.languages.node.pnp import NAMES as PNP_MAPS
from slimmer.keep.languages.node.pnp import Located
from slimmer.keep.languages.node.reader import Facts, ModuleRequest
from slimmer.keep.sources.globs import globs
from slimmer.keep.sources.named_paths import HOLE, Base, Command, NamedPaths, fitting, whole_folder

_SUFFIXES = frozenset((".js", ".cjs", ".mjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ""))

_FOLDERS = frozenset(("views", "templates", "locales", "emails"))
"""Folders beside an app's source or in its root where frameworks look by convention."""

_PAGES = frozenset(("public", "static", "assets", "www", "html", "client", "browser"))
"""Names of folders whose scripts are for browsers. These are kept, but not followed."""

_PLATFORM_BYTES = 150 << 20
"""The largest package for one platform that is kept, in bytes. It holds compiled programs and libraries that work only as a whole."""


_COMPILED = (".ts", ".mts", ".cts", ".tsx", ".jsx")
_ENDS = ("", ".js", ".cjs", ".mjs", ".json", ".ts", ".tsx", ".mts", ".cts", ".jsx")
"""What may be missing at the end of a computed name."""

_MANAGERS = re.compile(r".*/(?:npm|yarn|pnpm|corepack|@yarnpkg/[a-z-]{1,30})/.*\.c?js", re.DOTALL)
"""Code of package managers, which start the scripts of a package.json."""

_SCRIPT_WORD = re.compile(r"[^\s;&|()<>\"'`$]{1,400}")

_WORKERS = (".js", ".cjs", ".mjs")
"""Sources that a library names by their places: it starts them as threads and processes."""


class NodeResolver(Resolver[Facts]):
    """Node in one image: follows the sources that it opened to everything that they can load and name."""

    def __init__(self, image: ImageView, opened: frozenset[str]) -> None:
        self._image, self._tree = image, image.tree
        self._search = ModuleSearch(image, _conditions(image), opened)
        self._opened = opened
        self._archives = sorted(path for path in opened if path.endswith(".zip"))
        self._located: dict[str, Located] = {}
        self._configs: set[str] = set()
        self._named = NamedPaths(image)
        self._packages: set[str] = set()
        self._with_addons: set[str] = set()
        self._app_folders: dict[str, None] = {}
        self._words: set[str] = set()
        self._peers: set[str] = set()
        self._followed: set[str] = set()
        self._outputs: set[str] = set()
        self._dependencies: dict[str, str] = {}
        self._platform = Platform(image.tree, image.config.architecture)

    def accepts(self, path: str) -> bool:
        return posixpath.splitext(path)[1] in _SUFFIXES

    def origin(self, path: str) -> Origin:
        return Origin.APP if is_own(path) else Origin.LIBRARY

    def is_data(self, entry: Entry) -> bool:
        """Return True also for the maps of Plug'n'Play, which hold a copy of Yarn's loader."""
        return posixpath.basename(entry.path) in PNP_MAPS or super().is_data(entry)

    def leads(self, layer: Mapping[str, Facts]) -> Iterator[Lead | Finding]:
        self._search.prepare(
            question
            for path, found in layer.items()
            for request in found.requests
            for question in _asked(path, request)
        )
        for path, found in layer.items():
            if is_own(path):
                self._app_folders |= dict.fromkeys(self._search.scopes(path))
                self._words |= found.words
        self._read_app_manifests()
        for path, found in layer.items():
            for request in found.requests:
                yield from self._requested(path, request, lists=found.lists)
            yield from self._mentioned(path, found)
            yield from self._compiled(path, found)
        yield from self._package_files(layer)
        yield from self._dependencies_in_use()
        yield from self._depended_on()

    def _read_app_manifests(self) -> None:
        """Note the packages that the app declares, each with the file that declares it."""
        for folder, manifest in self._search.manifests(self._app_folders).items():
            for name in manifest.declared:
                self._dependencies.setdefault(name, f"{folder}/package.json")

    def _requested(self, path: str, request: ModuleRequest, *, lists: bool) -> Iterator[Lead | Finding]:
        verb = "imported" if request.imported else "required"
        reason = Reason("node", f"{verb} by {path}{request.place}", path)
        if HOLE in request.specifier:
            yield from self._computed(path, request, reason, lists=lists)
        elif self._may_load(path, request):
            self._locate(path, request.specifier)
            for question in _asked(path, request):
                yield from (Lead(place, reason, code=True) for place in self._search.find(question))

    def _may_load(self, path: str, request: ModuleRequest) -> bool:
        """Return True if a requested module belongs to the source's package or is declared. A library does not mean others that are just there."""
        if is_own(path) or not request.lazy or request.specifier.startswith((".", "/", "#")):
            return True
        own = self._search.manifests(self._search.scopes(path)).values()
        name = package_name(request.specifier)
        return not own or name in self._dependencies or any(name in (*it.declared, it.name) for it in own)

    def _locate(self, path: str, specifier: str) -> None:
        """Note the package of Plug'n'Play that a request leads to."""
        if not specifier.startswith((".", "/", "#")) and not is_builtin(specifier):
            located = self._search.dependency(path, package_name(plain(specifier)))
            if located is not None:
                self._located.setdefault(located.folder, located)

    def _computed(self, path: str, request: ModuleRequest, reason: Reason, *, lists: bool) -> Iterator[Lead | Finding]:
        """Yield the sources that match a computed specifier: `require("./locale/" + name)`, `import(`dates/locale/${name}`)`.

        A name of which nothing is known stands for what lies beside the source only if the source lists folders.
        """
        for pattern in self._search.patterns(Asked(path, request.specifier, request.imported)):
            folder = posixpath.dirname(pattern[: pattern.index(HOLE)]) if HOLE in pattern else ""
            if folder in ("", "/") or posixpath.basename(folder) == "node_modules":
                continue
            is_plain = request.specifier.startswith((".", "/")) and not pattern[len(folder) :].strip(f"/{HOLE}")
            if is_plain and posixpath.dirname(path).startswith(folder) and not lists:
                continue
            yield from self._fitting(path, folder, pattern, reason)

    def _fitting(self, path: str, folder: str, pattern: str, reason: Reason) -> Iterator[Lead]:
        """Yield the sources that fit a path with holes: as it is, with suffixes, as sources in TypeScript, and packages in folders."""
        rest = pattern[pattern.rindex(HOLE) + 1 :]
        stem, suffix = posixpath.splitext(pattern)
        ends = (
            [stem + end for end in (suffix, *TRANSPILED.get(suffix, ()))]
            if "." in rest
            else [pattern + end for end in _ENDS[1:]]
        )
        for one in ends:
            if "/" not in one[len(folder) + 1 :]:
                yield from _leads(fitting(self._tree, folder, one[len(folder) + 1 :], reason))
                continue
            for glob in globs(one, HOLE):
                yield from _leads(self._named.matching(glob, reason))
        start, name, below = pattern[len(folder) + 1 :].partition(HOLE)
        name, _, below = below.partition("/")
        for entry in self._tree.children(folder) if not start and not name and HOLE not in below else ():
            if entry.is_directory:
                for found in self._search.find(Asked(path, f"{entry.path}/{below}".rstrip("/"), False)):
                    yield Lead(found, reason, code=True)

    def _compiled(self, path: str, facts: Facts) -> Iterator[Lead]:
        """Yield what a source needs that is compiled when it is loaded: its configuration, and the functions that JSX becomes."""
        settings = self._search.settings(path)
        suffix = posixpath.splitext(path)[1]
        for file in settings.files if settings is not None else ():
            if file not in self._configs:
                self._configs.add(file)
                yield Lead(file, Reason("node", f"says where modules of {path} lie", path))
        if suffix not in (".tsx", ".jsx") or not is_own(path):
            return
        package = facts.jsx or (settings.jsx if settings is not None else "") or "react"
        asked = [
            Asked(path, f"{package}/jsx{kind}-runtime", imported) for kind in ("", "-dev") for imported in (True, False)
        ]
        self._search.prepare(asked)
        for question in asked:
            self._locate(path, question.specifier)
            reason = Reason("node", f"holds what JSX in {path} becomes", path)
            yield from (Lead(place, reason, code=True) for place in self._search.find(question))

    def _mentioned(self, path: str, facts: Facts) -> Iterator[Lead | Finding]:
        root = self._search.scope(path) or posixpath.dirname(path)
        folder = posixpath.dirname(path)
        sources = {posixpath.normpath(f"{folder}/{one.path}") for one in facts.mentions if one.base is Base.FOLDER}
        for finding in self._named.findings(path, facts.mentions, root):
            is_named = is_own(path) or (finding.path in sources and finding.path.endswith(_WORKERS))
            is_code = is_named and _PAGES.isdisjoint(finding.path[len(root) :].split("/"))
            yield Lead(finding.path, finding.reason, code=True) if is_code else finding
        if is_own(path):
            yield from self._named.usual_folders(path, _FOLDERS, root)
            yield from self._named.programs(path, facts.commands)
            yield from self._bundled(path)

    def _bundled(self, path: str) -> Iterator[Lead | Finding]:
        """Yield everything in a bundler's output folder, if this source is in one."""
        folder = output_folder(self._tree, path)
        if folder is None or folder in self._outputs:
            return
        self._outputs.add(folder)
        reason = Reason("node", f"made by a bundler, as {path}", path)
        for entry in output_files(self._tree, folder):
            is_code = self.accepts(entry.path) and _PAGES.isdisjoint(entry.path[len(folder) :].split("/"))
            yield Lead(entry.path, reason, code=True) if is_code else Finding(entry.path, reason)

    def _package_files(self, facts: Mapping[str, Facts]) -> Iterator[Lead | Finding]:
        """Yield the package.json of these sources' packages, and the addons and platform packages of those that load native code."""
        found: dict[str, str] = {}
        for path in facts:
            for scope in self._search.scopes(path):
                found.setdefault(scope, path)
        new = [scope for scope in found if scope not in self._packages]
        self._packages.update(new)
        for folder, manifest in self._search.manifests(new).items():
            reason = Reason("node", f"describes the package of {folder}", found[folder])
            yield Lead(f"{folder}/package.json", reason)
            self._peers |= manifest.peers
            yield from self._commands(folder, manifest)
            yield from self._platform_packages(folder, manifest)
        for path in (path for path in facts if facts[path].addons):
            for folder in [scope for scope in self._search.scopes(path) if scope not in self._with_addons]:
                self._with_addons.add(folder)
                reason = Reason("node", f"a native addon that {path} looks for", path)
                for entry in addons_of(self._tree, folder, self._platform):
                    yield Lead(entry.path, reason)

    def _commands(self, folder: str, manifest: Manifest) -> Iterator[Lead | Finding]:
        """Yield the commands of a package of which one was started, and what the scripts of the app's package.json start."""
        place = f"{folder}/package.json"
        commands = [
            end for one in manifest.bin if (end := self._tree.resolve(posixpath.normpath(f"{folder}/{one}")).end)
        ]
        if is_own(place) or not self._opened.isdisjoint(commands):
            reason = Reason("node", f"a command of the package in {folder}", place)
            yield from (Lead(command, reason, code=True) for command in commands)
        if not is_own(place):
            return
        has_manager = any(_MANAGERS.fullmatch(path) for path in self._opened)
        reason = Reason("node", f"started by a script in {place}", place)
        for line in manifest.scripts:
            for word in _SCRIPT_WORD.findall(line):
                path = posixpath.normpath(posixpath.join(folder, word))
                candidates = [path + end for end in _ENDS[:1] if self.accepts(path)]
                candidates += (
                    [path + end for end in _ENDS[1:]] if "/" in word and not posixpath.splitext(word)[1] else []
                )
                candidates += [f"{folder}/node_modules/.bin/{word}"] if has_manager and "/" not in word else []
                yield from (Lead(one, reason, code=True) for one in candidates if self._tree.is_file(one))
            if has_manager:
                yield from self._named.programs(place, (Command(line),))

    def _depended_on(self) -> Iterator[Lead | Finding]:
        """Yield the archives and folders of all packages of Plug'n'Play that packages in use depend on."""
        new, self._located = list(self._located.values()), {}
        archives, self._archives = self._archives, []
        for one in self._search.depended(new, archives):
            if not self._platform.fits(one.package.name):
                continue
            reason = Reason("node", f"the package {one.package.name}, which others in use depend on")
            end = self._tree.resolve(one.archive or one.folder).end
            if one.archive is not None:
                yield Lead(one.archive, reason)
            elif end is not None and not is_own(f"{one.folder}/package.json"):
                yield Lead(one.folder, reason)
                yield from whole_folder(self._tree, end, reason, _PLATFORM_BYTES)

    def _platform_packages(self, folder: str, manifest: Manifest) -> Iterator[Lead | Finding]:
        for name in manifest.optional:
            if self._platform.is_named(name):
                place = self._search.package_folder(f"{folder}/package.json", name)
                end = self._tree.resolve(place).end if place is not None else None
                if place is not None and end is not None:
                    reason = Reason("node", f"the part of {folder} for this platform", f"{folder}/package.json")
                    yield Lead(place, reason)
                    yield from whole_folder(self._tree, end, reason, _PLATFORM_BYTES)

    def _dependencies_in_use(self) -> Iterator[Lead]:
        """Yield modules of those dependencies of the app that it names in a text, or that a library has as a peer."""
        used = (self._words | self._peers) & self._dependencies.keys() - self._followed
        self._followed |= used
        questions = [
            Asked(self._dependencies[name], name, imported) for name in sorted(used) for imported in (False, True)
        ]
        self._search.prepare(questions)
        for question in questions:
            reason = Reason("node", f"a dependency of the app that it names, {question.specifier}", question.user)
            yield from (Lead(place, reason, code=True) for place in self._search.find(question))


def _asked(path: str, request: ModuleRequest) -> list[Asked]:
    """Return the questions that a request asks. What runs TypeScript may compile an `import` to a `require`."""
    ways = (True, False) if request.imported and path.endswith(_COMPILED) else (request.imported,)
    return [Asked(path, request.specifier, imported) for imported in ways]


def _leads(findings: Iterable[Finding]) -> Iterator[Lead]:
    return (Lead(finding.path, finding.reason, code=True) for finding in findings)


def _conditions(image: ImageView) -> Iterable[str]:
    """Yield the runtimes' own conditions, and those that the user added by -C or --conditions, in NODE_OPTIONS or on the command line."""
    programs = {posixpath.basename(access.executable) for access in image.log.accesses}
    yield from (name for name in ("bun", "deno") if any(program.startswith(name) for program in programs))
    words = [*image.env.get("NODE_OPTIONS", "").split(), *image.config.command]
    for word, following in pairwise([*words, ""]):
        if word.startswith("--conditions="):
            yield word.partition("=")[2]
        elif word in ("-C", "--conditions"):
            yield following
