"""Installed distributions, each with its files and its entry points.

Source: PyPA specifications, "Recording installed projects" (RECORD, direct_url.json) and "Entry points"; setuptools for
egg-info (top_level.txt, SOURCES.txt, installed-files.txt).
"""

from __future__ import annotations

import os
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from slimmer.image.tree import Entry
from slimmer.keep.image_view import ImageView
from slimmer.keep.language import Origin
from slimmer.keep.languages.python.finder import Finder

LIST_LIMIT = 1 << 22
"""The largest list of files that is read, in bytes."""

TOGETHER_LIMIT = 1 << 28
"""The most bytes of such lists that are read in one image. The user is told if there are more."""

SHARED_FILES = 2000
"""The most shared data files of a distribution that are looked at."""

FOLDER_LIMIT = 1 << 20
"""The largest metadata of a distribution that is kept whole, in bytes. From a larger folder, only the files that importlib.metadata reads stay."""

_LISTS = ("RECORD", "top_level.txt")
_ENTRY_POINTS = "entry_points.txt"
_SCRIPTS = ("console_scripts", "gui_scripts")
_METADATA = frozenset(
    {"METADATA", "PKG-INFO", "RECORD", "WHEEL", "INSTALLER", "installed-files.txt", *_LISTS, _ENTRY_POINTS}
)
_SHARED = re.compile(r"(?:\.\./){3}((?:share|etc)/(?!.{0,1000}\.\./).{1,1000})")
_MANUALS = re.compile(r"share/(?:man|doc|info|applications|icons|pixmaps|bash-completion|zsh|fish)/")
_INFO = re.compile(r"(?P<name>[\w.]{1,200}?)(?:-[^/]{1,200})?\.(?:dist|egg)-info$")
_ENTRY = re.compile(r"\s{0,9}[^=\s][^=]{0,200}=\s{0,9}(?P<module>[\w.]{1,300})")


@dataclass(frozen=True)
class Distribution:
    """An installed distribution. `path` is its metadata: a folder, or one file.

    `local` is true if it was not installed from an index, so that it is part of the app. `entry_points` maps groups to names of modules.
    `shared` are data files that it installed below the prefix (share/, etc/), which programs find by convention. `requested` is true if
    pip was asked for it by name.
    """

    name: str
    path: str
    local: bool = False
    entry_points: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shared: tuple[str, ...] = ()
    requested: bool = False


class Distributions:
    """All distributions in the folders of one Python, and the files and folders that each one owns."""

    def __init__(self, image: ImageView, finder: Finder) -> None:
        """Reads the lists of all distributions in one round trip."""
        self._image, self._finder = image, finder
        self._owners: dict[str, Distribution] = {}
        self._sizes: dict[str, int] = {}
        self.all = tuple(self._read())

    def owner(self, path: str) -> Distribution | None:
        """Return the distribution that lists a file or, if none does, the nearest folder above it; None if there is none."""
        while path and path != "/":
            if found := self._owners.get(path):
                return found
            path = posixpath.dirname(path)
        return None

    def size(self, distribution: Distribution, limit: int) -> int:
        """Return the bytes of a distribution's files. Counting stops when they exceed `limit`."""
        if distribution.path not in self._sizes:
            total = 0
            for path in [path for path, owner in self._owners.items() if owner is distribution]:
                entries = [self._image.tree.get(path), *self._image.tree.children(path)]
                total += sum(entry.size for entry in entries if entry is not None and entry.is_file)
                if total > limit:
                    break
            self._sizes[distribution.path] = total
        return self._sizes[distribution.path]

    def metadata(self, distribution: Distribution) -> Iterator[str]:
        """Yield the paths of a distribution's metadata."""
        tree = self._image.tree
        below = [entry for entry in tree.below(distribution.path) if not entry.is_directory]
        whole = sum(entry.size for entry in below) <= FOLDER_LIMIT
        yield distribution.path
        yield from (entry.path for entry in below if whole or posixpath.basename(entry.path) in _METADATA)

    def _read(self) -> Iterator[Distribution]:
        infos = dict(self._infos())
        points: dict[str, Mapping[str, tuple[str, ...]]] = {}
        listed: dict[str, set[str]] = {info: set() for info in infos}
        shared: dict[str, tuple[str, ...]] = {}
        for path, content in self._contents(infos):
            info, file = posixpath.split(path)
            if file == _ENTRY_POINTS:
                points[info] = _entry_points(content)
            else:
                listed[info].update(self._places(info, _top_names(content)))
                if file == "RECORD":
                    shared[info] = tuple(islice(_shared(posixpath.dirname(info), content), SHARED_FILES))
        for info, name in infos.items():
            local = f"{info}/direct_url.json" in self._image.tree
            distribution = Distribution(
                name, info, local, points.get(info, {}), shared.get(info, ()), f"{info}/REQUESTED" in self._image.tree
            )
            names = (name, name.lower(), name.replace("-", "_").lower())
            for place in (*self._places(info, names), *listed[info]):
                self._owners.setdefault(place, distribution)
            yield distribution

    def _contents(self, infos: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield the lists and entry points, one at a time, up to TOGETHER_LIMIT."""
        files, left = [], TOGETHER_LIMIT
        for entry in (entry for info in infos for entry in self._files(info)):
            left -= entry.size
            if left < 0:
                self._image.sandbox.note(entry.path, f"such lists have more than {TOGETHER_LIMIT >> 20} MiB together")
                break
            files.append(entry.path)
        yield from ((path, content) for path, content in (self._image.read(files) if files else ()) if content)

    def _places(self, info: str, names: Iterable[str]) -> Iterator[str]:
        """Yield the folders and modules with these names that exist beside a distribution's metadata."""
        site, tree = posixpath.dirname(info), self._image.tree
        for name in names:
            if name:
                yield from (path for path in (f"{site}/{name}", f"{site}/{name}.py") if path in tree)

    def _infos(self) -> Iterator[tuple[str, str]]:
        """Yield the metadata of all distributions: its path, and the name of the distribution."""
        for root in self._finder.roots:
            if root.origin is Origin.LIBRARY:
                for name, path in self._finder.listing(root.path).items():
                    if match := _INFO.fullmatch(name):
                        yield path, match["name"]

    def _files(self, info: str) -> Iterator[Entry]:
        """Yield the files of a distribution's metadata that slimmer reads."""
        for name in (*_LISTS, _ENTRY_POINTS):
            entry = self._image.tree.get(f"{info}/{name}")
            if entry is not None and entry.is_file and entry.size <= LIST_LIMIT:
                yield entry


def _shared(site: str, content: bytes) -> Iterator[str]:
    """Yield the files that a list has outside of the folder of packages, in share/ and etc/, without manuals and the like."""
    for line in content.splitlines():
        path = os.fsdecode(line.partition(b",")[0].strip(b'"'))
        if path.startswith("../") and (match := _SHARED.fullmatch(path)) and not _MANUALS.match(match[1]):
            yield posixpath.normpath(posixpath.join(site, path))


def _top_names(content: bytes) -> Iterator[str]:
    """Yield the folders and modules that a list names, relative to the folder of packages."""
    for line in content.splitlines():
        path = os.fsdecode(line.partition(b",")[0].strip(b'"'))
        if not path.startswith(("..", "/", "__pycache__/")) and "-info" not in path.partition("/")[0]:
            yield posixpath.dirname(path) or path


def _entry_points(content: bytes) -> dict[str, tuple[str, ...]]:
    """Return the names of modules by group. Groups of scripts are left out, because each script is a file of its own."""
    groups: dict[str, list[str]] = defaultdict(list)
    group = ""
    for line in content.decode(errors="replace").splitlines():
        if line.startswith("["):
            group = line.strip().strip("[]").strip()
        elif group and group not in _SCRIPTS and (match := _ENTRY.match(line)):
            groups[group].append(match["module"])
    return {group: tuple(modules) for group, modules in groups.items()}
