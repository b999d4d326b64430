"""Finds the files of PHP's classes in an image: by Composer's autoloaders, lists of classes, and folders named after namespaces."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from slimmer.keep.ecosystems import dependency_folders
from slimmer.keep.image_view import ImageView, above
from slimmer.keep.keepset import Reason
from slimmer.keep.language import Lead
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
from slimmer.keep.sources.limits import within_limits
from slimmer.keep.sources.named_paths import HOLE, fitting
from slimmer.keep.sources.reading import read_files

SHARED = (
    "/usr/share/php",
    "/usr/local/lib/php",
    "/usr/share/pear",
    "/usr/lib/php",
    "/usr/share/php8",
    "/usr/share/php7",
)
"""Folders of libraries for every app."""

_LIST = "autoload.php"
_MAPS = ("autoload_classmap.php", "autoload_psr4.php", "autoload_namespaces.php", INSTALLED)
LEVELS = 12
_DEPTH = 2
"""Folders that are not so deep (/srv, /var) hold more than an app's classes."""

_SOURCES, _BYTES = 2000, 8 << 20
"""The most sources below a folder of an app's classes, and their bytes."""

_TESTS = frozenset(("tests", "test"))
_NAMESPACES = 10_000


class Classes:
    """Finds the files of classes in one image. It learns autoloaders and namespaces from the sources that are read."""

    def __init__(self, image: ImageView) -> None:
        self._image, self._tree = image, image.tree
        self._loaders: dict[str, Autoloader] = {}
        self._roots: dict[str, str] = {}
        self._listed: dict[str, str] = {}
        self._listed_files: set[str] = set()
        self._namespaces: dict[str, dict[str, None]] = {}
        self._below: set[str] = set()

    def root(self, path: str) -> str:
        """Return the folder of the app that a source belongs to: the nearest one with a vendor folder, or else the source's own."""
        folder = posixpath.dirname(path)
        known = self._roots.get(folder)
        if known is None:
            known = self._roots[folder] = next(
                (place for place in above(folder, LEVELS) if f"{place}/vendor/autoload.php" in self._tree), folder
            )
        return known

    def read_autoloaders(self, sources: Iterable[str]) -> Iterator[Lead]:
        """Read Composer's maps in each new vendor folder, and yield Composer's own files there. Costs one round trip."""
        vendors: dict[str, str] = {}
        for path in sources:
            vendor = f"{self.root(path)}/vendor"
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
            yield from self._of_the_app(vendor)

    def _of_the_app(self, vendor: str) -> Iterator[Lead]:
        """Yield the classes of the app itself. Frameworks find them by names in settings and attributes, and by listing folders."""
        for folder in dict.fromkeys(place for places in self._loaders[vendor].psr4.values() for place in places):
            if not f"{folder}/".startswith(f"{vendor}/") and posixpath.basename(folder).lower() not in _TESTS:
                reason = Reason(
                    "php", f"a class in {folder}, which Composer's autoloader loads", f"{vendor}/autoload.php"
                )
                yield from (Lead(place, reason, code=True) for place in self.below(folder))

    def below(self, folder: str) -> Iterator[str]:
        """Yield the sources below a folder of the app's classes, without dependencies and tests. Nothing if there are too many."""
        end = self._tree.resolve(folder).end
        if end is None or end in self._below or end.count("/") < _DEPTH or end.startswith(SHARED):
            return
        self._below.add(end)
        left_out = dependency_folders() | _TESTS
        sources = (
            entry
            for entry in self._tree.below(end)
            if entry.is_file
            and entry.path.endswith(".php")
            and left_out.isdisjoint(entry.path[len(end) :].lower().split("/"))
        )
        yield from (entry.path for entry in within_limits(sources, _SOURCES, _BYTES) or ())

    def read_lists(self, sources: Iterable[str]) -> None:
        """Read the autoloaders among these sources that hold a list of classes, as those of Debian's packages do."""
        paths = [path for path in sources if posixpath.basename(path) == _LIST and "/vendor/" not in path]
        folder = posixpath.dirname
        for _, read in read_files(self._image, read_list, Map, paths, MAP_LIMIT, lambda path: (folder(path),)):
            for entry in read.entries:
                self._listed_files.add(self._listed.setdefault(entry.name, entry.places[0]))

    def learn(self, path: str, namespace: str) -> None:
        """Note the namespace of an app's source. The app's own autoloader finds classes in folders named after namespaces (PSR-4)."""
        folder, name = posixpath.dirname(path), namespace
        while name and len(self._namespaces) < _NAMESPACES:
            self._namespaces.setdefault(name, {})[folder] = None
            outer, _, last = name.rpartition("\\")
            if posixpath.basename(folder).lower() != last.lower():
                return
            folder, name = posixpath.dirname(folder), outer

    def find(self, path: str, name: str) -> Iterator[tuple[str, str]]:
        """Yield the file of a class with the folder of its package, "" if it has none. Nothing if the class is not found."""
        own = next((place for place in self._own_classes(name) if self._tree.is_file(place)), None)
        if own is not None:
            yield own, ""
            return
        loaders = [self._loaders[vendor] for vendor in (f"{self.root(path)}/vendor",) if vendor in self._loaders]
        for loader in loaders or list(self._loaders.values())[:4]:
            for place in loader.candidates(name):
                if self._tree.is_file(place):
                    yield place, package_of(place, loader.vendor) if place.startswith(f"{loader.vendor}/") else ""
                    return
        if (place := self._listed.get(name.lower(), "")) and self._tree.is_file(place):
            yield place, posixpath.dirname(place)
            return
        for base in SHARED:
            place = f"{base}/{old_path(name)}"
            if self._tree.is_file(place):
                yield place, posixpath.join(base, name.partition("\\")[0])
                return

    def any_of(self, path: str, name: str) -> Iterator[str]:
        """Yield the files of all classes in a namespace. `name` has a hole for the class."""
        loader = self._loaders.get(f"{self.root(path)}/vendor")
        places = (*self._own_classes(name), *(loader.candidates(name) if loader is not None else ()))
        for folder, pattern in dict.fromkeys(posixpath.split(place) for place in places):
            if pattern.startswith(HOLE):
                yield from (finding.path for finding in fitting(self._tree, folder, pattern, Reason("php")))

    def may_use(self, path: str, package: str, place: str) -> bool:
        """Return True if a library's source may use a class of this package: it is its own package, one that it requires, or the class was listed."""
        if (bool(package) and path.startswith(f"{package}/")) or place in self._listed_files:
            return True
        vendor = f"{self.root(path)}/vendor"
        loader = self._loaders.get(vendor)
        return loader is not None and path.startswith(f"{vendor}/") and loader.needs(package_of(path, vendor), package)

    def _own_classes(self, name: str) -> Iterator[str]:
        prefix, rest = name, ""
        for _ in range(LEVELS):
            prefix, _, last = prefix.rpartition("\\")
            if not prefix:
                return
            rest = f"{last}/{rest}" if rest else last
            yield from (f"{folder}/{rest}.php" for folder in list(self._namespaces.get(prefix, ()))[:LEVELS])


def _place_of_map(path: str) -> tuple[str, str]:
    """Return the name of one of Composer's files, and the vendor folder that it is in."""
    return posixpath.basename(path), posixpath.dirname(posixpath.dirname(path))
