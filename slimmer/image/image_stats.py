"""Count what is in an image: its files, programs, dangerous files, shells and packages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from slimmer.image.config import ImageConfig
from slimmer.image.database_reader import DatabaseReader, Stream
from slimmer.image.layer_sizes import LayerSizes
from slimmer.image.lines import Unreadable
from slimmer.image.packages import PACKAGES_LIMIT, Kind, Package, databases, packages_by_path
from slimmer.image.rpm_database import rpm_listed
from slimmer.image.text_databases import apk_listed, dpkg_packages
from slimmer.image.tool_names import PACKAGE_MANAGERS, SHELLS, without_version
from slimmer.image.tree import Entry, Tree
from slimmer.sandbox.sandbox import Sandbox

CAPABILITY = "security.capability"
SETUID, SETGID, EXECUTABLE = 0o4000, 0o2000, 0o111


@dataclass(frozen=True, slots=True)
class ImageStats:
    """What is in an image. `size` is that of its files, unpacked, in bytes. `layer_sizes` are 0 if they were not measured.

    `executables` counts regular files that have an execute bit. `shells` and `package_managers` are found by the names of programs.
    `rights` has, by path and kind (setuid, setgid, capabilities), whose rights a program gets: the number of the user or group, or the
    capabilities as the extended attribute's value in hex. `unread` names package databases that could not be read. `paths` counts all paths. Paths and packages are sorted.
    """

    config: ImageConfig
    files: int
    directories: int
    links: int
    executables: int
    setuid: tuple[str, ...]
    setgid: tuple[str, ...]
    capable: tuple[str, ...]
    shells: tuple[str, ...]
    packages: tuple[Package, ...]
    unread: tuple[str, ...]
    package_managers: tuple[str, ...] = ()
    rights: Mapping[tuple[str, str], str] = field(default_factory=dict)
    paths: int = 0
    size: int = 0
    layer_sizes: LayerSizes = field(default_factory=LayerSizes)

    @property
    def layers(self) -> int:
        """The number of layers of the image."""
        return len(self.config.layers)

    @property
    def packages_by_manager(self) -> Mapping[str, int]:
        """The number of packages of each package manager."""
        counts: dict[str, int] = {}
        for package in self.packages:
            counts[package.manager] = counts.get(package.manager, 0) + 1
        return counts


def stats_of(config: ImageConfig, tree: Tree, stream: Stream, sandbox: Sandbox) -> ImageStats:
    """Count what is in the tree of an image. `stream` yields the contents of its package databases."""
    tally = _Tally(tree)
    for entry in tree:
        tally.add(entry)
    reader = DatabaseReader(tree, stream, sandbox)
    found = _installed(tree, reader)
    return ImageStats(
        config=config,
        files=tally.files,
        directories=tally.directories,
        links=tally.links,
        executables=tally.executables,
        setuid=tuple(tally.setuid),
        setgid=tuple(tally.setgid),
        capable=tuple(tally.capable),
        shells=tuple(tally.shells),
        packages=tuple(sorted(tally.packages | found)),
        unread=tuple(reader.unreadable),
        package_managers=tuple(tally.package_managers),
        rights=tally.rights,
        paths=len(tree),
        size=tree.content_size,
    )


class _Tally:
    """Counts entries of a tree in one walk."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.files = self.directories = self.links = self.executables = 0
        self.setuid: list[str] = []
        self.setgid: list[str] = []
        self.capable: list[str] = []
        self.shells: list[str] = []
        self.package_managers: list[str] = []
        self.rights: dict[tuple[str, str], str] = {}
        self.packages: set[Package] = set()

    def add(self, entry: Entry) -> None:
        self.directories += entry.is_directory
        self.links += entry.is_link
        if entry.is_file:
            self._add_file(entry)
        name = entry.path.rpartition("/")[2]
        if name in SHELLS and _runs(self._tree, entry):
            self.shells.append(entry.path)
        if _may_manage_packages(entry.path) and without_version(name) in PACKAGE_MANAGERS and _runs(self._tree, entry):
            self.package_managers.append(entry.path)
        self.packages.update(packages_by_path(entry.path))

    def _add_file(self, entry: Entry) -> None:
        self.files += 1
        self.executables += _is_executable(entry)
        if entry.mode & SETUID:
            self.setuid.append(entry.path)
            self.rights[entry.path, "setuid"] = str(entry.uid)
        if entry.mode & SETGID:
            self.setgid.append(entry.path)
            self.rights[entry.path, "setgid"] = str(entry.gid)
        for name, value in entry.xattrs:
            if name == CAPABILITY:
                self.capable.append(entry.path)
                self.rights[entry.path, "capabilities"] = value.hex()


def _installed(tree: Tree, reader: DatabaseReader) -> set[Package]:
    """Return the packages of all databases."""
    kinds = {database.path: database.kind for database in databases(tree)}
    packages: set[Package] = set()

    def understand(path: str, pieces: Iterator[bytes]) -> Iterator[Package]:
        if len(packages) > PACKAGES_LIMIT:
            raise Unreadable(f"the image has more than {PACKAGES_LIMIT:,} packages")
        match kinds[path]:
            case Kind.RPM:
                return (package for package, name in rpm_listed(reader.sandbox, path, pieces) if not name)
            case Kind.APK:
                return (package for package, name in apk_listed(reader.lines(pieces)) if not name)
            case Kind.DPKG:
                return dpkg_packages(reader.lines(pieces))

    packages.update(reader.read(kinds, understand))
    return packages


def _is_executable(entry: Entry) -> bool:
    return entry.is_file and bool(entry.mode & EXECUTABLE)


def _may_manage_packages(path: str) -> bool:
    """Return False for scripts that only have the name of a package manager, such as /etc/cron.daily/dpkg and /usr/share/bug/dpkg."""
    return not path.startswith(("/etc/", "/usr/share/"))


def _runs(tree: Tree, entry: Entry) -> bool:
    """Return True if the entry is an executable file, or links to one."""
    end = tree.resolve(entry.path).end
    target = tree.get(end) if end else None
    return target is not None and _is_executable(target)
