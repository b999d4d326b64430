"""The data of programs that code or a configuration names, but that did not run: Ghostscript's Init files, the plug-ins of Graphviz.

Such a program and its libraries stay, but the run did not show what it reads when it starts. So data files and plug-ins of its package
stay, of packages of the same source that it needs, and of packages of data that are named like it (tesseract-ocr-deu). The smallest files
come first, up to a bound: what a program always reads is small, and large files are most often for one kind of input. A package of which
a program ran showed what it needs. Packages that every system has, and those of interpreters, build tools and package managers are left
out. The margin is no reason for data.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice

from slimmer.image.packages import SYSTEM_MANAGERS, Package, databases
from slimmer.image.tree import Entry
from slimmer.keep.analyzer import BEYOND_OBSERVED, Follow, FunctionAnalyzer, Kept
from slimmer.keep.apps import configurations
from slimmer.keep.apps.servers import NO_SERVERS, used_files
from slimmer.keep.core.packages import languages
from slimmer.keep.ecosystems import code_suffixes, ecosystems
from slimmer.keep.evidence import Evidence
from slimmer.keep.folders import SHARED
from slimmer.keep.image_view import ImageView, reach, suffix_of
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.margin import margin
from slimmer.keep.margin.exclusions import is_never_added, is_useful
from slimmer.keep.margin.system_packages import SystemPackages
from slimmer.keep.native.code_reader import CodeReader
from slimmer.keep.native.library_needs import LibraryNeeds
from slimmer.keep.native.library_search import LibrarySearch
from slimmer.keep.program_names import DEBUGGERS, has_name_of
from slimmer.keep.sources import named_paths

RULE = "program-data"

PROGRAM_BYTES, BYTES = 4 << 20, 8 << 20
"""The most bytes of data for one program's packages, and for all."""

FILES, PROGRAMS = 2_000, 100
"""The most files that stay, and the most packages of programs that are looked at."""

NEEDED_BYTES = 1 << 20
"""The most bytes of further libraries that a plug-in may bring."""

OWN_BYTES = 256 << 10
"""The largest file that was made beside the data at installation: an index of plug-ins."""

_LOOKED_AT = 20_000
"""The most files of packages that are looked at."""

_COMMAND = re.compile(r"/s?bin/[^/]+$")
_TRIPLET = r"\w{1,20}-linux-\w{1,20}"
_DATA = re.compile(
    rf"/etc/.+|(?:/usr(?:/local)?)?/(?:share|lib(?:64|exec)?)/(?:{_TRIPLET}/)?(?!{_TRIPLET}/)[^/]+/.+", re.DOTALL
)
"""Folders of packages. A library that lies right in a folder of libraries is none of their data."""

_SHARED_OBJECT = re.compile(r"\.so(?:\.[0-9.]{1,20})?$")
_DOCUMENTS = frozenset((".pod",))
"""Suffixes of Perl's documents. They lie beside its code, and are larger."""

_WITHOUT = NO_SERVERS | DEBUGGERS


def program_data(image: ImageView) -> Follow | None:
    """Follow programs that something names to the data of their packages. None if the image has no packages of the system."""
    return _ProgramData(image).follow if databases(image.tree) else None


class _ProgramData:
    def __init__(self, image: ImageView) -> None:
        self._image, self._tree = image, image.tree
        self._names = {named_paths.PROGRAM, named_paths.RULE, configurations.RULE, *(one.id for one in ecosystems())}
        self._waiting: dict[str, None] = {}
        self._done: set[Package] = set()
        self._is_over = False
        self._bytes, self._files, self._looked_at = BYTES, FILES, _LOOKED_AT
        self._native = CodeReader(image)

    def follow(self, added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        """Yield the data of programs that are named by now. Nothing once the margin has begun."""
        self._is_over = self._is_over or any(_is_of_margin(path, kept) for path in added)
        if self._is_over:
            return
        self._waiting.update(dict.fromkeys(path for path in added if _COMMAND.search(path)))
        named = [path for path in self._waiting if self._is_named(path, kept)]
        for path in named:
            del self._waiting[path]
        programs = {package: path for path, package in self._packages(named)} if named else {}
        if programs:
            yield from self._data(programs, kept)

    @cached_property
    def _system(self) -> SystemPackages:
        return SystemPackages(self._image)

    @cached_property
    def _used(self) -> frozenset[str]:
        return used_files(self._image)

    def _is_named(self, path: str, kept: Kept) -> bool:
        return any(reason.rule in self._names for reason in kept.reasons(path))

    def _packages(self, paths: Sequence[str]) -> Iterator[tuple[str, Package]]:
        """Yield the packages of these programs, each once. Left out are basic ones, and those with a program that ran or that is left out."""
        programs = [path for path in paths if path not in self._used and self._is_program(path)]
        owners = self._image.packages.owners(programs) if programs else {}
        found: dict[Package, str] = {}
        for path, packages in owners.items():
            for one in packages[:1]:
                if one.manager in SYSTEM_MANAGERS and one not in self._done and len(self._done) < PROGRAMS:
                    self._done.add(one)
                    found[one] = path
        if not found:
            return
        files = self._image.packages.files(found, nested=False)
        commands = ((package, path) for package, path in files if _COMMAND.search(path))
        others = {package for package, path in commands if path in self._used or _is_left_out(path)}
        yield from ((path, one) for one, path in found.items() if one not in self._system.basic | others)

    def _is_program(self, path: str) -> bool:
        entry = self._tree.get(path)
        if entry is None or not entry.is_plain_program:
            return False
        return not _is_left_out(path)

    def _data(self, programs: Mapping[Package, str], kept: Kept) -> Iterator[Finding]:
        """Yield the data of programs, given by their packages: the smallest files first, and last what links lead to elsewhere."""
        groups = self._groups(programs, kept)
        plugins = self._plugins({path for found in groups.values() for path in found}, kept)
        left = dict.fromkeys(programs, PROGRAM_BYTES)
        paid = set[str]()
        for _, size, path, package in sorted(self._ordered(groups)):
            if _SHARED_OBJECT.search(path) and path not in plugins:
                continue
            bill = {self._tree.resolve(path).end or path: size, **plugins.get(path, {})}
            cost = sum(price for one, price in bill.items() if one not in paid)
            if cost > min(left[package], self._bytes) or not self._files:
                continue
            left[package] -= cost
            self._bytes -= cost
            self._files -= 1
            paid.update(bill)
            program = programs[package]
            reason = Reason(RULE, f"data of {package.name}: {program} is named, but did not run", program)
            yield from reach(self._tree, path, reason)

    def _ordered(self, groups: Mapping[Package, Mapping[str, int]]) -> Iterator[tuple[bool, int, str, Package]]:
        """Yield the files with what puts them in order. True if a link leads to another package: fonts of Ghostscript."""
        for package, found in groups.items():
            for path, size in found.items():
                end = self._tree.resolve(path).end
                yield end != path and end not in found, size, path, package

    def _groups(self, programs: Mapping[Package, str], kept: Kept) -> dict[Package, dict[str, int]]:
        """Return the data that is missing for each program, with the bytes of each file."""
        parts = {package: (package, *self._system.parts(package)) for package in programs}
        files: dict[Package, list[str]] = {}
        wanted = dict.fromkeys(one for group in parts.values() for one in group)
        for package, path in islice(self._image.packages.files(wanted, nested=False), max(0, self._looked_at)):
            self._looked_at -= 1
            files.setdefault(package, []).append(path)
        groups: dict[Package, dict[str, int]] = {}
        for package, group in parts.items():
            source = self._system.declared[package].source if package in self._system.declared else ""
            found: dict[str, int] = {}
            for one in group:
                is_kin = one is package or self._system.declared[one].source == source
                paths = files.get(one, [])
                if is_kin or not any(_COMMAND.search(path) or _SHARED_OBJECT.search(path) for path in paths):
                    found.update(self._missing(paths, kept))
            found.update(self._made(found, kept))
            groups[package] = found
        return groups

    def _missing(self, paths: Iterable[str], kept: Kept) -> Iterator[tuple[str, int]]:
        wanted = languages(self._image.env)
        for path in paths:
            entry, end = self._tree.get(path), self._image.end(path)
            if entry is None or end is None or path in kept or not _is_data(path, end):
                continue
            if is_useful(path, wanted) and not is_never_added(entry) and not is_never_added(end):
                yield path, 0 if end.path in kept else end.size

    def _made(self, found: Iterable[str], kept: Kept) -> list[tuple[str, int]]:
        """Return small files in the same folders that belong to no package: programs make them at installation.

        Those in /etc are the author's more often than not.
        """
        folders = sorted({posixpath.dirname(path) for path in found if not path.startswith("/etc/")})
        inside = (
            entry for folder in folders if folder not in SHARED for entry in islice(self._tree.children(folder), FILES)
        )
        beside = [entry.path for entry in inside if entry.is_file and entry.size <= OWN_BYTES]
        owners = self._image.packages.owners(beside) if beside else {}
        return list(self._missing((path for path in beside if not owners[path]), kept))

    def _plugins(self, paths: Iterable[str], kept: Kept) -> dict[str, dict[str, int]]:
        """Return the plug-ins among these paths that need few libraries, each with the libraries that it brings and their bytes."""
        codes = self._native.read(sorted(path for path in paths if _SHARED_OBJECT.search(path)))
        needs = LibraryNeeds(self._image, self._native, LibrarySearch(self._image), kept, NEEDED_BYTES)
        return {code.path: dict(needs.below(code.path)) for code in needs.modest(codes.values())}


def _is_left_out(program: str) -> bool:
    """Return True for interpreters, whose data their analyzers know, and for what no app starts: build tools, package managers."""
    return has_name_of(posixpath.basename(program), _WITHOUT)


def _is_of_margin(path: str, kept: Kept) -> bool:
    return any(reason.rule == margin.RULE for reason in kept.reasons(path))


def _is_data(path: str, end: Entry) -> bool:
    """Return True for data and plug-ins in folders of packages. Sources are left to the analyzers of their languages."""
    if not end.is_file or not _DATA.fullmatch(path):
        return False
    if _SHARED_OBJECT.search(path):
        return True
    return not end.mode & 0o111 and suffix_of(path) not in code_suffixes() | _DOCUMENTS


ANALYZER = FunctionAnalyzer("program-data", BEYOND_OBSERVED, {RULE: Evidence.USED}, follower=program_data)
