"""Decide what became of each finding of a scan in the slim image.

Only what is proven counts as gone: slimmer knows the files of the package, and the slim image has none of them. Whether the code of a kept
package ever ran does not matter.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from slimmer.image.language_packages import folder_of, site_of
from slimmer.image.packages import RPM_FOLDERS, SYSTEM_MANAGERS
from slimmer.image.tree import Tree
from slimmer.report.contents import Contents
from slimmer.report.remains import Remains, Tally
from slimmer.scans.locations import is_list
from slimmer.scans.scan import Finding

SHOWN = 20
"""The most kept files of a finding that are listed. All are counted."""

FOLDERS = frozenset(("python", "node", "ruby", "php"))
"""Package managers of languages whose packages slimmer finds by their folders."""

_SYSTEM_DATABASES = ("/var/lib/dpkg/", "/lib/apk/", "/usr/lib/apk/", "/var/lib/rpm/", "/usr/lib/sysimage/rpm/")
_COMPOSER_LIST = "/composer/installed.json"
_DATABASE = re.compile(r".*/(?:var/lib/dpkg|lib/apk/db|var/lib/rpm|usr/lib/sysimage/rpm|usr/share/rpm)/", re.DOTALL)
"""A database in any root. Syft also reads those of a chroot or of another image within an image."""


class Verdict(StrEnum):
    """What is left of a finding's package in the slim image."""

    GONE = "gone"
    """The slim image has none of its files."""

    PARTLY = "partly there"
    """The slim image has some of its files."""

    THERE = "there"
    """The slim image has all of its files."""

    UNKNOWN = "unknown"
    """slimmer cannot tell. This is never taken as gone."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding and its verdict. `files` are those of the package in the original, and `kept` is how many of them the slim image has.

    `paths` are the first of these. `reason` says why the verdict is unknown, or is "". `absent`: no copy of the package, in whatever place
    and of whatever finding, is in the slim image, so that a statement about the package as a whole is true.
    """

    finding: Finding
    verdict: Verdict
    files: int = 0
    kept: int = 0
    paths: tuple[str, ...] = ()
    reason: str = ""
    absent: bool = False


def judge_findings(findings: Sequence[Finding], contents: Contents) -> tuple[Judged, ...]:
    """Return the verdict on each finding, in their order."""
    judge = Judge(contents, findings)
    judged = [judge.judged(finding) for finding in findings]
    left = {one.finding.package for one in judged if one.verdict is not Verdict.GONE}
    left.update(
        package for package in {finding.package for finding in findings} - left if judge.remains.is_left(package)
    )
    return tuple(replace(one, absent=one.finding.package not in left) for one in judged)


class Judge:
    """Decides about the findings of one scan."""

    def __init__(self, contents: Contents, findings: Iterable[Finding]) -> None:
        self._contents, self._tree = contents, contents.tree
        findings = tuple(findings)
        places = {end for one in findings if one.package.manager in FOLDERS for end in self._ends(one)}
        self.remains = Remains(contents, {one.package.key for one in findings}, places)
        ends = (self._tree.resolve(folder).end for folder in (*_SYSTEM_DATABASES, *RPM_FOLDERS))
        self._databases = tuple(f"{end}/" for end in ends if end is not None)
        self._known: dict[tuple[object, ...], tuple[Verdict, int, int, tuple[str, ...], str]] = {}

    def judged(self, finding: Finding) -> Judged:
        """Return the verdict on a finding."""
        package = finding.package
        version = self.remains.known_version(package)
        places = (
            self._elsewhere(finding)
            if package.manager in SYSTEM_MANAGERS
            else finding.locations
            if finding.whole
            else (*self._ends(finding),)
        )
        key = (package.key, package.kind, version, places, finding.whole)
        if key not in self._known:
            self._known[key] = self._decide(finding)
        return Judged(finding, *self._known[key])

    def _decide(self, finding: Finding) -> tuple[Verdict, int, int, tuple[str, ...], str]:
        manager = finding.package.manager
        if manager in SYSTEM_MANAGERS:
            if elsewhere := self._elsewhere(finding):
                return _unknown(f"slimmer does not read the database {elsewhere[0]}")
            tallies = [*self.remains.of(finding.package)]
            seen: list[str] = []
        elif finding.whole:
            return self._of_files(finding)
        elif manager in FOLDERS:
            # A distribution's package of a language's package may leave out the list of its files, but has them all.
            tallies = self._at(finding) or self.remains.of_owners([*self._ends(finding)])
            seen = [path for path in self._ends(finding) if path in self._contents.kept]
            seen += self.remains.extensions(finding.package)
        else:
            return _unknown(f"slimmer does not know the files of packages of type {finding.package.kind or '?'}")
        if not any(tally.files for tally in tallies):
            return _unknown(self._missing(finding), seen)
        return self._sum(manager, tallies, seen)

    def _sum(
        self, manager: str, tallies: Sequence[Tally], seen: Sequence[str]
    ) -> tuple[Verdict, int, int, tuple[str, ...], str]:
        """Return the verdict for all files of a package together, and for the places in which the scanner saw it."""
        own = {path for tally in tallies for path in tally.kept}
        kept = sorted(own.union(seen))
        files = max(sum(tally.files for tally in tallies) + len(kept) - len(own), len(kept))
        if kept:
            verdict = Verdict.THERE if len(kept) == files else Verdict.PARTLY
            return verdict, files, len(kept), tuple(kept[:SHOWN]), ""
        copies = sorted(pair for tally in tallies for pair in tally.copies)
        if copies:
            copy, path = copies[0]
            return Verdict.UNKNOWN, files, 0, (copy,), f"{copy} may be a copy of {path}: it has the same size"
        if unread := next(filter(lambda path: _concerns(path, manager), self._contents.unread), ""):
            return Verdict.UNKNOWN, files, 0, (), f"{unread} could not be read, so there may be more files"
        return Verdict.GONE, files, 0, (), ""

    def _of_files(self, finding: Finding) -> tuple[Verdict, int, int, tuple[str, ...], str]:
        """Return the verdict on a package that is in the files that the scanner names, such as a jar."""
        files = {self._file(path) for path in finding.locations}
        if "" in files:
            return _unknown("the original has no such file as the scanner names")
        pairs = [pair for path in sorted(files) if not self._is_kept(path) for pair in self.remains.copies_of(path)]
        copies, possible = self._contents.copies(pairs)
        kept = sorted({path for path in files if self._is_kept(path)} | {copy for copy, _ in copies})
        if kept:
            verdict = Verdict.THERE if len(kept) >= len(files) else Verdict.PARTLY
            return verdict, max(len(files), len(kept)), len(kept), tuple(kept[:SHOWN]), ""
        if possible:
            copy, path = possible[0]
            return Verdict.UNKNOWN, len(files), 0, (copy,), f"{copy} may be a copy of {path}: it has the same size"
        return Verdict.GONE, len(files), 0, (), ""

    def _elsewhere(self, finding: Finding) -> tuple[str, ...]:
        """Return those of the finding's locations that are in databases of other roots."""
        found = (path for path in finding.locations if _DATABASE.match(path))
        return tuple(path for path in found if not path.startswith(self._databases))

    def _is_kept(self, path: str) -> bool:
        return path in self._contents.kept or self.remains.has_link(path)

    def _file(self, path: str) -> str:
        """Return the regular file at a path, or the one that contains it (a jar in a jar); "" if there is none."""
        while path != "/":
            end = self._tree.resolve(path).end
            entry = self._tree.get(end) if end is not None else None
            if entry is not None:
                return entry.path if entry.is_file else ""
            path = posixpath.dirname(path)
        return ""

    def _ends(self, finding: Finding) -> Iterator[str]:
        """Yield the real paths of the finding's locations, as far as the original has them."""
        ends = (self._tree.resolve(path).end for path in finding.locations)
        return (end for end in ends if end is not None)

    def _at(self, finding: Finding) -> list[Tally]:
        """Return the tallies of the copies that the finding means: those where the scanner saw the package, or all if it names no place.

        None if the scanner saw it where slimmer knows no packages: nobody knows which files belong to that copy.
        """
        found = {path: _place(self._tree, path, finding.package.full_name) for path in self._ends(finding)}
        if any(not place and not _is_list(path) for path, place in found.items()):
            return []
        places = {place for place in found.values() if place}
        if not places:
            return [*self.remains.of(finding.package)]
        here = [*self.remains.of(finding.package, places)]
        return [*here, *self.remains.of(finding.package, [""])] if here else []

    def _missing(self, finding: Finding) -> str:
        others = [*islice(self.remains.versions(finding.package.key), 3)]
        if others:
            return f"the original has {finding.package.full_name} {', '.join(others)}, but no files of this version are known"
        return "slimmer knows no files of this package"


def _place(tree: Tree, path: str, name: str) -> str:
    """Return the place (slimmer.report.remains.place_of) of the package of a language with this name whose description is at this path."""
    if path.endswith(_COMPOSER_LIST):
        return f"{path.removesuffix(_COMPOSER_LIST)}/{name}"
    if site := site_of(f"{path}/"):
        metadata = posixpath.dirname(path)
        own = (metadata, posixpath.dirname(metadata))
        return site if site in own else ""  # setuptools has other distributions within
    folder = folder_of(tree, path) or folder_of(tree, _gem_folder(path))
    return folder.path if folder is not None else ""


def _is_list(path: str) -> bool:
    """Return True for a file that lists packages which are elsewhere."""
    return is_list(posixpath.basename(path))


def _gem_folder(path: str) -> str:
    """Return a path in the folder of a gem for the path of its description: HOME/specifications/NAME.gemspec.

    The code of gems that come with Ruby (specifications/default) is elsewhere.
    """
    home, _, name = path.rpartition("/specifications/")
    return f"{home}/gems/{name.removesuffix('.gemspec')}/" if home and "/" not in name else "/"


def _unknown(reason: str, seen: Sequence[str] = ()) -> tuple[Verdict, int, int, tuple[str, ...], str]:
    """Return the verdict on a package whose files are not known, with those places in which the scanner saw it that are kept."""
    return Verdict.UNKNOWN, len(seen), len(seen), tuple(sorted(seen)[:SHOWN]), reason


def _concerns(database: str, manager: str) -> bool:
    """Return True if files of this package manager's packages may be missing because a database was not read whole."""
    if database.startswith(_SYSTEM_DATABASES):
        return manager in SYSTEM_MANAGERS
    return manager not in SYSTEM_MANAGERS or "-packages/" not in database
