"""What can be counted in an image: its files, programs, dangerous files, shells and packages, as one value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from slimmer.image.config import ImageConfig
from slimmer.image.packages import Database, Package, databases, packages_by_path
from slimmer.image.tree import Entry, Tree

SHELLS = frozenset(
    {
        "ash", "bash", "busybox", "csh", "dash", "elvish", "fish", "ksh", "ksh93", "mksh", "nu", "oksh", "posh", "rbash",
        "sh", "tcsh", "yash", "zsh",
    }
)  # fmt: skip
CAPABILITY = "security.capability"
SETUID, SETGID, EXECUTABLE = 0o4000, 0o2000, 0o111

Read = Callable[[Sequence[str]], Iterable[tuple[str, bytes | None]]]
"""Reads the contents of regular files, in order; None for what cannot be read."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What is in an image. `compressed_size` is what a registry would hold, in bytes; 0 when it was not measured.

    `executables` counts regular files that somebody may execute, and `unread` names package databases that are there but
    could not be read. Paths and packages are sorted.
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
    compressed_size: int = 0

    @property
    def layers(self) -> int:
        """How many layers the image has."""
        return len(self.config.layers)

    @property
    def packages_by_manager(self) -> Mapping[str, int]:
        """How many packages of each kind there are."""
        counts: dict[str, int] = {}
        for package in self.packages:
            counts[package.manager] = counts.get(package.manager, 0) + 1
        return counts


def facts_of(config: ImageConfig, tree: Tree, read: Read) -> ImageFacts:
    """Count what is in the tree of an image; `read` gives the contents of its package databases."""
    tally = _Tally(tree)
    for entry in tree:
        tally.add(entry)
    found, unread = _installed(databases(tree), read)
    return ImageFacts(
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
        unread=unread,
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
        self.packages: set[Package] = set()

    def add(self, entry: Entry) -> None:
        self.directories += entry.is_directory
        self.links += entry.is_link
        if entry.is_file:
            self._add_file(entry)
        if _is_shell(self._tree, entry):
            self.shells.append(entry.path)
        self.packages.update(packages_by_path(entry.path))

    def _add_file(self, entry: Entry) -> None:
        self.files += 1
        self.executables += _is_executable(entry)
        if entry.mode & SETUID:
            self.setuid.append(entry.path)
        if entry.mode & SETGID:
            self.setgid.append(entry.path)
        if any(name == CAPABILITY for name, _ in entry.xattrs):
            self.capable.append(entry.path)


def _installed(found: Sequence[Database], read: Read) -> tuple[set[Package], tuple[str, ...]]:
    """The packages of all databases, and the paths of those that could not be read."""
    packages: set[Package] = set()
    unread = []
    for database, (path, content) in zip(found, read([database.path for database in found]), strict=True):
        try:
            packages.update(_packages(database, content))
        except ValueError:
            unread.append(path)
    return packages, tuple(unread)


def _packages(database: Database, content: bytes | None) -> Iterator[Package]:
    if content is None:
        raise ValueError("it could not be read")
    return database.read(content)


def _is_executable(entry: Entry) -> bool:
    return entry.is_file and bool(entry.mode & EXECUTABLE)


def _is_shell(tree: Tree, entry: Entry) -> bool:
    """Whether it bears a shell's name and can be run, itself or as a link to something that can."""
    if entry.path.rpartition("/")[2] not in SHELLS:
        return False
    end = tree.resolve(entry.path).end
    target = tree.get(end) if end else None
    return target is not None and _is_executable(target)
