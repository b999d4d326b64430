"""Read what the metadata of an image's packages says, from its start, as streams. Each kind costs a round trip.

The metadata comes from an untrusted image. What is too large or cannot be read is left out; JSON and rpm's database are read in the sandbox.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from slimmer.image import language_packages
from slimmer.image.database_reader import DatabaseReader, Stream
from slimmer.image.declared_licences import HEAD, bounded, copyright_licences, gemspec_licences, metadata_fields
from slimmer.image.go_modules import go_packages
from slimmer.image.installed import Installed
from slimmer.image.java_archives import LIMIT, SUFFIXES, read_java_archive
from slimmer.image.json_metadata import (
    INSTALLED_LIMIT,
    PACKAGE_LIMIT,
    Descriptions,
    read_installed_json,
    read_package_json,
)
from slimmer.image.os_release import PLACES, SIZE_LIMIT, Release, parse_release
from slimmer.image.packages import NAME_LIMIT, PACKAGES_LIMIT, Kind, Package, databases, file_at
from slimmer.image.rpm_origins import rpm_installed
from slimmer.image.system_origins import apk_installed, dpkg_installed
from slimmer.image.tree import Tree
from slimmer.sandbox.readers import Read
from slimmer.sandbox.sandbox import Job, Sandbox

TOGETHER = 1 << 28
"""The most bytes of metadata that are read of an image, apart from databases."""

BATCH = 1 << 24
"""The bytes of JSON and archives that are held at a time, and one file more."""

PROGRAMS = 1 << 30
"""The most bytes of programs that are searched for Go's build information."""

SMALLEST_PROGRAM, LARGEST_PROGRAM = 1 << 16, 200 << 20
"""A Go program has a megabyte or more."""

Licences = Iterator[tuple[Package, tuple[str, ...]]]

_GEMSPEC = re.compile(
    r"(?P<home>.*)/specifications/(?:default/)?(?P<full>(?P<name>[^/]+?)-(?P<version>[0-9][^/-]*)(?:-[^/]*)?)\.gemspec",
    re.DOTALL,
)
_JSONS = ("/package.json", "/composer/installed.json")
_METADATA = ("METADATA", "PKG-INFO")
_COPYRIGHT = "/usr/share/doc/{}/copyright"


class MetadataReader:
    """Reads the metadata of one image."""

    def __init__(self, tree: Tree, stream: Stream, sandbox: Sandbox) -> None:
        self._tree, self._stream, self._sandbox = tree, stream, sandbox
        self._left = TOGETHER
        self.left_out = 0
        """The number of files that were not read, because they are too large or too many."""

    @cached_property
    def _metadata(self) -> tuple[str, ...]:
        """The files that may be metadata of a package with a place of its own, found in one walk."""
        found = self._tree.files_named((".json", ".gemspec", ".egg-info", *SUFFIXES))
        return tuple(path for path in found if not path.endswith(".json") or path.endswith(_JSONS))

    def databases(self) -> Iterator[Installed]:
        """Yield what the system's databases say."""
        kinds = {database.path: database.kind for database in databases(self._tree)}
        reader = DatabaseReader(self._tree, self._stream, self._sandbox)

        def understand(path: str, pieces: Iterator[bytes]) -> Iterator[Installed]:
            match kinds[path]:
                case Kind.DPKG:
                    return dpkg_installed(reader.lines(pieces))
                case Kind.APK:
                    return apk_installed(reader.lines(pieces))
                case Kind.RPM:
                    return rpm_installed(self._sandbox, path, pieces)

        return reader.read(kinds, understand)

    def release(self) -> Release:
        """Return the image's release."""
        path = next((end for place in PLACES if (end := file_at(self._tree, place)) is not None), "")
        return next(
            (parse_release(content) for _, content in self._heads([path] if path else [], SIZE_LIMIT)), Release()
        )

    def debian_licences(self, listed: Mapping[Package, Installed]) -> Licences:
        """Yield the licences of dpkg's packages."""
        names = {package.name: package for package in listed if package.manager == "deb" and "/" not in package.name}
        places = {
            end: package for name, package in names.items() if (end := file_at(self._tree, _COPYRIGHT.format(name)))
        }
        for path, content in self._heads(list(places), HEAD):
            yield places[path], copyright_licences(content)

    def python_licences(self) -> Licences:
        """Yield the licences of Python distributions."""
        sites = language_packages.all_sites(self._tree)
        distributions = (one for site in sites for one in language_packages.distributions(self._tree, site))
        files = ((one.package, f"{one.metadata}/{name}") for one in distributions for name in _METADATA)
        places = {path: package for package, path in files if self._tree.is_file(path)}
        for path, content in self._heads(list(places), HEAD):
            licence = metadata_fields(content)["License"]
            yield places[path], bounded([licence])

    def other_distributions(self) -> Iterator[Installed]:
        """Yield the Python distributions that no folder of distributions lists: each has its metadata alone.

        They are in another folder (`pip install --target`, editable installs), or their metadata has no version in its name or is one file.
        """
        places = {path: path for path in self._metadata if path.endswith(".egg-info")}
        for folder in self._tree.directories():
            if folder.endswith(("dist-info", ".egg-info")) and not language_packages.is_listed(folder):
                name = "METADATA" if folder.endswith("dist-info") else "PKG-INFO"
                places[f"{folder}/{name}"] = folder
        for path, content in self._heads([path for path in places if self._tree.is_file(path)], HEAD):
            found = metadata_fields(content)
            package = Package("python", found["Name"], found["Version"])
            if all(0 < len(text) <= NAME_LIMIT and text.isprintable() for text in (package.name, package.version)):
                yield Installed(package, (places[path],), licences=bounded([found["License"]]))

    def nodes(self) -> Iterator[Installed]:
        """Yield each folder whose package.json has a name."""
        files = [path for path in self._metadata if path.endswith("/package.json")]
        for path, content in self._described(files, PACKAGE_LIMIT, read_package_json):
            for one in content.packages:
                yield Installed(
                    Package("node", one.name, one.version), (posixpath.dirname(path),), licences=one.licences
                )

    def composed(self) -> Iterator[Installed]:
        """Yield the packages of Composer. Each has the folder of its name beside Composer's own."""
        ending = "/vendor/composer/installed.json"
        files = [path for path in self._metadata if path.endswith(ending)]
        for path, content in self._described(files, INSTALLED_LIMIT, read_installed_json):
            vendor = path.removesuffix("/composer/installed.json")
            for one in content.packages:
                yield Installed(Package("php", one.name, one.version), (f"{vendor}/{one.name}",), licences=one.licences)

    def java_archives(self) -> Iterator[Installed]:
        """Yield the libraries of Java archives."""
        files = [path for path in self._metadata if path.lower().endswith(SUFFIXES)]
        for path, content in self._described(files, LIMIT, read_java_archive, named=True):
            for one in content.packages:
                yield Installed(Package("java", one.name, one.version), (path,))

    def gems(self) -> Iterator[Installed]:
        """Yield the gems that have a specification. Each has that file, and its folder if there is one."""
        places = {path: match for path in self._metadata if (match := _GEMSPEC.fullmatch(path))}
        for path, content in self._heads(list(places), HEAD):
            match = places[path]
            folder = f"{match['home']}/gems/{match['full']}"
            own = (path, folder) if folder in self._tree else (path,)
            yield Installed(Package("ruby", match["name"], match["version"]), own, licences=gemspec_licences(content))

    def programs(self) -> list[str]:
        """Return the programs that may be Go's by their size. Walks the whole tree."""
        found = (entry for entry in self._tree if entry.is_file and entry.mode & 0o111)
        return [entry.path for entry in found if SMALLEST_PROGRAM <= entry.size <= LARGEST_PROGRAM]

    def go_modules(self, programs: Iterable[str]) -> Iterator[Installed]:
        """Yield the modules of these programs, as far as they are Go's."""
        left, wanted = PROGRAMS, []
        for path in programs:
            entry = self._tree.get(path)
            left -= entry.size if entry is not None else 0
            if left >= 0:
                wanted.append(path)
            else:
                self.left_out += 1
        for path, pieces in self._stream(wanted) if wanted else ():
            yield from (Installed(package, (path,)) for package in go_packages(pieces or iter(())))

    def _described(
        self, paths: Sequence[str], limit: int, reader: Read, *, named: bool = False
    ) -> Iterator[tuple[str, Descriptions]]:
        """Yield what a reader makes of each file. `named`: the reader takes the path, too."""
        batch: list[Job] = []
        size = 0
        for path, content in self._heads(paths, limit, whole=True):
            batch.append(Job(path, content, (path,) if named else ()))
            size += len(content)
            if size > BATCH:
                yield from self._understood(batch, reader)
                batch, size = [], 0
        yield from self._understood(batch, reader)

    def _understood(self, jobs: Sequence[Job], reader: Read) -> Iterator[tuple[str, Descriptions]]:
        found = self._sandbox.facts(reader, Descriptions, jobs) if jobs else []
        return ((job.path, one) for job, one in zip(jobs, found, strict=True) if one is not None)

    def _heads(self, paths: Sequence[str], limit: int, *, whole: bool = False) -> Iterator[tuple[str, bytes]]:
        """Yield the start of each file, up to `limit` bytes. `whole`: leave out larger files. All together are bounded by TOGETHER."""
        wanted = []
        self.left_out += len(paths[PACKAGES_LIMIT:])
        for path in paths[:PACKAGES_LIMIT]:
            entry = self._tree.get(path)
            if entry is None or not entry.is_file:
                continue
            if entry.size <= self._left and not (whole and entry.size > limit):
                self._left -= entry.size
                wanted.append(path)
            else:
                self.left_out += 1
        for path, pieces in self._stream(wanted) if wanted else ():
            content = bytearray()
            for piece in pieces or ():
                content += piece[: limit - len(content)]
                if len(content) >= limit:
                    break
            if pieces is not None:
                yield path, bytes(content)
