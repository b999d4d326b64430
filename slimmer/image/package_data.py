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
from dataclasses import dataclass

from slimmer.image.added_file import AddedFile
from slimmer.image.database_reader import DatabaseReader, Stream
from slimmer.image.file_lists import DPKG_INFO
from slimmer.image.package_table import RootLinks
from slimmer.image.packages import APK_INSTALLED, DPKG_PARTS, DPKG_STATUS, Package, file_at
from slimmer.image.text_databases import Stanza, apk_part, dpkg_stanzas, dpkg_sum_lines
from slimmer.image.tree import Tree
from slimmer.sandbox.sandbox import Sandbox

MANAGERS = ("deb", "apk")
"""The package managers whose databases slimmer can make smaller."""

MOST = 32 << 20
"""The most bytes of all these files together. A package has about 2 kB."""

_TOO_MUCH = f"the data about the packages of the slim image would take more than {MOST >> 20} MiB"

_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]{0,127}")
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")

Owners = Callable[[Iterable[str]], Mapping[str, tuple[Package, ...]]]
"""Returns the packages of paths (slimmer.image.package_files.PackageFiles.owners)."""

HashContents = Callable[[Sequence[str]], Iterable[tuple[str, str | None]]]
"""Returns the SHA-256 (hex) of regular files by path; None for files that cannot be read."""


def database_of(tree: Tree, manager: str) -> str | None:
    """Return the real path of the database of dpkg or apk that slimmer can make smaller; None if the image has none."""
    places = {"deb": (DPKG_STATUS,), "apk": APK_INSTALLED}.get(manager, ())
    found = (file_at(tree, place) for place in places)
    return next((path for path in found if path is not None), None)


@dataclass(frozen=True, slots=True)
class PackageData:
    """Makes the data about packages of one image."""

    tree: Tree
    stream: Stream
    sandbox: Sandbox
    owners: Owners
    mtime: Callable[[str], int]
    """Returns the time of a path of the image, in seconds since 1970."""

    def of(self, kept: Collection[str]) -> tuple[AddedFile, ...]:
        """Return the files for these kept paths, in the order of a walk.

        There are none for a package manager whose database is kept as it is, or whose folder is not kept. If a database cannot be
        read, that is noted (slimmer.sandbox.sandbox), and nothing is made of it.
        """
        files = [path for path in kept if (entry := self.tree.get(path)) is not None and not entry.is_directory]
        packages: dict[str, dict[str, set[str]]] = {}
        for path, owners in self.owners(files).items():
            for package in owners:
                packages.setdefault(package.manager, {}).setdefault(package.name, set()).add(path)
        made = {"deb": self._dpkg, "apk": self._apk}
        reader = DatabaseReader(self.tree, self.stream, self.sandbox)
        found: list[AddedFile] = []
        for manager in made:
            database = database_of(self.tree, manager)
            if manager not in packages or database is None or database in kept:
                continue
            if posixpath.dirname(database) in kept:
                found += self._within(database, reader, made[manager](database, packages[manager], reader))
        return tuple(sorted(found, key=lambda file: file.path.replace("/", "\0")))

    def _within(self, database: str, reader: DatabaseReader, files: Iterable[AddedFile]) -> list[AddedFile]:
        """Return the files; none if there are too many bytes or the database could not be read."""
        found, left = [], MOST
        for file in files:
            left -= file.size
            if left < 0:
                reader.note(database, _TOO_MUCH)
                return []
            found.append(file)
        return found if database not in reader.unreadable else []

    def _dpkg(self, database: str, wanted: Mapping[str, set[str]], reader: DatabaseReader) -> Iterator[AddedFile]:
        def understand(path: str, pieces: Iterator[bytes]) -> Iterator[Stanza]:
            return dpkg_stanzas(reader.lines(pieces), wanted)

        stanzas = [stanza for stanza in reader.read([database], understand) if _is_sound(stanza)]
        lists = {self._sums_of(stanza): stanza for stanza in stanzas}
        lists.pop("", None)
        sums = self._kept_sums(lists, wanted, reader)
        variants = Counter(stanza.name for stanza in stanzas)
        folder = posixpath.join(posixpath.dirname(database), posixpath.basename(DPKG_PARTS))
        if self.tree.get(folder) is not None:
            return  # somebody else writes this folder, and it may be a link
        mtime = self.mtime(database)
        if stanzas:
            yield AddedFile(folder, None, mtime, "holds what dpkg knows about the packages of which files are kept")
        for stanza in sorted(stanzas, key=lambda one: (one.name, one.architecture)):
            lines = sums.get(stanza)
            if variants[stanza.name] > 1 and not lines:
                continue  # the files are of the package's other architecture
            name = stanza.name if variants[stanza.name] == 1 else f"{stanza.name}:{stanza.architecture}"
            count = len(wanted[stanza.name])
            detail = f"deb package {stanza.name}, of which {count} {'path is' if count == 1 else 'paths are'} kept"
            yield AddedFile(f"{folder}/{name}", stanza.text, mtime, detail)
            if lines:
                yield AddedFile(f"{folder}/{name}.md5sums", b"".join(lines), mtime, detail)

    def _sums_of(self, stanza: Stanza) -> str:
        """Return the list of a package's sums, or ""."""
        names = (f"{stanza.name}:{stanza.architecture}", stanza.name)
        found = (file_at(self.tree, f"{DPKG_INFO}/{name}.md5sums") for name in names)
        return next((path for path in found if path is not None), "")

    def _kept_sums(
        self, lists: Mapping[str, Stanza], wanted: Mapping[str, set[str]], reader: DatabaseReader
    ) -> dict[Stanza, list[bytes]]:
        """Return the lines about kept files of each list of sums."""
        links = RootLinks(self.tree)
        found: dict[Stanza, list[bytes]] = {}
        left = MOST

        def understand(path: str, pieces: Iterator[bytes]) -> Iterator[tuple[Stanza, bytes]]:
            kept = wanted[lists[path].name]
            for name, line in dpkg_sum_lines(reader.lines(pieces)):
                if links.real(name) in kept:
                    yield lists[path], line

        for stanza, line in reader.read(lists, understand):
            left -= len(line)
            if left >= 0:
                found.setdefault(stanza, []).append(line)
        return found

    def _apk(self, database: str, wanted: Mapping[str, set[str]], reader: DatabaseReader) -> Iterator[AddedFile]:
        links = RootLinks(self.tree)

        def understand(path: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
            return apk_part(reader.lines(pieces), wanted, links.real)

        content, size = [], 0
        for line in reader.read([database], understand):
            size += len(line)
            if size <= MOST:
                content.append(line)
        if size > MOST:
            reader.note(database, _TOO_MUCH)
        elif content:
            yield AddedFile(
                database, b"".join(content), self.mtime(database), "the apk packages of which files are kept"
            )


def recognized(data: PackageData, after: Tree, hash_contents: HashContents) -> dict[str, AddedFile]:
    """Return the data about packages in another image that slimmer would add for the image's other files, by path; none if anything differs.

    `after` is the other image's tree.
    """
    databases = {database_of(data.tree, manager) for manager in MANAGERS}
    paths = [entry.path for entry in after if entry.path in data.tree and entry.path not in databases]
    expected = {one.path: one for one in data.of(paths)}
    if any(path not in after for path in expected):
        return {}
    sums = {path: one.sha256 for path, one in expected.items() if one.content is not None}
    return expected if dict(hash_contents(list(sums))) == sums else {}


def _is_sound(stanza: Stanza) -> bool:
    """Return True for a package whose name can be that of a file. The image is not trusted."""
    return bool(_NAME.fullmatch(stanza.name) and _ARCHITECTURE.fullmatch(stanza.architecture))
