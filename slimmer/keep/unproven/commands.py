"""The missing commands of packages whose server ran. Operators use them on a running server (varnishadm, pg_dump).

Clients and tools often have a package of their own, from the same source as the server's, which needs it (mariadb-client). It counts, too.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from itertools import islice

from slimmer.formatting import SHOWN, listed
from slimmer.image.packages import Package
from slimmer.keep.apps.servers import NO_SERVERS, servers
from slimmer.keep.image_view import ImageView
from slimmer.keep.margin.system_packages import SystemPackages
from slimmer.keep.program_names import has_name_of
from slimmer.keep.word_tables import like
from slimmer.unproven import Kind, Unproven, option

MOST = 40
"""The most commands of a package that counts. Packages of everyday tools, which are no servers, have more (coreutils, util-linux)."""

KIN = 3
"""The most packages that are named besides that of the server."""

_PROGRAMS = re.compile(r"/(?:s?bin|libexec)/[^/]+$")
_SETTINGS = like("a2en* a2dis* *-enable-mod *-disable-mod phpenmod phpdismod dpkg-* update-*")
"""Commands that change a server's settings when the image is built. A slim image has no other modules that they could choose."""


def missing_commands(image: ImageView, kept: Container[str]) -> Iterator[Unproven]:
    """Yield an item for each package of a server that ran, if commands of it are missing."""
    found = servers(image)
    packages: dict[Package, str] = {}
    for path, owners in (image.packages.owners(found) if found else {}).items():
        for package in owners[:1]:
            if not has_name_of(package.name, NO_SERVERS):
                packages.setdefault(package, found[path])
    if not packages:
        return
    system = SystemPackages(image)
    kin = {package: system.kin(package) for package in packages}
    commands = _commands(image, [*packages, *(one for found in kin.values() for one in found)])
    named = set(packages)
    for package, server in packages.items():
        gone = _gone(commands[package], kept)
        losses = ((one, _lost(image, commands[one], kept)) for one in kin[package] if one not in named)
        others = dict(islice(((one, lost) for one, lost in losses if lost), KIN))
        named.update(others)
        if gone or others:
            what = _what(server, gone, others)
            starters = [one for one in _starters(image, others) if one not in system.basic]
            yield Unproven(Kind.COMMAND, package.name, what, " ".join(_remedy(image, gone, others, starters)))


def _commands(image: ImageView, packages: Iterable[Package]) -> dict[Package, list[str]]:
    """Return the paths of the programs of each package, sorted."""
    found: dict[Package, list[str]] = {package: [] for package in packages}
    for package, path in image.packages.files(found, nested=False) if found else ():
        is_command = _PROGRAMS.search(path) and not _SETTINGS.match(posixpath.basename(path))
        if is_command and image.is_executable(path):
            found[package].append(path)
    return {package: sorted(paths) for package, paths in found.items()}


def _gone(paths: Collection[str], kept: Container[str]) -> list[str]:
    return [path for path in paths if path not in kept] if len(paths) <= MOST else []


def _lost(image: ImageView, paths: Iterable[str], kept: Container[str]) -> list[str]:
    """Return the missing programs of a package, the largest first. Links do not count."""
    sizes = {path: entry.size for path in paths if (entry := image.tree.get(path)) is not None and entry.is_file}
    return sorted(_gone(sizes, kept), key=lambda path: (-sizes[path], path))


def _what(server: str, gone: Iterable[str], others: Mapping[Package, list[str]]) -> str:
    """Say what is missing of a server's package and of `others`, the packages beside it."""
    parts = [f"its package are missing: {listed(map(posixpath.basename, gone), SHOWN)}"] if gone else []
    for one, lost in others.items():
        verb = " are missing" if not parts else ""
        parts.append(f"{one.name}{verb}: {listed(map(posixpath.basename, lost), SHOWN)}")
    return f"{server} ran, and these commands of {'; of '.join(parts)}"


def _remedy(
    image: ImageView, gone: Iterable[str], others: Mapping[Package, list[str]], starters: Iterable[Package]
) -> Iterator[str]:
    """Yield the options that bring commands back: packages of which many are missing whole, then single commands."""
    whole = [one for one, lost in others.items() if len(lost) > SHOWN]
    for one in dict.fromkeys((*whole, *starters)):
        yield option("--include-package", f"{one.manager}:{one.name}")
    for path in (*(path for one, lost in others.items() if one not in whole for path in lost), *gone):
        name = posixpath.basename(path)
        yield option("--include-bin", name if image.which(name) == path else path)


def _starters(image: ImageView, others: Mapping[Package, list[str]]) -> Iterator[Package]:
    """Yield the packages of commands on PATH that have the names of these programs and start them (pg_wrapper of Debian's PostgreSQL)."""
    programs = {posixpath.basename(path): path for lost in others.values() for path in lost}
    found = [on_path for name, path in programs.items() if (on_path := image.which(name)) and on_path != path]
    for owners in image.packages.owners(found).values() if found else ():
        yield from owners[:1]
