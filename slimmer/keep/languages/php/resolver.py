"""Follow the PHP sources that were seen to be opened: what they include, the classes that they use, what they name.

An app's source (outside of vendor folders and the shared folders of PHP) is read for all that it names. Of libraries counts
what they include, the parents of their classes, and classes of their own package or of packages that the app uses. Extensions need no
rule: PHP loads all that its configuration names when it starts.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.language import Lead, Origin, Resolver
from slimmer.keep.languages.php.composer import (
    INSTALLED,
    MAP_LIMIT,
    Autoloader,
    Map,
    old_path,
    package_of,
    read_list,
    read_map,
)
from slimmer.keep.languages.php.reader import ClassUse, Facts, Include
from slimmer.keep.sources.load_path import is_file
from slimmer.keep.sources.named_paths import HOLE, Base, NamedPaths, fitting
from slimmer.keep.sources.reading import read_files

_SUFFIXES = frozenset((".php", ".phtml", ".inc", ".module", ".theme", ".install", ".profile", ".php5", ".php7", ""))
_SHARED = (
    "/usr/share/php",
    "/usr/local/lib/php",
    "/usr/share/pear",
    "/usr/lib/php",
    "/usr/share/php8",
    "/usr/share/php7",
)
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
"""Folders beside an app's source, or in its root, into which frameworks look without being told."""

_LIST = "autoload.php"
_MAPS = ("autoload_classmap.php", "autoload_psr4.php", "autoload_namespaces.php", INSTALLED)
_LEVELS = 12
_NAMESPACES = 10_000


class PhpResolver(Resolver[Facts]):
    """PHP in one image: from the sources that it opened, to all that they can load and name."""

    def __init__(self, image: ImageView, opened: frozenset[str]) -> None:
        self._image, self._tree = image, image.tree
        self._named = NamedPaths(image)
        self._loaders: dict[str, Autoloader] = {}
        self._packages: set[str] = set()
        self._roots: dict[str, str] = {}
        self._listed: dict[str, str] = {}
        self._listed_files: set[str] = set()
        self._namespaces: dict[str, dict[str, None]] = {}
        folders = {
            posixpath.dirname(path) for path in opened if not path.startswith(_SHARED) and "/vendor/" not in path
        }
        self._include_path = (*sorted(folders, key=len)[:20], image.config.working_dir or "/", *_SHARED)

    def accepts(self, path: str) -> bool:
        return posixpath.splitext(path)[1] in _SUFFIXES

    def origin(self, path: str) -> Origin:
        return Origin.APP if _is_app(path) else Origin.LIBRARY

    def leads(self, layer: Mapping[str, Facts]) -> Iterator[Lead | Finding]:
        yield from self._autoloaders(layer)
        self._lists(layer)
        for path, found in layer.items():
            if found.namespace and _is_app(path):
                self._learn(path, found.namespace)
        for path, found in layer.items():
            is_app, root = _is_app(path), self._root(path)
            if is_app:
                yield from self._named.usual_folders(path, _FOLDERS, root)
                yield from self._named.programs(path, found.commands)
            for finding in self._named.findings(path, found.mentions, root):
                yield Lead(finding.path, finding.reason, code=True) if is_app else finding
            for include in found.includes:
                reason = Reason("php", f"included by {path}{include.place}", path)
                yield from (Lead(place, reason, code=True) for place in self._included(path, include, root))
            for use in found.classes:
                yield from self._used(path, use, is_app)

    def _autoloaders(self, facts: Mapping[str, Facts]) -> Iterator[Lead]:
        """Composer's own files of each vendor folder in use; its maps are read at once."""
        vendors: dict[str, str] = {}
        for path in facts:
            vendor = f"{self._root(path)}/vendor"
            if vendor not in self._loaders and f"{vendor}/composer/autoload_real.php" in self._tree:
                self._loaders[vendor] = Autoloader(vendor)
                vendors[vendor] = path
        maps = [f"{vendor}/composer/{name}" for vendor in vendors for name in _MAPS]
        maps = [path for path in maps if path in self._tree]
        for path, read in read_files(self._image, read_map, Map, maps, MAP_LIMIT, _place_of_map):
            name, vendor = _place_of_map(path)
            self._loaders[vendor].learn(name, read)
        for vendor, path in vendors.items():
            reason = Reason("php", f"a part of the autoloader of {vendor}", path)
            yield Lead(f"{vendor}/autoload.php", reason)
            for entry in self._tree.children(f"{vendor}/composer"):
                if entry.is_file and entry.path.endswith((".php", ".json")):
                    yield Lead(entry.path, reason)

    def _lists(self, facts: Mapping[str, Facts]) -> None:
        """Autoloaders with a list of classes, as Debian's packages have."""
        paths = [path for path in facts if posixpath.basename(path) == _LIST and "/vendor/" not in path]
        folder = posixpath.dirname
        for _, read in read_files(self._image, read_list, Map, paths, MAP_LIMIT, lambda path: (folder(path),)):
            for entry in read.entries:
                self._listed_files.add(self._listed.setdefault(entry.name, entry.places[0]))

    def _learn(self, path: str, namespace: str) -> None:
        """Where an autoloader of the app's own finds classes: folders that are called as the namespaces in them (PSR-4)."""
        folder, name = posixpath.dirname(path), namespace
        while name and len(self._namespaces) < _NAMESPACES:
            self._namespaces.setdefault(name, {})[folder] = None
            above, _, last = name.rpartition("\\")
            if posixpath.basename(folder).lower() != last.lower():
                return
            folder, name = posixpath.dirname(folder), above

    def _own_classes(self, name: str) -> Iterator[str]:
        prefix, rest = name, ""
        for _ in range(_LEVELS):
            prefix, _, last = prefix.rpartition("\\")
            if not prefix:
                return
            rest = f"{last}/{rest}" if rest else last
            yield from (f"{folder}/{rest}.php" for folder in list(self._namespaces.get(prefix, ()))[:_LEVELS])

    def _root(self, path: str) -> str:
        """The folder of the app or package that a source belongs to: the nearest above it with a vendor folder."""
        folder = posixpath.dirname(path)
        known = self._roots.get(folder)
        if known is None:
            known = self._roots[folder] = next(
                (above for above in _above(folder) if f"{above}/vendor/autoload.php" in self._tree), folder
            )
        return known

    def _included(self, path: str, include: Include, root: str) -> Iterator[str]:
        folder = posixpath.dirname(path)
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
        yield from [place for place in places if is_file(self._tree, place)][:1]

    def _behind_a_constant(self, folder: str, path: str) -> Iterator[str]:
        """`ABSPATH . 'wp-includes/x.php'`: what the constant says is another file's matter; it is a folder above."""
        name = path.rpartition(HOLE)[2].lstrip("/")
        if name.endswith((".php", ".inc", ".phtml")):
            places = (posixpath.normpath(f"{above}/{name}") for above in _above(folder))
            yield from [place for place in places if is_file(self._tree, place)][:1]

    def _used(self, path: str, use: ClassUse, is_app: bool) -> Iterator[Lead]:
        for name in use.names:
            if HOLE in name and is_app:
                reason = Reason("php", f"a class of a computed name, used by {path}{use.place}", path)
                yield from (Lead(place, reason, code=True) for place in self._any_class(path, name))
                continue
            for place, package in self._class_files(path, name):
                if is_app:
                    self._packages.add(package)
                if is_app or use.parent or package in self._packages or self._may_use(path, package, place):
                    reason = Reason("php", f"the class {name}, used by {path}{use.place}", path)
                    yield Lead(place, reason, code=True)
                    return

    def _may_use(self, path: str, package: str, place: str) -> bool:
        """Whether a library's source may mean a class of a package: its own, one that it requires, or one that was listed."""
        if (bool(package) and path.startswith(f"{package}/")) or place in self._listed_files:
            return True
        vendor = f"{self._root(path)}/vendor"
        loader = self._loaders.get(vendor)
        return loader is not None and path.startswith(f"{vendor}/") and loader.needs(package_of(path, vendor), package)

    def _any_class(self, path: str, name: str) -> Iterator[str]:
        """The files of the classes of a namespace: `name` has a hole for the class."""
        loader = self._loaders.get(f"{self._root(path)}/vendor")
        places = (*self._own_classes(name), *(loader.candidates(name) if loader is not None else ()))
        for folder, pattern in dict.fromkeys(posixpath.split(place) for place in places):
            if pattern.startswith(HOLE):
                yield from (finding.path for finding in fitting(self._tree, folder, pattern, Reason("php")))

    def _class_files(self, path: str, name: str) -> Iterator[tuple[str, str]]:
        """The file of a class, and the folder of its package ("" where it has none)."""
        own = next((place for place in self._own_classes(name) if is_file(self._tree, place)), None)
        if own is not None:
            yield own, ""
            return
        loaders = [self._loaders[vendor] for vendor in (f"{self._root(path)}/vendor",) if vendor in self._loaders]
        for loader in loaders or list(self._loaders.values())[:4]:
            for place in loader.candidates(name):
                if is_file(self._tree, place):
                    yield place, package_of(place, loader.vendor) if place.startswith(f"{loader.vendor}/") else ""
                    return
        if (place := self._listed.get(name.lower(), "")) and is_file(self._tree, place):
            yield place, posixpath.dirname(place)
            return
        for base in _SHARED:
            place = f"{base}/{old_path(name)}"
            if is_file(self._tree, place):
                yield place, posixpath.join(base, name.partition("\\")[0])
                return


def _place_of_map(path: str) -> tuple[str, str]:
    """The name of one of Composer's files, and the vendor folder that it is in."""
    return posixpath.basename(path), posixpath.dirname(posixpath.dirname(path))


def _is_app(path: str) -> bool:
    return "/vendor/" not in path and not path.startswith(tuple(f"{folder}/" for folder in _SHARED))


def _above(folder: str) -> Iterator[str]:
    for _ in range(_LEVELS):
        if folder in ("/", ""):
            return
        yield folder
        folder = posixpath.dirname(folder)
