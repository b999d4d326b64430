"""Follow the JavaScript that Node opened: what it requires and imports, at once or later, and the paths that it names.

An app's source (outside of node_modules and the system's folders of modules) is read for everything that it names. A library's source is
read for what it loads anywhere in its code. That counts if it belongs to the library, or to a package that the library or the app
declares, so `try { require("bufferutil") }` in a library does not keep a package that happens to be there. A dependency of
the app counts as required if the app names it in a text ("ejs" for a view engine), or if it is a peer of a kept library (a database driver).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.language import Lead, Origin, Resolver
from slimmer.keep.languages.node.addons import Platform, addons_of
from slimmer.keep.languages.node.manifest import Manifest
from slimmer.keep.languages.node.module_search import SHARED, Asked, ModuleSearch, package_name
from slimmer.keep.languages.node.output import output_files, output_folder
from slimmer.keep.languages.node.reader import Facts, ModuleRequest
from slimmer.keep.sources.named_paths import HOLE, NamedPaths, fitting, whole_folder

_SUFFIXES = frozenset((".js", ".cjs", ".mjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ""))

_FOLDERS = frozenset(("views", "templates", "locales", "emails"))
"""Folders beside an app's source or in its root where frameworks look by convention."""

_PAGES = frozenset(("public", "static", "assets", "www", "html", "client", "browser"))
"""Names of folders whose scripts are for browsers. These are kept, but not followed."""

_PLATFORM_BYTES = 150 << 20
"""The largest package for one platform that is kept, in bytes. It holds compiled programs and libraries that work only as a whole."""


class NodeResolver(Resolver[Facts]):
    """Node in one image: follows the sources that it opened to everything that they can load and name."""

    def __init__(self, image: ImageView, opened: frozenset[str]) -> None:
        self._image, self._tree = image, image.tree
        self._search = ModuleSearch(image, _conditions(image))
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
        return Origin.APP if is_app(path) else Origin.LIBRARY

    def leads(self, layer: Mapping[str, Facts]) -> Iterator[Lead | Finding]:
        self._search.prepare(
            Asked(path, request.specifier, request.imported)
            for path, found in layer.items()
            for request in found.requests
        )
        for path, found in layer.items():
            if is_app(path):
                self._app_folders |= dict.fromkeys(self._search.scopes(path))
                self._words |= found.words
        self._read_app_manifests()
        for path, found in layer.items():
            for request in found.requests:
                yield from self._requested(path, request)
            yield from self._mentioned(path, found)
        yield from self._package_files(layer)
        yield from self._dependencies_in_use()

    def _read_app_manifests(self) -> None:
        """Note the packages that the app declares, each with the file that declares it."""
        for folder, manifest in self._search.manifests(self._app_folders).items():
            for name in manifest.declared:
                self._dependencies.setdefault(name, f"{folder}/package.json")

    def _requested(self, path: str, request: ModuleRequest) -> Iterator[Lead | Finding]:
        verb = "imported" if request.imported else "required"
        reason = Reason("node", f"{verb} by {path}{request.place}", path)
        if HOLE in request.specifier:
            yield from self._computed(path, request.specifier, reason)
        elif self._may_load(path, request):
            for place in self._search.find(Asked(path, request.specifier, request.imported)):
                yield Lead(place, reason, code=True)

    def _may_load(self, path: str, request: ModuleRequest) -> bool:
        """Return True if a requested module belongs to the source's package or is declared. A library does not mean others that are just there."""
        if is_app(path) or not request.lazy or request.specifier.startswith((".", "/", "#")):
            return True
        own = self._search.manifests(self._search.scopes(path)).values()
        name = package_name(request.specifier)
        return not own or name in self._dependencies or any(name in (*it.declared, it.name) for it in own)

    def _computed(self, path: str, specifier: str, reason: Reason) -> Iterator[Lead | Finding]:
        """Yield the sources that match a computed specifier: `require("./locale/" + name)`, `import(`dates/locale/${name}`)`."""
        folder, start = posixpath.split(specifier[: specifier.index(HOLE)])
        rest = specifier[specifier.rindex(HOLE) + 1 :]
        place = self._known_folder(path, folder)
        if (
            place is None
            or posixpath.basename(place) == "node_modules"
            or place == "/"
            or not (start or rest or folder not in (".", ".."))
        ):
            return
        name, _, below = rest.partition("/")
        for suffix in ("",) if "." in rest else (".js", ".cjs", ".mjs", ".json"):
            if not below:
                for finding in fitting(self._tree, place, f"{start}{HOLE}{name}{suffix}", reason):
                    yield Lead(finding.path, reason, code=True)
        for entry in self._tree.children(place) if not start and not name else ():
            if entry.is_directory:
                for found in self._search.find(Asked(path, f"{entry.path}/{below}".rstrip("/"), False)):
                    yield Lead(found, reason, code=True)

    def _known_folder(self, path: str, folder: str) -> str | None:
        """Return the folder at the beginning of a specifier, relative to the source or in another package; None if it is unknown."""
        if folder.partition("/")[0] in (".", ".."):
            return posixpath.normpath(posixpath.join(posixpath.dirname(path), folder))
        name = package_name(folder)
        home = (
            self._search.package_folder(path, name)
            if "/" in folder[len(name) :] and not folder.startswith("/")
            else None
        )
        return posixpath.normpath(home + folder[len(name) :]) if home is not None else None

    def _mentioned(self, path: str, facts: Facts) -> Iterator[Lead | Finding]:
        root = self._search.scope(path) or posixpath.dirname(path)
        for finding in self._named.findings(path, facts.mentions, root):
            is_code = is_app(path) and _PAGES.isdisjoint(finding.path[len(root) :].split("/"))
            yield Lead(finding.path, finding.reason, code=True) if is_code else finding
        if is_app(path):
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
            yield from self._platform_packages(folder, manifest)
        for path in (path for path in facts if facts[path].addons):
            for folder in [scope for scope in self._search.scopes(path) if scope not in self._with_addons]:
                self._with_addons.add(folder)
                reason = Reason("node", f"a native addon that {path} looks for", path)
                for entry in addons_of(self._tree, folder, self._platform):
                    yield Lead(entry.path, reason)

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


def is_app(path: str) -> bool:
    """Return True if a source belongs to the app, not to a library."""
    return "/node_modules/" not in path and not path.startswith(_LIBRARIES)


_LIBRARIES = tuple(f"{folder}/" for folder in SHARED)


def _conditions(image: ImageView) -> Iterable[str]:
    """Yield the conditions that the user added by -C or --conditions, in NODE_OPTIONS or on the command line."""
    words = [*image.env.get("NODE_OPTIONS", "").split(), *image.config.command]
    for word, following in pairwise([*words, ""]):
        if word.startswith("--conditions="):
            yield word.partition("=")[2]
        elif word in ("-C", "--conditions"):
            yield following
