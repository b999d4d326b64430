"""The places where a dynamic loader looks for a library, in its order, for glibc and for musl.

Sources: ld.so(8); glibc, elf/dl-load.c (_dl_map_object: DT_RPATH of the object and of those that loaded it unless there is a
DT_RUNPATH, LD_LIBRARY_PATH, DT_RUNPATH, the cache, the default folders), elf/dl-hwcaps.c (glibc-hwcaps); musl,
ldso/dynlink.c (LD_LIBRARY_PATH, then the RPATH or RUNPATH of the object and of those that loaded it, then the folders of
/etc/ld-musl-ARCH.path).
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from slimmer.image import ld_cache
from slimmer.image.elf_file import ElfFile
from slimmer.keep.image_view import ImageView
from slimmer.keep.native.code_reader import read_one
from slimmer.sandbox.sandbox import Job

# By e_machine (elf.h) and class: the name of Debian's multiarch folder, and the value of $PLATFORM.
_TRIPLETS = {
    (62, 64): ("x86_64-linux-gnu", "x86_64"),
    (3, 32): ("i386-linux-gnu", "i686"),
    (183, 64): ("aarch64-linux-gnu", "aarch64"),
    (40, 32): ("arm-linux-gnueabihf", "v7l"),
    (243, 64): ("riscv64-linux-gnu", "riscv64"),
    (21, 64): ("powerpc64le-linux-gnu", "power9"),
    (22, 64): ("s390x-linux-gnu", "z900"),
}
_MUSL_DEFAULT = ("/lib", "/usr/local/lib", "/usr/lib")
_CONFIGURATION = "/etc/ld.so.conf"
_FOLDERS = 64
LOOKS = 4_000_000
"""The most look-ups in folders for one image. A large image takes 200,000. Beyond the limit, which only a hostile image reaches, nothing
more is found."""
_CONFIGURATION_LIMIT = 1 << 24
_TOKEN = re.compile(r"\$(?:(ORIGIN|LIB|PLATFORM)\b|\{(ORIGIN|LIB|PLATFORM)\})")


@dataclass(frozen=True, slots=True)
class Seeker:
    """A file that needs a library: the file, the folder that $ORIGIN stands for, and the folders that its loaders' RPATHs add."""

    elf: ElfFile
    origin: str
    inherited: tuple[str, ...] = ()


class LibrarySearch:
    """The search in one image. It reads the loader's configuration on first use."""

    def __init__(self, image: ImageView) -> None:
        self._image = image
        self._looks = LOOKS
        self._variants: dict[str, tuple[str, ...]] = {}
        self._standard: dict[tuple[int, int], frozenset[str]] = {}

    def groups(self, name: str, seeker: Seeker) -> Iterator[tuple[str, ...]]:
        """Yield existing paths in groups. The first group with a fitting file is the one that the loader uses.

        A group has more than one path if there are variants for different processors.
        """
        if "/" in name:
            yield from self._groups_in(("",), [self._absolute(path) for path in self._expanded(name, seeker)])
            return
        folders = self._before_cache(seeker)
        yield from self._groups_in(folders, (name,))
        yield from self._cached(name)
        yield from self._groups_in(self._default_folders(seeker.elf), (name,))

    def passed_on(self, seeker: Seeker) -> tuple[str, ...]:
        """Return the folders that `seeker` passes on to the libraries that it loads."""
        own = seeker.elf.rpath + (seeker.elf.runpath if self.is_musl else ())
        return tuple(dict.fromkeys((*self._folders(own, seeker), *seeker.inherited)))[:_FOLDERS]

    def is_standard(self, folder: str, elf: ElfFile) -> bool:
        """Return True if a folder is one of the system's folders for libraries."""
        architecture = (elf.machine, elf.bits)
        if architecture not in self._standard:
            ends = (self._image.end(path) for path in self._default_folders(elf))
            self._standard[architecture] = frozenset(end.path for end in ends if end is not None)
        return folder in self._standard[architecture]

    def _before_cache(self, seeker: Seeker) -> list[str]:
        elf = seeker.elf
        if self.is_musl:
            return [*self._environment, *self.passed_on(seeker)]
        chain = () if elf.runpath else self.passed_on(seeker)
        return [*chain, *self._environment, *self._folders(elf.runpath, seeker)]

    def _default_folders(self, elf: ElfFile) -> list[str]:
        if self.is_musl:
            return list(self._musl_folders)
        triplet = _TRIPLETS.get((elf.machine, elf.bits), ("", ""))[0]
        multiarch = [f"/lib/{triplet}", f"/usr/lib/{triplet}"] if triplet else []
        wide = ["/lib64", "/usr/lib64"] if elf.bits == 64 else ["/lib32", "/usr/lib32"]
        return [*self._configured, *multiarch, *wide, "/lib", "/usr/lib", *self._musl_folders]

    def _groups_in(self, folders: Sequence[str], names: Sequence[str]) -> Iterator[tuple[str, ...]]:
        for folder in folders:
            for name in names:
                self._looks -= 1
                if self._looks < 0:
                    return
                plain = posixpath.join(folder, name)
                special = [posixpath.join(variant, name) for variant in self._special_folders(folder)]
                if found := tuple(path for path in (*special, plain) if self._image.tree.is_file(path)):
                    yield found

    def _special_folders(self, folder: str) -> tuple[str, ...]:
        """Return the folders of variants for certain processors: all of them, because the slim image may run on another host."""
        if not folder:
            return ()
        if folder not in self._variants:
            end = self._image.end(posixpath.join(folder, "glibc-hwcaps"))
            children = self._image.tree.children(end.path) if end is not None else ()
            self._variants[folder] = tuple(entry.path for entry in children if entry.is_directory)[:_FOLDERS]
        return self._variants[folder]

    def _cached(self, name: str) -> Iterator[tuple[str, ...]]:
        libraries = [library for library in self._cache.get(name, ()) if self._image.tree.is_file(library.path)]
        special = tuple(library.path for library in libraries if library.special)
        plain = [library.path for library in libraries if not library.special]
        yield from ((*special, path) for path in plain)
        if special and not plain:
            yield special

    def _folders(self, written: tuple[str, ...], seeker: Seeker) -> list[str]:
        """Return RPATH or RUNPATH entries with their tokens replaced."""
        return [self._absolute(path) for entry in written[:_FOLDERS] for path in self._expanded(entry, seeker)]

    def _expanded(self, text: str, seeker: Seeker) -> Iterator[str]:
        """Yield `text` with its tokens replaced. $LIB differs between distributions, so each of its values is tried."""
        if "$" not in text:
            yield text
            return
        triplet, platform = _TRIPLETS.get((seeker.elf.machine, seeker.elf.bits), ("", ""))
        names = [f"lib/{triplet}", "lib64", "lib"] if "LIB" in text else ["lib"]
        for lib in names:
            values = {"ORIGIN": seeker.origin, "LIB": lib, "PLATFORM": platform}
            yield _TOKEN.sub(lambda match, values=values: values[match[1] or match[2]], text)  # type: ignore[misc]

    def _absolute(self, path: str) -> str:
        return path if path.startswith("/") else posixpath.join(self._image.config.working_dir or "/", path)

    @cached_property
    def _environment(self) -> tuple[str, ...]:
        value = self._image.env.get("LD_LIBRARY_PATH", "")
        return tuple(self._absolute(part) for part in re.split("[:;]", value)[:_FOLDERS]) if value else ()

    @cached_property
    def is_musl(self) -> bool:
        """True if the image's only loader is musl's."""
        return (
            bool(self._loaders("ld-musl-"))
            and not self._loaders("ld-linux")
            and "/etc/ld.so.cache" not in self._image.tree
        )

    def _loaders(self, start: str) -> list[str]:
        """Return the names of the loaders that begin with `start`, without their folders."""
        folders = {end.path for folder in ("/lib", "/lib64") if (end := self._image.end(folder)) is not None}
        names = (posixpath.basename(entry.path) for folder in folders for entry in self._image.tree.children(folder))
        return sorted(name for name in names if name.startswith(start))

    @cached_property
    def _musl_folders(self) -> tuple[str, ...]:
        """The folders of musl's loader, if there is one."""
        loaders = self._loaders("ld-musl-")
        if not loaders:
            return ()
        lists = (f"/etc/{name.removesuffix('.so.1')}.path" for name in loaders)
        found = [path for path in lists if path in self._image.tree]
        text = os.fsdecode(read_one(self._image, found[0], _CONFIGURATION_LIMIT)) if found else ""
        folders = tuple(part for part in re.split("[\n:]", text) if part.startswith("/"))
        return folders[:_FOLDERS] or _MUSL_DEFAULT

    @cached_property
    def _cache(self) -> Mapping[str, tuple[ld_cache.CachedLibrary, ...]]:
        jobs = [Job(ld_cache.PATH, read_one(self._image, ld_cache.PATH, _CONFIGURATION_LIMIT))]
        found = (
            self._image.sandbox.facts(ld_cache.read_ld_cache, ld_cache.LoaderCache, jobs) if jobs[0].content else [None]
        )
        return (found[0] or ld_cache.LoaderCache()).by_name()

    @cached_property
    def _configured(self) -> tuple[str, ...]:
        """The folders of ld.so.conf if the cache that ldconfig makes from it is missing. A container may make it when it starts."""
        return () if self._cache else tuple(self._configuration())

    def _configuration(self) -> Iterator[str]:
        for line in self._lines(_CONFIGURATION):
            words = line.split()
            if len(words) == 2 and words[0] == "include":
                yield from (
                    sub for path in self._included(words[1]) for sub in self._lines(path) if sub.startswith("/")
                )
            elif line.startswith("/"):
                yield line

    def _included(self, pattern: str) -> list[str]:
        """Return the files of an `include` line. In practice, its pattern is a folder and `*.conf`."""
        folder, name = posixpath.split(posixpath.join("/etc", pattern))
        end = self._image.end(folder)
        suffix = name.removeprefix("*")
        children = self._image.tree.children(end.path) if end is not None else ()
        return [entry.path for entry in children if entry.path.endswith(suffix)][:_FOLDERS]

    def _lines(self, path: str) -> list[str]:
        lines = os.fsdecode(read_one(self._image, path, _CONFIGURATION_LIMIT)).splitlines()[:_FOLDERS]
        return [text for line in lines if (text := line.partition("#")[0].strip())]
