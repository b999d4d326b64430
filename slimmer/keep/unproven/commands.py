"""The commands of packages whose server ran, as far as they are missing: operators use them on a running server (varnishadm, pg_dump)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container, Iterator

from slimmer.formatting import SHOWN, listed
from slimmer.image.packages import Package
from slimmer.keep.image_view import ImageView
from slimmer.observe.log import Operation
from slimmer.unproven import Kind, Unproven, option

MOST = 40
"""The most commands of a package with a server. Packages of everyday tools have more (coreutils, util-linux), and are no servers."""

_PROGRAMS = re.compile(r"/(?:s?bin|libexec)/[^/]+$")
_SERVER = re.compile(r"/sbin/[^/]+$")
_INIT = re.compile(r"/(?:tini|dumb-init|catatonit)$")
_NO_SERVER = re.compile(
    r"/(?:tini|dumb-init|catatonit|gosu|su-exec|runuser|setpriv|env|nice|stdbuf|timeout|(?:ba|da|a|z|k)?sh|busybox|(?:python|pypy|perl|ruby|node|php|java|lua)[\d.]*)$"
)
"""What starts a server, or runs its script."""

_SET_UP = re.compile(
    r"/sbin/(?:ldconfig(?:\.real)?|(?:user|group)(?:add|del|mod)|(?:ch|add|del)(?:g?passwd|user|group)|ip|ifconfig|route|sysctl|start-stop-daemon|service|update-[\w-]{1,40})$"
)
"""Programs in sbin folders that scripts use to prepare a system."""


def missing_commands(image: ImageView, kept: Container[str]) -> Iterator[Unproven]:
    """Yield an item for each package of a server that ran, if commands of it are missing."""
    servers = _servers(image)
    packages: dict[Package, str] = {}
    for path, owners in (image.packages.owners(servers) if servers else {}).items():
        for package in owners[:1]:
            packages.setdefault(package, path)
    commands: dict[Package, list[str]] = {package: [] for package in packages}
    for package, path in image.packages.files(packages, nested=False) if packages else ():
        if _PROGRAMS.search(path) and image.is_executable(path):
            commands[package].append(path)
    for package, paths in commands.items():
        gone = sorted(path for path in paths if path not in kept)
        if gone and len(paths) <= MOST:
            yield _item(image, package, packages[package], gone)


def _item(image: ImageView, package: Package, server: str, gone: list[str]) -> Unproven:
    names = [posixpath.basename(path) for path in gone]
    what = f"{posixpath.basename(server)} ran, and these commands of its package are missing: {listed(names, SHOWN)}"
    words = (name if image.which(name) == path else path for name, path in zip(names, gone, strict=True))
    return Unproven(Kind.COMMAND, package.name, what, " ".join(option("--include-bin", word) for word in words))


def _servers(image: ImageView) -> tuple[str, ...]:
    """Return the real paths of the programs that ran as servers, as far as names and places tell.

    These are the programs and scripts of the first process or of a child of an init, and programs in an sbin folder.
    """
    found: dict[str, None] = {}
    main = 0
    for access in image.log.accesses:
        if access.operation is not Operation.EXEC or not access.found or ".so" in access.asked:
            continue
        path = access.resolved or access.asked
        main = main or access.pid
        is_server = access.pid == main or _INIT.search(access.executable) or _SERVER.search(path)
        if (
            is_server
            and not _NO_SERVER.search(path)
            and not _SET_UP.search(path)
            and (end := image.tree.resolve(path).end)
        ):
            found[end] = None
    return tuple(found)
