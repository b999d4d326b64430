"""The data about the packages of a slim image: what its scanners and package managers read.

An image's databases list all of its packages, but a slim image has files of a few. So slimmer writes smaller databases:

- dpkg: a file status.d/NAME with the package's paragraph of `status`, and NAME.md5sums with the sums of the kept files. This is the
  form of the distroless images, which scanners know.
- apk: `installed` with the paragraphs of these packages, and of their files only the kept ones.

Sources: deb-control(5); deb-md5sums(5); Debian Policy, 5.6.7; apk-tools, doc/apk-v2.5.scd; the images of distroless.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from slimmer.image.added_file import AddedFile
from slimmer.image.database_reader import DatabaseReader, Stream
from slimmer.image.file_lists import DPKG_INFO
from slimmer.image.lines import Unreadable
from slimmer.image.package_table import RootLinks
from slimmer.image.packages import APK_INSTALLED, DPKG_PARTS, DPKG_STATUS, PACKAGES_LIMIT, Package, file_at
from slimmer.image.text_databases import Stanza, apk_part, dpkg_stanzas, dpkg_sum_lines
from slimmer.image.tree import Entry, Tree
from slimmer.sandbox.sandbox import Sandbox

MANAGERS = ("deb", "apk")
"""The package managers whose databases slimmer can make smaller."""

MOST = 32 << 20
"""The most bytes of all these files together. A package has about 2 kB."""

_TOO_MUCH = f"the data about the packages of the slim image would take more than {MOST >> 20} MiB"

_LINE = 64
"""The bytes of memory that a line takes besides its text, at least."""

_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]{0,127}")
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")

Owners = Callable[[Iterable[str]], Mapping[str, tuple[Package, ...]]]
"""Returns the packages of paths (slimmer.image.package_files.PackageFiles.owners)."""

HashContents = Callable[[Sequence[str]], Iterable[tuple[str, str | None]]]
"""Returns the SHA-256 (hex) of regular files by path; None for files that cannot be read."""


class Found(NamedTuple):
    """A database that slimmer can make smaller: its usual path, and its real one."""

    place: str
    path: str

    @property
    def folder(self) -> str:
        """The real path of its directory."""
        return posixpath.dirname(self.path)


def database_of(tree: Tree, manager: str) -> Found | None:
    """Return the database of dpkg or apk; None if the image has none, or one that is a link to another directory."""
    for place in {"deb": (DPKG_STATUS,), "apk": APK_INSTALLED}.get(manager, ()):
        path = file_at(tree, place)
        if path is not None and tree.resolve(posixpath.dirname(place)).end == posixpath.dirname(path):
            return Found(place, path)
    return None


@dataclass(frozen=True, slots=True)
class PackageData:
    """Makes the data about packages of one image. `owners` returns the packages of paths, `mtime` the time of a path in seconds since 1970."""

    tree: Tree
    stream: Stream
    owners: Owners
    mtime: Callable[[str], int]
    _notes: Sandbox = field(default_factory=Sandbox, init=False, repr=False)

    @property
    def unreadable(self) -> Mapping[str, str]:
        """The databases of which no data could be made, each with the reason."""
        return self._notes.unreadable

    def of(
        self, kept: Collection[str], excludes: Callable[[Entry], bool] = lambda entry: False
    ) -> tuple[AddedFile, ...]:
        """Return the files for these kept paths, in the order of a walk; none for a manager of which `excludes` is true for a file."""
        made = self.by_manager(kept).values()
        found = [one for files in made if not any(excludes(one.entry) for one in files) for one in files]
        return tuple(sorted(found, key=lambda one: one.path.replace("/", "\0")))

    def by_manager(self, kept: Collection[str]) -> dict[str, list[AddedFile]]:
        """Return the files for these kept paths by package manager.

        There are none for a package manager whose database is kept as it is, or whose directory is not kept, or whose database cannot be
        read.
        """
        files = [path for path in kept if (entry := self.tree.get(path)) is not None and not entry.is_directory]
        packages: dict[str, dict[str, set[str]]] = {}
        for path, owners in self.owners(files).items():
            for package in owners:
                packages.setdefault(package.manager, {}).setdefault(package.name, set()).add(path)
        made = {"deb": self._dpkg, "apk": self._apk}
        reader = DatabaseReader(self.tree, self.stream, self._notes)
        found: dict[str, list[AddedFile]] = {}
        for manager in MANAGERS:
            database = database_of(self.tree, manager)
            if manager not in packages or database is None or database.path in kept or database.folder not in kept:
                continue
            added = list(made[manager](database, packages[manager], reader))
            if added and database.path not in reader.unreadable:
                found[manager] = added
        return found

    def _dpkg(self, database: Found, wanted: Mapping[str, set[str]], reader: DatabaseReader) -> Iterator[AddedFile]:
        folder = posixpath.join(database.folder, posixpath.basename(DPKG_PARTS))
        if self.tree.get(folder) is not None:
            return  # somebody else writes this directory, and it may be a link
        stanzas = self._stanzas(database, wanted, reader)
        sums = self._kept_sums(database, {self._sums_of(stanza): stanza for stanza in stanzas}, wanted, reader)
        several = {name for name, count in Counter(stanza.name for stanza in stanzas).items() if count > 1}
        seen = {stanza.name for stanza in sums}
        chosen = [one for one in stanzas if one in sums or one.name not in several or one.name not in seen]
        mtime = self.mtime(database.path)
        if chosen:
            yield AddedFile(folder, None, mtime, "holds what dpkg knows about the packages of which files are kept")
        for stanza in sorted(chosen, key=lambda one: (one.name, one.architecture)):
            name = f"{stanza.name}:{stanza.architecture}" if stanza.name in several else stanza.name
            count = len(wanted[stanza.name])
            detail = f"deb package {stanza.name}, of which {count} {'path is' if count == 1 else 'paths are'} kept"
            yield AddedFile(f"{folder}/{name}", stanza.text, mtime, detail)
            if stanza in sums:
                yield AddedFile(f"{folder}/{name}.md5sums", bytes(sums[stanza]), mtime, detail)

    def _stanzas(self, database: Found, wanted: Mapping[str, set[str]], reader: DatabaseReader) -> list[Stanza]:
        """Return the paragraphs of the wanted packages."""

        def understand(path: str, pieces: Iterator[bytes]) -> Iterator[Stanza]:
            left = MOST
            for count, stanza in enumerate(dpkg_stanzas(reader.lines(pieces), wanted)):
                left -= len(stanza.text) + _LINE
                if left < 0 or count == PACKAGES_LIMIT:
                    raise Unreadable(_TOO_MUCH)
                yield stanza

        return [stanza for stanza in reader.read([database.path], understand) if _is_sound(stanza)]

    def _sums_of(self, stanza: Stanza) -> str:
        """Return the list of a package's sums, or ""."""
        names = (f"{stanza.name}:{stanza.architecture}", stanza.name)
        found = (file_at(self.tree, f"{DPKG_INFO}/{name}.md5sums") for name in names)
        return next((path for path in found if path is not None), "")

    def _kept_sums(
        self, database: Found, lists: Mapping[str, Stanza], wanted: Mapping[str, set[str]], reader: DatabaseReader
    ) -> dict[Stanza, bytearray]:
        """Return the lines about kept files of each list of sums."""
        links = RootLinks(self.tree)
        found: dict[Stanza, bytearray] = {}
        size = 0

        def understand(path: str, pieces: Iterator[bytes]) -> Iterator[tuple[Stanza, bytes]]:
            kept = wanted[lists[path].name]
            for name, line in dpkg_sum_lines(reader.lines(pieces)):
                if links.real(name) in kept:
                    yield lists[path], line

        for stanza, line in reader.read([path for path in lists if path], understand):
            size += len(line)
            if size <= MOST:
                found.setdefault(stanza, bytearray()).extend(line)
        if size > MOST:
            reader.note(database.path, _TOO_MUCH)
        return found

    def _apk(self, database: Found, wanted: Mapping[str, set[str]], reader: DatabaseReader) -> Iterator[AddedFile]:
        links = RootLinks(self.tree)

        def understand(path: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
            return apk_part(reader.lines(pieces), wanted, links.real)

        content = bytearray()
        for line in reader.read([database.path], understand):
            if len(content) + len(line) > MOST:
                reader.note(database.path, _TOO_MUCH)
                return
            content += line
        if content:
            mtime = self.mtime(database.path)
            yield AddedFile(database.path, bytes(content), mtime, "the apk packages of which files are kept")


def recognized(data: PackageData, after: Tree, hash_contents: HashContents) -> dict[str, AddedFile]:
    """Return the data about packages in another image that slimmer would add for the image's other files, by path.

    `after` is the other image's tree. The data of a package manager counts only if all of it is there as expected. Files of another size
    are not read.
    """
    databases = {found.path for manager in MANAGERS if (found := database_of(data.tree, manager)) is not None}
    paths = [entry.path for entry in after if entry.path in data.tree and entry.path not in databases]
    known: dict[str, AddedFile] = {}
    for files in data.by_manager(paths).values():
        if all(_is_like(after.get(one.path), one) for one in files):
            sums = {one.path: one.sha256 for one in files if one.content is not None}
            if dict(hash_contents(list(sums))) == sums:
                known.update((one.path, one) for one in files)
    return known


def _is_like(entry: Entry | None, one: AddedFile) -> bool:
    """Return True if an entry has the type and the size of an added file."""
    if entry is None:
        return False
    return entry.is_directory if one.content is None else entry.is_file and entry.size == one.size


def _is_sound(stanza: Stanza) -> bool:
    """Return True for a package whose name can be that of a file, beside those of the sums. The image is not trusted."""
    is_name = _NAME.fullmatch(stanza.name) and not stanza.name.endswith(".md5sums")
    return bool(is_name and _ARCHITECTURE.fullmatch(stanza.architecture))
