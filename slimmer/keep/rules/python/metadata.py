"""Installed distributions: which files are whose, and what they offer by entry points.

Source: PyPA specifications, "Recording installed projects" (RECORD, direct_url.json) and "Entry points"; setuptools for
egg-info (top_level.txt, SOURCES.txt, installed-files.txt).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from slimmer.keep.context import Context
from slimmer.keep.rules.python.search import SITE, Finder

LIST_LIMIT = 1 << 22
"""Bytes of a list of files; a larger one is not read."""

FOLDER_LIMIT = 1 << 20
"""Bytes of a distribution's metadata that are kept; of a larger folder, only the files that importlib.metadata reads."""

_LISTS = ("RECORD", "top_level.txt", "installed-files.txt")
_ENTRY_POINTS = "entry_points.txt"
_SCRIPTS = ("console_scripts", "gui_scripts")
_METADATA = frozenset({"METADATA", "PKG-INFO", "RECORD", "WHEEL", "INSTALLER", *_LISTS, _ENTRY_POINTS})
_INFO = re.compile(r"(?P<name>[\w.]{1,200}?)(?:-[^/]{1,200})?\.(?:dist|egg)-info$")
_ENTRY = re.compile(r"\s{0,9}[^=\s][^=]{0,200}=\s{0,9}(?P<module>[\w.]{1,300})")


@dataclass(frozen=True)
class Distribution:
    """An installed distribution; `path` is its metadata (a folder, or one file). `local`: not from an index, so the app's.

    `entry_points` are module names by group.
    """

    name: str
    path: str
    local: bool = False
    entry_points: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Distributions:
    """All distributions of a Python's folders, and who owns which folder. The lists are read in one go."""

    def __init__(self, context: Context, finder: Finder) -> None:
        self._context = context
        self._finder = finder
        self._owners: dict[str, Distribution] = {}
        self._sizes: dict[str, int] = {}
        self.all = tuple(self._read())

    def owner(self, path: str) -> Distribution | None:
        """The distribution that a file belongs to: who lists it, or the nearest folder above it."""
        while path and path != "/":
            if found := self._owners.get(path):
                return found
            path = posixpath.dirname(path)
        return None

    def size(self, distribution: Distribution, limit: int) -> int:
        """Bytes of its files; counting ends where they exceed `limit`."""
        if distribution.path not in self._sizes:
            total = 0
            for path in [path for path, owner in self._owners.items() if owner is distribution]:
                entries = [self._context.tree.get(path), *self._context.tree.children(path)]
                total += sum(entry.size for entry in entries if entry is not None and entry.is_file)
                if total > limit:
                    break
            self._sizes[distribution.path] = total
        return self._sizes[distribution.path]

    def metadata(self, distribution: Distribution) -> Iterator[str]:
        """The paths of its metadata."""
        tree = self._context.tree
        below = [entry for entry in tree.below(distribution.path) if not entry.is_directory]
        whole = sum(entry.size for entry in below) <= FOLDER_LIMIT
        yield distribution.path
        yield from (entry.path for entry in below if whole or posixpath.basename(entry.path) in _METADATA)

    def _read(self) -> Iterator[Distribution]:
        infos = dict(self._infos())
        files = [path for info in infos for path in self._files(info)]
        contents = {path: content for path, content in self._context.read(files) if content} if files else {}
        for info, name in infos.items():
            local = f"{info}/direct_url.json" in self._context.tree
            points = _entry_points(contents.get(f"{info}/{_ENTRY_POINTS}", b""))
            distribution = Distribution(name, info, local, points)
            lists = [contents[f"{info}/{kind}"] for kind in _LISTS if f"{info}/{kind}" in contents]
            self._own(distribution, lists)
            yield distribution

    def _infos(self) -> Iterator[tuple[str, str]]:
        for root in self._finder.roots:
            if root.kind == SITE:
                for name, end in self._finder.listing(root.path).items():
                    if match := _INFO.fullmatch(name):
                        yield end, match["name"]

    def _files(self, info: str) -> Iterator[str]:
        for name in (*_LISTS[:2], _ENTRY_POINTS):
            entry = self._context.tree.get(f"{info}/{name}")
            if entry is not None and entry.is_file and entry.size <= LIST_LIMIT:
                yield entry.path

    def _own(self, distribution: Distribution, lists: Sequence[bytes]) -> None:
        site = posixpath.dirname(distribution.path)
        names = {distribution.name, distribution.name.lower(), distribution.name.replace("-", "_").lower()}
        for content in lists:
            for line in content.decode(errors="surrogateescape").splitlines():
                path = line.partition(",")[0].strip('"')
                if not path.startswith(("..", "/", "__pycache__/")) and "-info" not in path.partition("/")[0]:
                    names.add(posixpath.dirname(path) or path)
        for name in names:
            if name:
                for path in (f"{site}/{name}", f"{site}/{name}.py"):
                    self._owners.setdefault(path, distribution)


def _entry_points(content: bytes) -> dict[str, tuple[str, ...]]:
    """Module names by group, but for the scripts, which are files of their own."""
    groups: dict[str, tuple[str, ...]] = {}
    group = ""
    for line in content.decode(errors="replace").splitlines():
        if line.startswith("["):
            group = line.strip().strip("[]").strip()
        elif group and group not in _SCRIPTS and (match := _ENTRY.match(line)):
            groups[group] = (*groups.get(group, ()), match["module"])
    return groups
