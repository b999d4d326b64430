"""Yarn's Plug'n'Play: packages lie in archives (.yarn/cache), or in folders outside of node_modules (.yarn/unplugged).

`.pnp.cjs` lists every package, its place and its dependencies. slimmer does not look into archives, so an archive of a package that is
used stays whole, and so do those of all packages that it depends on. Source: https://yarnpkg.com/advanced/pnp-spec.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from slimmer.keep.image_view import ImageView
from slimmer.keep.sources.reading import read_files
from slimmer.sandbox.readers import reader

MAP_LIMIT = 1 << 25
"""The largest map of packages that is read, in bytes."""

NAMES = (".pnp.cjs", ".pnp.js", ".pnp.data.json")
_PACKAGES, _DEPENDENCIES = 30_000, 500_000
_STATE = re.compile(r"RAW_RUNTIME_STATE\s{0,9}=\s{0,9}'")
_CALL = re.compile(r"hydrateRuntimeState\(\s{0,99}(?=\{)")
_VIRTUAL = re.compile(r"(/.{0,2000}?)/(?:__virtual__|\$\$virtual)/[^/]{1,255}/([0-9]{1,2})(?:/(.*))?", re.DOTALL)
_ARCHIVE = re.compile(r"(/.{1,2000}?\.zip)(?:/.*)?", re.DOTALL)
_LEVELS = 60
_PATH = 4096


@dataclass(frozen=True, slots=True)
class Dependency:
    """A package under the name by which another one asks for it."""

    name: str
    package: str
    reference: str


@dataclass(frozen=True, slots=True)
class Package:
    """A package. The name and the reference of the app itself are "". `location` is relative to the map."""

    name: str = ""
    reference: str = ""
    location: str = ""
    dependencies: tuple[Dependency, ...] = ()


@dataclass(frozen=True, slots=True)
class PackageMap:
    """What a map lists."""

    packages: tuple[Package, ...] = ()


@reader
def read_map(content: bytes) -> PackageMap:
    """Read .pnp.cjs or .pnp.data.json. Parts that make no sense count as missing."""
    try:
        data = _state(content.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return PackageMap()
    registry = data.get("packageRegistryData") if isinstance(data, dict) else None
    return PackageMap(tuple(_packages(registry)))


def _state(text: str) -> Any:
    """Return the data in a map: a text in single quotes over many lines, the argument of a call, or the whole file."""
    quoted = _STATE.search(text)
    if quoted is not None:
        end = text.find("\n}'", quoted.end())
        escaped = text[quoted.end() : end + 2] if end >= 0 else text[quoted.end() : text.rfind("'")]
        return json.loads(
            re.sub(r"\\(.)", lambda match: "" if match[1] == "\n" else match[1], escaped, flags=re.DOTALL)
        )
    call = _CALL.search(text)
    return json.JSONDecoder().raw_decode(text, call.end())[0] if call is not None else json.loads(text)


def _packages(registry: Any) -> Iterator[Package]:
    packages = dependencies = 0
    for name, versions in _pairs(registry):
        for reference, about in _pairs(versions):
            location = about.get("packageLocation") if isinstance(about, dict) else None
            if not isinstance(location, str) or len(location) > _PATH:
                continue
            needed = tuple(_dependencies(about.get("packageDependencies")))
            packages, dependencies = packages + 1, dependencies + len(needed)
            if packages > _PACKAGES or dependencies > _DEPENDENCIES:
                return
            yield Package(_text(name), _text(reference), location, needed)


def _dependencies(listed: Any) -> Iterator[Dependency]:
    for name, target in _pairs(listed):
        if isinstance(target, str):
            yield Dependency(_text(name), _text(name), target)
        elif isinstance(target, list) and len(target) == 2:
            yield Dependency(_text(name), _text(target[0]), _text(target[1]))


def _pairs(value: Any) -> Iterator[tuple[Any, Any]]:
    for pair in value if isinstance(value, list) else ():
        if isinstance(pair, list) and len(pair) == 2:
            yield pair[0], pair[1]


def _text(value: Any) -> str:
    return value if isinstance(value, str) and "\0" not in value else ""


@dataclass(frozen=True, slots=True)
class Located:
    """A package, and the folder that holds it: in an archive, or in the image."""

    package: Package
    folder: str

    @property
    def archive(self) -> str | None:
        """The archive that the folder lies in; None if it lies in none."""
        return archive_of(self.folder)


class PlugAndPlay:
    """The packages that the maps of an image list."""

    def __init__(self, image: ImageView, maps: Iterable[str]) -> None:
        self._located: dict[tuple[str, str, str], Located] = {}
        self._by_folder: dict[str, Located] = {}
        self._by_archive: dict[str, list[Located]] = {}
        self._map_of: dict[str, str] = {}
        self._by_name: dict[tuple[str, str, str], Mapping[str, Dependency]] = {}
        self._followed: set[str] = set()
        paths = sorted(path for path in maps if posixpath.basename(path) in NAMES)
        for path, found in read_files(image, read_map, PackageMap, paths, MAP_LIMIT) if paths else ():
            self._add(posixpath.dirname(path), found)

    def __bool__(self) -> bool:
        return bool(self._located)

    def _add(self, root: str, found: PackageMap) -> None:
        for package in found.packages:
            located = Located(package, _real(posixpath.normpath(posixpath.join(root, package.location))))
            self._located[root, package.name, package.reference] = located
            self._by_folder.setdefault(located.folder, located)
            if located.archive is not None:
                self._by_archive.setdefault(located.archive, []).append(located)
            self._map_of.setdefault(located.folder, root)

    def dependency(self, user: str, name: str) -> Located | None:
        """Return the package that a file gets by a name: from its own package's dependencies, or else from the app's."""
        folder = self._folder(user)
        if folder is None:
            return None
        root, own = self._map_of[folder], self._by_folder[folder]
        top = self._located.get((root, "", ""))
        for one in (own, *((top,) if top is not None else ())):
            needed = self._dependencies(root, one.package).get(name)
            if needed is not None:
                return self._located.get((root, needed.package, needed.reference))
        return None

    def _dependencies(self, root: str, package: Package) -> Mapping[str, Dependency]:
        """Return the dependencies of a package by their names. The first one of a name counts."""
        key = root, package.name, package.reference
        if key not in self._by_name:
            self._by_name[key] = {needed.name: needed for needed in reversed(package.dependencies)}
        return self._by_name[key]

    def in_archives(self, archives: Iterable[str]) -> list[Located]:
        """Return the packages in these archives."""
        return [one for archive in archives for one in self._by_archive.get(archive, ())]

    def closure(self, start: Iterable[Located]) -> Iterator[Located]:
        """Yield these packages and all that they depend on. Each is yielded once, no matter how often this is called."""
        waiting = deque(start)
        while waiting:
            one = waiting.popleft()
            if one.folder in self._followed:
                continue
            self._followed.add(one.folder)
            yield one
            root = self._map_of[one.folder]
            needed = (self._located.get((root, it.package, it.reference)) for it in one.package.dependencies)
            waiting.extend(found for found in needed if found is not None)

    def _folder(self, path: str) -> str | None:
        """Return the innermost package's folder above a file."""
        folder = posixpath.dirname(path)
        for _ in range(_LEVELS):
            if folder in self._by_folder:
                return folder
            if folder in ("/", ""):
                return None
            folder = posixpath.dirname(folder)
        return None


def archive_of(path: str) -> str | None:
    """Return the archive that a path leads into; None if it leads into none."""
    match = _ARCHIVE.fullmatch(path)
    return match[1] if match is not None else None


def _real(path: str) -> str:
    """Return the folder that a virtual path stands for: `__virtual__/HASH/N/REST` is REST below the Nth folder above."""
    match = _VIRTUAL.fullmatch(path)
    if match is None:
        return path
    folder = match[1]
    for _ in range(int(match[2])):
        folder = posixpath.dirname(folder)
    return posixpath.normpath(posixpath.join(folder, match[3] or ""))
