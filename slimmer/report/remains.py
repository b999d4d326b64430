"""What is left of packages in a slim image: which of their files it has, under their own names or under others.

A file counts as left if the slim image has its path, or a hard link to it. So do files that no list of a package manager has, but that
come from the package: compiled Python, files that dpkg put aside, what a link of the package leads to, and whatever else lies in a folder in which only this package has files.
A kept file of nobody's that has the size of a missing file is a possible copy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from slimmer.image.language_packages import folder_of, site_of
from slimmer.image.packages import SYSTEM_MANAGERS, Package
from slimmer.image.tree import Entry, Tree
from slimmer.report.contents import Contents, Pair
from slimmer.report.strays import Strays
from slimmer.scans.coordinates import Coordinates, key_of, without_epoch


@dataclass(slots=True)
class Tally:
    """A package's files in one place: how many the original has, and those that are left. `copies` may be copies of missing ones."""

    files: int = 0
    kept: list[str] = field(default_factory=list)
    copies: list[Pair] = field(default_factory=list)


class Remains:
    """What is left of the packages with these keys (slimmer.scans.coordinates.key_of). It walks the tree a few times.

    `places` are real paths. It also tells what is left of the packages of a distribution that these belong to. A hostile image may have
    60,000 copies or versions of one package, so each question costs what it answers.
    """

    def __init__(self, contents: Contents, keys: Collection[tuple[str, str]], places: Collection[str] = ()) -> None:
        self.contents = contents
        self._owners = dict(_owners(contents, places)) if places else {}
        keys = {*keys, *(key_of(package) for packages in self._owners.values() for package in packages)}
        self._tallies: dict[tuple[str, str], dict[str, dict[str, dict[Package, Tally]]]] = {}
        self._left: dict[tuple[tuple[str, str], str], bool] = {}
        self._strays = strays = Strays(contents)
        for entry, owners in contents.owned():
            for package in owners if not entry.is_directory else ():
                if key_of(package) in keys:
                    _count(self._tally(package, place_of(contents.tree, package, entry.path)), entry, contents, strays)
        for stray, package in strays.alone:
            if key_of(package) in keys:
                tally = self._tally(package, place_of(contents.tree, package, stray))
                tally.files += 1
                tally.kept.append(stray)
        self._compare()

    def of(self, wanted: Coordinates, places: Iterable[str] | None = None) -> Iterator[Tally]:
        """Yield the tally of each copy of a package in the original: of all copies, or of those in these places.

        A place is a folder, or "" for packages of a distribution and for files of a Python distribution outside of its folder.
        """
        for version in self._versions(wanted):
            copies = self._tallies[wanted.key][version]
            for place in copies if places is None else places:
                for package, tally in copies.get(place, {}).items():
                    if wanted.is_version_of(package):
                        yield tally

    def is_left(self, wanted: Coordinates) -> bool:
        """Return True if any copy of a package may be in the slim image."""
        return bool(self.extensions(wanted)) or any(
            self._is_left(wanted.key, version) for version in self._versions(wanted)
        )

    def of_owners(self, places: Collection[str]) -> list[Tally]:
        """Return the tallies of the distribution's packages that all of these paths belong to; none if one of them belongs to no such package."""
        owners = [self._owners.get(place, ()) for place in places]
        packages = dict.fromkeys(package for found in owners for package in found) if all(owners) else {}
        return [self._tally(package, "") for package in packages]

    def extensions(self, wanted: Coordinates) -> list[str]:
        """Return the kept files that RubyGems compiled for a gem."""
        return self._strays.extensions.get(f"{wanted.name}-{wanted.version}", []) if wanted.kind == "gem" else []

    def known_version(self, wanted: Coordinates) -> str:
        """Return the version if the original has it, or "": packages of all other versions have the same tallies."""
        return wanted.version if without_epoch(wanted.version) in self._tallies.get(wanted.key, {}) else ""

    def versions(self, key: tuple[str, str]) -> Iterator[str]:
        """Yield the versions of the packages with this key, without epochs, as far as they are known."""
        return filter(None, self._tallies.get(key, {}))

    def copies_of(self, path: str) -> list[Pair]:
        """Return the kept paths that may be copies of this file of the original, each with the file's path."""
        entry = self.contents.tree.get(path)
        return [] if entry is None else self._strays.copies_of(entry)

    def has_link(self, path: str) -> bool:
        """Return True if the slim image has this file of the original under any name."""
        entry = self.contents.tree.get(path)
        return entry is not None and entry.links > 1 and entry.inode in self._strays.links

    def _versions(self, wanted: Coordinates) -> Iterable[str]:
        """Return the versions, without epochs, of which a package may be."""
        known = self._tallies.get(wanted.key, {})
        return (one for one in {"", without_epoch(wanted.version)} if one in known) if wanted.version else known

    def _is_left(self, key: tuple[str, str], version: str) -> bool:
        if (key, version) not in self._left:
            tallies = (tally for copies in self._tallies[key][version].values() for tally in copies.values())
            self._left[key, version] = any(tally.kept or tally.copies for tally in tallies)
        return self._left[key, version]

    def _all(self) -> Iterator[Tally]:
        for versions in self._tallies.values():
            for places in versions.values():
                for copies in places.values():
                    yield from copies.values()

    def _compare(self) -> None:
        """Find out which possible copies are copies, in one round trip."""
        tallies = [tally for tally in self._all() if tally.copies]
        copies, left = self.contents.copies([pair for tally in tallies for pair in tally.copies])
        same, unknown = set(copies), set(left)
        for tally in tallies:
            tally.kept += dict.fromkeys(pair[0] for pair in tally.copies if pair in same)
            tally.copies = [pair for pair in tally.copies if pair in unknown]

    def _tally(self, package: Package, place: str) -> Tally:
        copies = self._tallies.setdefault(key_of(package), {}).setdefault(without_epoch(package.version), {})
        return copies.setdefault(place, {}).setdefault(package, Tally())


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


def _count(tally: Tally, entry: Entry, contents: Contents, strays: Strays) -> None:
    tally.files += 1
    made = [path for path in strays.made_of.get(entry.path, ()) if path != entry.path]
    tally.files += len(made)
    tally.kept += made
    if entry.path in contents.kept:
        tally.kept.append(entry.path)
    elif entry.links > 1 and entry.inode in strays.links:
        tally.kept.append(strays.links[entry.inode])
    elif entry.is_link and (end := contents.tree.resolve(entry.path).end) in strays.free:
        tally.kept.append(end)
    else:
        tally.copies += strays.copies_of(entry)
