"""Follow the PHP sources that PHP opened: what they include, the classes that they use, and the paths that they name.

An app's source (outside of vendor folders and the shared folders of PHP) is read for everything that it names. A library's source is read
for what it includes, the parents of its classes, and classes of packages that the library or the app uses. Extensions need no
rule, because PHP loads all that its configuration names when it starts.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from slimmer.keep.image_view import ImageView, above
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.language import Lead, Origin, Resolver
from slimmer.keep.languages.php.classes import LEVELS, SHARED, Classes
from slimmer.keep.languages.php.reader import ClassUse, Facts, Include
from slimmer.keep.sources.named_paths import HOLE, Base, NamedPaths, fitting

_SUFFIXES = frozenset((".php", ".phtml", ".inc", ".module", ".theme", ".install", ".profile", ".php5", ".php7", ""))
_FOLDERS = frozenset(
    (
        "templates",
        "views",
        "resources/views",
        "resources/lang",
        "lang",
        "translations",
        "locale",
        "config",
        "routes",
        "public",
    )
)
"""Folders beside an app's source or in its root where frameworks look by convention."""


class PhpResolver(Resolver[Facts]):
    """PHP in one image: follows the sources that it opened to everything that they can load and name."""

    def __init__(self, image: ImageView, opened: frozenset[str]) -> None:
        self._tree = image.tree
        self._named = NamedPaths(image)
        self._classes = Classes(image)
        self._packages: set[str] = set()
        folders = {posixpath.dirname(path) for path in opened if not path.startswith(SHARED) and "/vendor/" not in path}
        self._include_path = (*sorted(folders, key=len)[:20], image.config.working_dir or "/", *SHARED)

    def accepts(self, path: str) -> bool:
        return posixpath.splitext(path)[1] in _SUFFIXES

    def origin(self, path: str) -> Origin:
        return Origin.APP if _is_app(path) else Origin.LIBRARY

    def leads(self, layer: Mapping[str, Facts]) -> Iterator[Lead | Finding]:
        yield from self._classes.read_autoloaders(layer)
        self._classes.read_lists(layer)
        for path, found in layer.items():
            if found.namespace and _is_app(path):
                self._classes.learn(path, found.namespace)
        for path, found in layer.items():
            is_app, root = _is_app(path), self._classes.root(path)
            if is_app:
                yield from self._named.usual_folders(path, _FOLDERS, root)
                yield from self._named.programs(path, found.commands)
            for finding in self._named.findings(path, found.mentions, root):
                is_code = is_app or finding.path.endswith(".php")
                yield Lead(finding.path, finding.reason, code=True) if is_code else finding
            for include in found.includes:
                reason = Reason("php", f"included by {path}{include.place}", path)
                yield from (Lead(place, reason, code=True) for place in self._included(path, include, root))
            for use in found.classes:
                yield from self._used(path, use, is_app)

    def _included(self, path: str, include: Include, root: str) -> Iterator[str]:
        folder = posixpath.dirname(path)
        if include.deep and _is_app(path):
            known = posixpath.normpath(f"{folder if include.base is Base.FOLDER else root}/{include.path}").split(HOLE)[
                0
            ]
            yield from self._classes.below(posixpath.dirname(known))
        if include.path.startswith(HOLE):
            yield from self._behind_a_constant(folder, include.path)
            return
        if HOLE in include.path:
            base = folder if include.base is Base.FOLDER else root
            where, pattern = posixpath.split(posixpath.normpath(f"{base}/{include.path}"))
            if HOLE not in where and where.count("/") > 1:
                yield from (finding.path for finding in fitting(self._tree, where, pattern, Reason("php")))
            return
        bases = (folder,) if include.base is Base.FOLDER else (*self._include_path, folder, root)
        name = include.path.lstrip("/") if include.base is Base.FOLDER else include.path
        places = (posixpath.normpath(posixpath.join(base, name)) for base in bases)
        yield from [place for place in places if self._tree.is_file(place)][:1]

    def _behind_a_constant(self, folder: str, path: str) -> Iterator[str]:
        """Yield the file of `ABSPATH . 'wp-includes/x.php'`. Another file defines the constant; it is mostly a folder above the source."""
        name = path.rpartition(HOLE)[2].lstrip("/")
        if name.endswith((".php", ".inc", ".phtml")):
            places = (posixpath.normpath(f"{place}/{name}") for place in above(folder, LEVELS))
            yield from [place for place in places if self._tree.is_file(place)][:1]

    def _used(self, path: str, use: ClassUse, is_app: bool) -> Iterator[Lead]:
        for name in use.names:
            if HOLE in name and is_app:
                reason = Reason("php", f"a class of a computed name, used by {path}{use.place}", path)
                yield from (Lead(place, reason, code=True) for place in self._classes.any_of(path, name))
                continue
            for place, package in self._classes.find(path, name):
                if is_app:
                    self._packages.add(package)
                if is_app or use.parent or package in self._packages or self._classes.may_use(path, package, place):
                    reason = Reason("php", f"the class {name}, used by {path}{use.place}", path)
                    yield Lead(place, reason, code=True)
                    return


def _is_app(path: str) -> bool:
    return "/vendor/" not in path and not path.startswith(tuple(f"{folder}/" for folder in SHARED))
