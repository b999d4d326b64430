"""AppArmor profiles as text: apparmor.d(5).

Names come from an untrusted image. Every byte of a name that is not plain becomes `?`, which stands for one byte other than `/`. So no name can end
its quotes, and no name means more than itself plus names of the same length.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from slimmer.image.tree import Entry, Tree
from slimmer.observe.log import Access, Operation

_ODD = re.compile(rb"[^A-Za-z0-9/._+=:~%-]")
_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_LIBRARY = re.compile(r"\.so(\.|$)|\.node$")
_WRITING = (Operation.CREATE, Operation.WRITE, Operation.CHANGE)

READ, WRITE, RUN, MAP = "r", "rwkl", "mrix", "mr"
"""Permissions: read; write, lock and link; run under the same profile; map as code."""

ENGINE = (
    ("/etc/{hosts,hostname,resolv.conf}", READ),
    ("/sbin/docker-init", RUN),
    ("/proc/", READ),
    ("/proc/**", READ),
    ("/proc/[0-9]*/**", "rw"),
    ("/sys/", READ),
    ("/sys/**", READ),
    ("/dev/", READ),
    ("/dev/**", "rw"),
    ("/dev/shm/**", WRITE),
)
"""What the engine and the kernel put into every container. Docker's own profile allows at least this."""

DENIED = (
    "/proc/{sysrq-trigger,kcore} rwklx",
    "/sys/firmware/** rwklx",
    "/sys/kernel/security/** rwklx",
    "/sys/devices/virtual/powercap/** rwklx",
)
"""What Docker's own profile denies, too."""

NETWORK = ("inet", "inet6", "unix", "netlink")
"""The kinds of sockets that apps and C libraries make. Raw and packet sockets need a capability as well."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """What an AppArmor profile is made from. `kept` are the paths of the slim image, `volumes` the folders that are mounted into it."""

    name: str
    tree: Tree
    kept: Collection[str]
    accesses: Iterable[Access] = field(repr=False)
    volumes: Collection[str]
    capabilities: Collection[str]
    sockets: bool


def profile_name(tag: str) -> str:
    """Return the name of the profile of an image: letters, digits, dots, underscores and hyphens only."""
    return f"slimmer-{_NAME.sub('-', tag).strip('-')}"


def apparmor_profile(wanted: Confinement) -> str:
    """Return the profile's text."""
    name = wanted.name
    lines = [
        "# Made by slimmer. Load it with: apparmor_parser -r -W apparmor.profile",
        f"# Then: docker run --security-opt apparmor={name} …",
        "abi <abi/3.0>,",
        "",
        f"profile {name} flags=(attach_disconnected,mediate_deleted) {{",
        *(f"  capability {one.removeprefix('CAP_').lower()}," for one in wanted.capabilities),
        *(f"  network {family} {kind}," for family, kind in _networks(wanted.sockets)),
        "  signal (receive) peer=unconfined,",
        "  signal (receive) peer={runc,crun,dockerd,podman,containerd},",
        f"  signal (send, receive) peer={name},",
        "",
        *(f'  "{pattern}" {permissions},' for pattern, permissions in _file_rules(wanted)),
        "",
        *(f"  deny {rule}," for rule in DENIED),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _networks(sockets: bool) -> Iterator[tuple[str, str]]:
    for family in NETWORK if sockets else ():
        for kind in ("raw", "dgram") if family == "netlink" else ("stream", "dgram"):
            yield family, kind


def _file_rules(wanted: Confinement) -> list[tuple[str, str]]:
    """Return patterns and permissions, sorted. The same pattern has all its permissions in one rule."""
    rules: dict[str, str] = {}
    for pattern, permissions in (*_reads(wanted), *_runs(wanted), *_writes(wanted), *ENGINE):
        rules[pattern] = _joined(rules.get(pattern, ""), permissions)
    return sorted(rules.items())


def _joined(one: str, other: str) -> str:
    """Join permissions, in the order that people write them: "mrix", "rwkl"."""
    letters = set(one.replace("ix", "") + other.replace("ix", ""))
    return "".join(letter for letter in "mrwkl" if letter in letters) + ("ix" if "ix" in one or "ix" in other else "")


def _reads(wanted: Confinement) -> Iterator[tuple[str, str]]:
    """Yield what may be read: everything that is in a folder of the slim image, since only what was kept is there."""
    for path, entry in _entries(wanted):
        if entry.is_directory:
            yield _folder(path), READ
        else:
            folder = _folder(posixpath.dirname(path))
            yield f"{folder}*", READ
            if suffix := _LIBRARY.search(posixpath.basename(path)):
                yield f"{folder}*{'.node' if suffix.group() == '.node' else '.so*'}", MAP


def _runs(wanted: Confinement) -> Iterator[tuple[str, str]]:
    for access in wanted.accesses:
        if access.operation == Operation.EXEC and access.found:
            yield escaped(access.resolved), RUN


def _writes(wanted: Confinement) -> Iterator[tuple[str, str]]:
    """Yield what may be written: volumes, files of the image that were written, and new files.

    A new file often has another name in each run. So its whole folder may be written, unless files of the image are there, too. If they are
    further below, new files may only be made in the folder itself.
    """
    volumes = {posixpath.normpath(volume) for volume in wanted.volumes}
    for volume in volumes:
        yield _folder(volume), READ
        yield f"{_folder(volume)}**", WRITE
    occupied = {posixpath.dirname(path) for path, entry in _entries(wanted) if not entry.is_directory} | {"/"}
    inhabited = {str(folder) for path in occupied for folder in PurePosixPath(path).parents}
    for path in {access.resolved or access.asked for access in wanted.accesses if access.operation in _WRITING}:
        path = posixpath.normpath(path)
        folder = posixpath.dirname(path)
        if any((path + "/").startswith(_slash(volume)) for volume in volumes):
            continue
        if path in wanted.tree or folder in occupied:
            yield f"{escaped(path)}{{,/}}", WRITE
        elif folder in inhabited:
            yield f"{escaped(path)}{{,/}}", WRITE
            yield f"{_folder(folder)}*", WRITE
        else:
            yield f"{_folder(folder)}**", WRITE


def _entries(wanted: Confinement) -> Iterator[tuple[str, Entry]]:
    for path in wanted.kept:
        if (entry := wanted.tree.get(path)) is not None:
            yield path, entry


def _slash(path: str) -> str:
    return path if path.endswith("/") else path + "/"


def _folder(path: str) -> str:
    return _slash(escaped(path))


def escaped(path: str) -> str:
    """Return a path as a pattern that stands in double quotes: `?` for every byte that could mean something."""
    return _ODD.sub(b"?", os.fsencode(path)).decode("ascii")
