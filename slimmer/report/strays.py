"""Files of a slim image that belong to no package: where they may come from.

They may be hard links to files of a package, copies of them, their compiled form, or what a package manager put aside or a script of the
package made.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from slimmer.image.language_packages import site_of
from slimmer.image.packages import SYSTEM_MANAGERS, Package
from slimmer.image.tree import Entry
from slimmer.keep.folders import SHARED
from slimmer.report.contents import Contents, Pair

CANDIDATES = 8
"""The most files of one size that are taken for copies of a file. With several, it hardly matters which."""

COPY_SIZE = 1 << 16
"""The bytes from which on two files of one size may be copies, whatever their names. Smaller ones need the same name, too."""

_BYTECODE = re.compile(r"(?P<folder>.*/)__pycache__/(?P<name>[^/]+?)\.[^/.]+(?:\.opt-[12])?\.pyc", re.DOTALL)
"""Where Python keeps compiled sources (PEP 3147, PEP 488)."""

_EXTENSION = re.compile(r".*/extensions/[^/]+/[^/]+/(?P<gem>[^/]+)/", re.DOTALL)
"""Where RubyGems keeps what it compiled for a gem: extensions/PLATFORM/API/NAME-VERSION (Gem::BasicSpecification)."""

_ASIDE = (
    ".distrib",
    ".diverted",
    ".usr-is-merged",
    ".dpkg-dist",
    ".dpkg-new",
    ".dpkg-old",
    ".dpkg-bak",
    ".rpmnew",
    ".rpmsave",
    ".apk-new",
)
"""Suffixes of files that a package manager put aside: dpkg-divert(1), dpkg's conffiles, rpm(8), apk-protected_paths(5)."""


class Strays:
    """The kept paths that belong to no package (`free`), by what tells where they come from. `links` are the inodes of kept hard links."""

    def __init__(self, contents: Contents) -> None:
        self.links: dict[int, str] = {}
        self.alike: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
        self.extensions: defaultdict[str, list[str]] = defaultdict(list)
        self.made_of: defaultdict[str, list[str]] = defaultdict(list)
        system: dict[str, Package | None] = {}
        python: dict[str, Package | None] = {}
        free = dict(contents.kept)
        for entry, owners in contents.owned():
            if entry.is_directory:
                continue
            if entry.links > 1 and entry.path in contents.kept:
                self.links.setdefault(entry.inode, entry.path)
            if owners:
                free.pop(entry.path, None)
            folder = posixpath.dirname(entry.path)
            _note(system, folder, [one for one in owners if one.manager in SYSTEM_MANAGERS])
            if (site := site_of(entry.path)) is not None and folder != site:
                _note(python, folder, [one for one in owners if one.manager == "python"])
        for path, size in free.items():
            if size > 0 and len(same := self.alike[_likeness(path, size)]) < CANDIDATES:
                same.append(path)
            if "/extensions/" in path and (match := _EXTENSION.match(path)):
                self.extensions[match["gem"]].append(path)
            for source in _sources(path):
                self.made_of[source].append(path)
        self.free = frozenset(free)
        folders = ((path, posixpath.dirname(path)) for path, size in free.items() if size >= 0)
        owners_of_folders = ((path, known.get(folder)) for path, folder in folders for known in (system, python))
        self.alone = [(path, owner) for path, owner in owners_of_folders if owner is not None]

    def copies_of(self, entry: Entry) -> list[Pair]:
        """Return the kept paths that may be copies of this file, each with the file's path."""
        same = self.alike.get(_likeness(entry.path, entry.size), ()) if entry.is_file and entry.size else ()
        return [(path, entry.path) for path in same]


def _likeness(path: str, size: int) -> tuple[int, str]:
    """Return what copies have in common: the size, and the name of a small file."""
    return size, "" if size >= COPY_SIZE else posixpath.basename(path)


def _note(alone: dict[str, Package | None], folder: str, owners: Iterable[Package]) -> None:
    """Note the only package that has files in this folder; None if there are several, or the folder is one that all share."""
    for package in owners:
        known = alone.setdefault(folder, None if folder in SHARED else package)
        if known != package:
            alone[folder] = None


def _sources(path: str) -> Iterator[str]:
    """Yield the paths that a file may have been made of."""
    if path.endswith(".pyc") and (match := _BYTECODE.fullmatch(path)):
        yield f"{match['folder']}{match['name']}.py"
    for suffix in _ASIDE:
        if path.endswith(suffix):
            yield path.removesuffix(suffix)
