"""Keep the libraries of native code: the loader, linked libraries, and libraries that the code loads by name.

Linked libraries are found as the loader finds them (slimmer.keep.native.library_search). A library inherits RPATHs from the files
that load it, so it is followed in every context in which it may be loaded.

The strings of code that calls dlopen may name libraries. Such a name counts if the file is next to the code, in a folder below it that
the name gives, or at an absolute path. In the system's folders, all libraries are next to each other, so a bare name counts only if it
has a version ("libz.so.1") and a program or plug-in names it. It is then also looked for by the loader's rules. "libx.so" may be a
plug-in or a part of a runtime with helpers for rare cases, so what it names counts up to NEEDED_BYTES (Java: fonts 3 MB, but desktop
proxies 6 MB). Names in libraries whose own name has a version do not count there (the C library: host names in other scripts, 2 MB). The
exception is libgcc_s, because threads cannot be cancelled without it (pthread_cancel(3)).
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from slimmer.image.elf_file import ElfFile
from slimmer.keep.analyzer import Kept
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.native.code_reader import Code, CodeFollow, CodeReader
from slimmer.keep.native.library_needs import NEEDED_BYTES, LibraryNeeds
from slimmer.keep.native.library_search import LibrarySearch, Seeker

RULE = "elf"
_CONTEXTS = 8
"""The most contexts in which a file's libraries are looked for. More than one is rare."""

_UNWINDER = "libgcc_s.so.1"
_UNWINDING = frozenset(("pthread_cancel", "pthread_exit", "backtrace"))
"""Functions for which glibc loads _UNWINDER when they are called (sysdeps/nptl/unwind-forcedunwind.c, debug/backtrace.c)."""

_VERSIONED = re.compile(r"\.so\.[0-9]")


@dataclass(frozen=True, slots=True)
class _Need:
    """A library that is needed: the file that needs it, the detail for the reason, and the groups of possible paths, best first.

    An optional one is kept only if it and its own libraries are small.
    """

    user: Code
    seeker: Seeker
    detail: str
    groups: Iterator[tuple[str, ...]]
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class _Met:
    """The library that meets a need: the path by which the loader finds it (links unresolved), and the file there."""

    need: _Need
    path: str
    code: Code


def libraries(image: ImageView, reader: CodeReader, search: LibrarySearch, opened: Container[str]) -> CodeFollow:
    """Follow native code to the libraries that it loads. `opened`: the real paths of the shared objects that were opened."""
    return _Libraries(image, reader, search, opened).follow


class _Libraries:
    def __init__(self, image: ImageView, reader: CodeReader, search: LibrarySearch, opened: Container[str]) -> None:
        self._tree, self._reader, self._search = image.tree, reader, search
        self._optional = LibraryNeeds(image, reader, search, opened, NEEDED_BYTES)
        self._seen: dict[str, set[tuple[str, tuple[str, ...]]]] = defaultdict(set)
        self._objects: dict[str, Code] = {}
        self._programs: set[tuple[str, ...]] = set()

    def follow(self, codes: Sequence[Code], added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        """Yield findings for all libraries that `codes` need, breadth first, with one round trip for each layer."""
        layer = [item for code in codes for item in self._beginnings(code)]
        while layer:
            needs = [need for user, seeker in layer for need in self._needs(user, seeker)]
            layer = []
            for met in self._small_enough(list(self._meet(needs))):
                need = met.need
                yield from reach(self._tree, met.path, Reason(RULE, f"{need.detail} {need.user.path}", need.user.path))
                seeker = Seeker(met.code.elf, _origin(met), self._search.passed_on(need.seeker))
                layer += self._unless_seen(met.code, seeker)

    def _beginnings(self, code: Code) -> Iterator[tuple[Code, Seeker]]:
        """Yield the file by itself, and with each program's RPATH, because any program may load any object at run time."""
        folder = posixpath.dirname(code.path)
        seeker = Seeker(code.elf, folder)
        yield from self._unless_seen(code, seeker)
        if not code.elf.is_program:
            self._objects[code.path] = code
            for inherited in self._programs:
                yield from self._unless_seen(code, Seeker(code.elf, folder, inherited))
            return
        passed = self._search.passed_on(seeker)
        if passed and passed not in self._programs and len(self._programs) < _CONTEXTS:
            self._programs.add(passed)
            for path, other in self._objects.items():
                yield from self._unless_seen(other, Seeker(other.elf, posixpath.dirname(path), passed))

    def _unless_seen(self, code: Code, seeker: Seeker) -> Iterator[tuple[Code, Seeker]]:
        seen = self._seen[code.path]
        context = (seeker.origin, seeker.inherited)
        if context not in seen and len(seen) < _CONTEXTS:
            seen.add(context)
            yield code, seeker

    def _needs(self, user: Code, seeker: Seeker) -> Iterator[_Need]:
        elf = user.elf
        if elf.interpreter:
            yield _Need(user, seeker, "the loader of", iter(((elf.interpreter,),)))
        for name in elf.needed:
            yield _Need(user, seeker, "needed by", self._search.groups(name, seeker))
        for name in elf.helpers:
            yield _Need(user, seeker, "filters or helps", self._search.groups(name, seeker))
        if not elf.imports.isdisjoint(_UNWINDING):
            yield _Need(user, seeker, "unwinds the threads of", self._search.groups(_UNWINDER, seeker))
        for name in elf.library_names:
            yield _Need(user, seeker, "named to be loaded by", self._loadable(name, user, seeker), _is_vague(user.elf))

    def _small_enough(self, found: list[_Met]) -> list[_Met]:
        """Leave out optional libraries that lie elsewhere and are large, or need large ones. Libraries that the run opened cost nothing."""
        optional = {met.code.path: met.code for met in found if met.need.is_optional and not _is_beside(met)}
        small = {code.path for code in self._optional.modest(optional.values(), whole=True)} if optional else set()
        return [met for met in found if met.code.path not in optional or met.code.path in small]

    def _loadable(self, name: str, user: Code, seeker: Seeker) -> Iterator[tuple[str, ...]]:
        folder = posixpath.dirname(user.path)
        in_own_folder = not self._search.is_standard(folder, user.elf)
        if in_own_folder or "/" in name:
            yield (posixpath.join(folder, name),)
        counts = user.elf.is_program or user.elf.is_plugin
        if counts and "/" not in name and _VERSIONED.search(name):
            yield from self._search.groups(name, seeker)

    def _meet(self, needs: Iterable[_Need]) -> Iterator[_Met]:
        """Yield the files that meet the needs: for each need, the fitting files of the first group that has one.

        Each round reads one group for each need.
        """
        waiting = list(needs)
        while waiting:
            offers = [(need, group) for need in waiting if (group := next(need.groups, None)) is not None]
            ends = {path: self._tree.resolve(path).end for _, group in offers for path in group}
            codes = self._reader.read(end for end in ends.values() if end is not None)
            waiting = []
            for need, group in offers:
                found = ((path, codes.get(ends[path] or "")) for path in group)
                met = [_Met(need, path, code) for path, code in found if code and code.elf.fits(need.seeker.elf)]
                yield from met
                if not met:
                    waiting.append(need)


def _is_vague(elf: ElfFile) -> bool:
    """Return True if a file may be a plug-in as well as a part of a program that is linked with it."""
    return elf.is_plugin and not elf.is_named_as_plugin


def _is_beside(met: _Met) -> bool:
    return posixpath.dirname(met.path) == posixpath.dirname(met.need.user.path)


def _origin(met: _Met) -> str:
    """Return the folder that $ORIGIN stands for in a library: the one in which the loader found it, links unresolved."""
    elf = met.code.elf
    return posixpath.dirname(met.path if elf.rpath or elf.runpath else met.code.path)
