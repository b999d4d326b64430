"""Keep what scanners read about the packages of a slim image: the files that describe packages of languages, the places where the data about the
system's packages goes, and the files that name the system and its release.

slimmer.image.package_data makes the data: it depends on everything that is kept. So this comes last, and nothing follows it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from slimmer.image.package_database import database_of
from slimmer.image.packages import SYSTEM_MANAGERS
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, KeepSetBuilder, Reason

RULE = "package-data"

_RELEASES = (
    "/etc/os-release",
    "/usr/lib/os-release",
    "/etc/debian_version",
    "/etc/alpine-release",
    "/etc/redhat-release",
)
"""Scanners look up the vulnerabilities of a release. os-release(5); the others are from before it."""


def package_data(image: ImageView, kept: KeepSetBuilder) -> Iterator[Finding]:
    """Yield findings if files of packages are kept. Nothing, if the user does not want the data."""
    if not image.selection.package_data:
        return
    entries = (image.tree.get(path) for path in kept)
    files = [entry.path for entry in entries if entry is not None and not entry.is_directory]
    owners = image.packages.owners(files)
    managers = {package.manager: path for path, packages in owners.items() for package in packages}
    for manager in sorted(managers.keys() & SYSTEM_MANAGERS):
        yield from _system(image, manager, managers[manager])
    described: set[str] = set()
    for path, packages in owners.items():
        for package in packages:
            for description in image.packages.descriptions(path, package):
                if description not in described and description not in kept:
                    described.add(description)
                    detail = f"describes {package.manager} package {package.name}, of which a file is kept"
                    yield from reach(image.tree, description, Reason(RULE, detail, path))


def _system(image: ImageView, manager: str, cause: str) -> Iterator[Finding]:
    """Yield the folder of the database of a system's package manager, and the files that name the release."""
    database = database_of(image.tree, manager)
    if database is not None:
        detail = f"holds the data about the {manager} packages of which files are kept"
        yield from reach(image.tree, posixpath.dirname(database.place), Reason(RULE, detail, cause))
    for path in _RELEASES:
        yield from reach(image.tree, path, Reason(RULE, "names the system's release", cause))
