"""The databases of package managers that slimmer makes smaller for a slim image, and what it needs for that."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from slimmer.image.database_reader import DatabaseReader
from slimmer.image.packages import APK_INSTALLED, DPKG_PARTS, DPKG_STATUS, RPM_NAMES, file_at, rpm_databases
from slimmer.image.tree import Tree

MANAGERS = ("deb", "apk", "rpm")
"""The package managers whose databases slimmer can make smaller."""

MOST = 32 << 20
"""The most bytes of all files about the packages of one manager together. A package has about 2 kB; with rpm, 20 kB."""

TOO_MUCH = f"the data about the packages of the slim image would take more than {MOST >> 20} MiB"


class Found(NamedTuple):
    """A database that slimmer can make smaller: its usual path, and its real one. It is a file, or the directory status.d of distroless images."""

    place: str
    path: str

    @property
    def folder(self) -> str:
        """The real path of its directory."""
        return posixpath.dirname(self.path)

    @property
    def target(self) -> str:
        """The path of the smaller database. That of rpm is always in sqlite, and named like that."""
        older = posixpath.basename(self.path) in RPM_NAMES
        return posixpath.join(self.folder, RPM_NAMES[0]) if older else self.path


@dataclass(frozen=True, slots=True)
class Smaller:
    """What a smaller database is made from.

    `wanted` has the kept real paths by the package's name, `mtime` is the time of the original's database in seconds since 1970, and
    `is_kept` says of a path whether it is kept.
    """

    tree: Tree
    database: Found
    wanted: Mapping[str, set[str]]
    reader: DatabaseReader
    mtime: int
    is_kept: Callable[[str], bool]


def database_of(tree: Tree, manager: str) -> Found | None:
    """Return the database of dpkg, apk or rpm; None if the image has none, or one that is a link to another directory."""
    places = {"deb": (DPKG_STATUS,), "apk": APK_INSTALLED, "rpm": tuple(rpm_databases(tree))}
    for place in places.get(manager, ()):
        path = file_at(tree, place)
        if path is not None and tree.resolve(posixpath.dirname(place)).end == posixpath.dirname(path):
            return Found(place, path)
    parts = tree.get(DPKG_PARTS) if manager == "deb" else None
    return Found(DPKG_PARTS, DPKG_PARTS) if parts is not None and parts.is_directory else None
