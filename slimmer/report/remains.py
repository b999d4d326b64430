"""What is left of packages in a slim image: which of their files it has, under their own names or under others.

A file counts as left if the slim image has its path, or a hard link to it. So do files that no list of a package manager has, but that
come from the package: compiled Python, files that dpkg put aside, and whatever else lies in a folder in which only this package has files.
A kept file of nobody's that has the size of a missing file is a possible copy.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from slimmer.image.language_packages import folder_of, site_of
from slimmer.image.packages import SYSTEM_MANAGERS, Package
from slimmer.image.tree import Entry, Tree
from slimmer.keep.folders import SHARED
from slimmer.scans.coordinates import Coordinates, key_of

Pair = tuple[str, str]
"""A path of the slim image and one of the original."""

Owned = Iterable[tuple[Entry, tuple[Package, ...]]]

CANDIDATES = 8
"""The most files of one size that are taken for copies of a file. With several, it hardly matters which."""

COPY_SIZE = 1 << 16
"""The bytes from which on two files of one size may be copies, whatever their names. Smaller ones need the same name, too."""

_BYTECODE = re.compile(r"(?P<folder>.*/)__pycache__/(?P<name>[^/]+?)\.[^/.]+(?:\.opt-[12])?\.pyc", re.DOTALL)
"""Where Python keeps compiled sources (PEP 3147, PEP 488)."""

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


@dataclass(frozen=True)
class Contents:
    """The paths of an original with their packages, and the paths that a slim image has of them.

    `owned` yields each entry of the tree, in its order, with its packages. `kept` has the slim image's paths that are no directories, with
    the size of each regular file (-1 for others). `unread` are package databases that could not be read. `compare` tells for pairs of a
    path of the slim image and one of the original whether their contents are the same, as far as it can; None if there are no contents.
    """

    tree: Tree
    owned: Callable[[], Owned]
    kept: Mapping[str, int]
    unread: tuple[str, ...] = ()
    compare: Callable[[Sequence[Pair]], Mapping[Pair, bool]] | None = None

    def copies(self, pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
        """Return the copies among possible ones, and those pairs of which nobody knows whether they are."""
        known = self.compare(pairs) if self.compare is not None and pairs else {}
        return [pair for pair in pairs if known.get(pair)], [pair for pair in pairs if pair not in known]


@dataclass(slots=True)
class Tally:
    """A package's files in one place: how many the original has, and those that are left. `copies` may be copies of missing ones."""

    files: int = 0
    kept: list[str] = field(default_factory=list)
    copies: list[Pair] = field(default_factory=list)


class Remains:
    """What is left of the packages with these keys (slimmer.scans.coordinates.key_of). It walks the tree a few times.

    `places` are real paths. It also tells what is left of the packages of a distribution that these belong to.
    """

    def __init__(self, contents: Contents, keys: Collection[tuple[str, str]], places: Collection[str] = ()) -> None:
        self.contents = contents
        self._owners = dict(_owners(contents, places)) if places else {}
        keys = {*keys, *(key_of(package) for packages in self._owners.values() for package in packages)}
        self._tallies: dict[tuple[str, str], dict[tuple[Package, str], Tally]] = {}
        self._strays = strays = _Strays(contents)
        for entry, owners in contents.owned():
            for package in owners if not entry.is_directory else ():
                if key_of(package) in keys:
                    _count(self._tally(package, place_of(contents.tree, package, entry.path)), entry, contents, strays)
        for stray, package in strays.alone:
            if key_of(package) in keys:
                tally = self._tally(package, "")
                tally.files += 1
                tally.kept.append(stray)
        self._compare()

    def of(self, wanted: Coordinates) -> Iterator[tuple[str, Tally]]:
        """Yield the tally of each copy of a package in the original, with its place: a folder, or "" for packages of a distribution."""
        for (package, place), tally in self._tallies.get(wanted.key, {}).items():
            if wanted.is_version_of(package):
                yield place, tally

    def of_owners(self, places: Collection[str]) -> list[Tally]:
        """Return the tallies of the distribution's packages that all of these paths belong to; none if one of them belongs to no such package."""
        owners = [self._owners.get(place, ()) for place in places]
        packages = dict.fromkeys(package for found in owners for package in found) if all(owners) else {}
        return [self._tally(package, "") for package in packages]

    def versions(self, key: tuple[str, str]) -> Iterator[str]:
        """Yield the versions of the packages with this key, as far as they are known."""
        return (version for version in dict.fromkeys(p.version for p, _ in self._tallies.get(key, {})) if version)

    def copies_of(self, path: str) -> list[Pair]:
        """Return the kept paths that may be copies of this file of the original, each with the file's path."""
        entry = self.contents.tree.get(path)
        return [] if entry is None else self._strays.copies_of(entry)

    def has_link(self, path: str) -> bool:
        """Return True if the slim image has this file of the original under any name."""
        entry = self.contents.tree.get(path)
        return entry is not None and entry.links > 1 and entry.inode in self._strays.links

    def _compare(self) -> None:
        """Find out which possible copies are copies, in one round trip."""
        tallies = [tally for found in self._tallies.values() for tally in found.values() if tally.copies]
        copies, left = self.contents.copies([pair for tally in tallies for pair in tally.copies])
        same, unknown = set(copies), set(left)
        for tally in tallies:
            tally.kept += dict.fromkeys(pair[0] for pair in tally.copies if pair in same)
            tally.copies = [pair for pair in tally.copies if pair in unknown]

    def _tally(self, package: Package, place: str) -> Tally:
        return self._tallies.setdefault(key_of(package), {}).setdefault((package, place), Tally())


def place_of(tree: Tree, package: Package, path: str) -> str:
    """Return the place of the package's copy that a path belongs to: its own folder, or the folder of Python distributions; "" otherwise."""
    if package.manager == "python":
        return site_of(path) or ""
    folder = folder_of(tree, path) if package.manager not in SYSTEM_MANAGERS else None
    return folder.path if folder is not None else ""


def _owners(contents: Contents, places: Collection[str]) -> Iterator[tuple[str, tuple[Package, ...]]]:
    """Yield those of these paths that belong to packages of a distribution."""
    for entry, owners in contents.owned():
        if entry.path in places and (found := tuple(one for one in owners if one.manager in SYSTEM_MANAGERS)):
            yield entry.path, found


class _Strays:
    """The kept paths that belong to no package, by what tells where they come from. `links` are the inodes of kept hard links."""

    def __init__(self, contents: Contents) -> None:
        self.links: dict[int, str] = {}
        self.sizes: defaultdict[int, list[str]] = defaultdict(list)
        self.made_of: defaultdict[str, list[str]] = defaultdict(list)
        alone: dict[str, Package | None] = {}
        free = dict(contents.kept)
        for entry, owners in contents.owned():
            if entry.is_directory:
                continue
            if entry.links > 1 and entry.path in contents.kept:
                self.links.setdefault(entry.inode, entry.path)
            if owners:
                free.pop(entry.path, None)
            _note(alone, posixpath.dirname(entry.path), owners)
        for path, size in free.items():
            if size > 0:
                self.sizes[size].append(path)
            for source in _sources(path):
                self.made_of[source].append(path)
        owners_of_folders = ((path, alone.get(posixpath.dirname(path))) for path, size in free.items() if size >= 0)
        self.alone = [(path, owner) for path, owner in owners_of_folders if owner is not None]

    def copies_of(self, entry: Entry) -> list[Pair]:
        """Return the kept paths that may be copies of this file, each with the file's path."""
        name = posixpath.basename(entry.path)
        same = self.sizes.get(entry.size, ()) if entry.is_file and entry.size else ()
        found = (path for path in same if entry.size >= COPY_SIZE or posixpath.basename(path) == name)
        return [(path, entry.path) for path in islice(found, CANDIDATES)]


def _note(alone: dict[str, Package | None], folder: str, owners: tuple[Package, ...]) -> None:
    """Note the only package of a distribution that has files in this folder; None if there are several, or the folder is one that all share."""
    for package in owners:
        if package.manager in SYSTEM_MANAGERS:
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


def _count(tally: Tally, entry: Entry, contents: Contents, strays: _Strays) -> None:
    tally.files += 1
    made = [path for path in strays.made_of.get(entry.path, ()) if path != entry.path]
    tally.files += len(made)
    tally.kept += made
    if entry.path in contents.kept:
        tally.kept.append(entry.path)
    elif entry.links > 1 and entry.inode in strays.links:
        tally.kept.append(strays.links[entry.inode])
    else:
        tally.copies += strays.copies_of(entry)
