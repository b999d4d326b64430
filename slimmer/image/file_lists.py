"""Which files each system package has: the lists of dpkg, apk and rpm, read from an untrusted image.

Paths are bytes as the database has them: absolute, with directories among them, and written as the package's maker wrote them
(`/lib/x` where the image has `/usr/lib/x`). Sources: dpkg(1) and dpkg-query(1) (info/NAME.list, or NAME:ARCH.list); the
images of distroless (status.d/NAME.md5sums); apk-tools, doc/apk-v2.5.scd (F: a folder, R: a file in it).
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from slimmer.image.packages import (
    APK_INSTALLED,
    DPKG_PARTS,
    DPKG_STATUS,
    RPM_FOLDERS,
    RPM_UNREADABLE,
    Package,
    dpkg_packages,
    fields_of,
)
from slimmer.image.rpm_database import rpm_headers
from slimmer.image.tree import Tree

DPKG_INFO = "/var/lib/dpkg/info"
_SUMS = ".md5sums"

FileList = tuple[Package, Iterable[bytes]]
Read = Callable[[Iterable[str]], Iterator[tuple[str, bytes | None]]]
"""Contents of regular files, in order; None for what cannot be read. Costs a round trip."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Where the lists of an image lie: real paths of files. `unreadable` are databases of a kind that is not read."""

    dpkg_status: tuple[str, ...] = ()
    dpkg_lists: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    apk: tuple[str, ...] = ()
    rpm: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """All files to read."""
        return (*self.dpkg_status, *self.dpkg_lists, *self.parts, *self.sums, *self.apk, *self.rpm)


def find_lists(tree: Tree) -> Lists:
    """Look where package managers keep their databases."""
    info = [path for path in _children(tree, DPKG_INFO) if path.endswith(".list")]
    parts = list(_children(tree, DPKG_PARTS))
    return Lists(
        dpkg_status=_files(tree, [DPKG_STATUS]),
        dpkg_lists=_files(tree, info),
        parts=_files(tree, [path for path in parts if not path.endswith(_SUMS)]),
        sums=_files(tree, [path for path in parts if path.endswith(_SUMS)]),
        apk=_files(tree, APK_INSTALLED),
        rpm=_files(tree, [f"{folder}/rpmdb.sqlite" for folder in RPM_FOLDERS]),
        unreadable=_files(tree, [f"{folder}/{name}" for folder in RPM_FOLDERS for name in RPM_UNREADABLE]),
    )


def read_lists(lists: Lists, read: Read) -> Iterator[FileList]:
    """Each package with its files. One round trip; what cannot be understood gives no packages."""
    versions: dict[str, str] = {}
    names: dict[str, str] = {}
    dpkg, sums = frozenset(lists.dpkg_lists), frozenset(lists.sums)
    statuses, parts = frozenset(lists.dpkg_status), frozenset(lists.parts)
    for path, content in read(lists.paths) if lists.paths else ():
        stem = posixpath.basename(path)
        if path in statuses or path in parts:
            found = list(dpkg_packages(content or b""))
            versions.update((package.name, package.version) for package in found)
            names.update((stem, package.name) for package in found[:1] if path in parts)
        elif path in dpkg:
            name = stem.removesuffix(".list").partition(":")[0]
            yield Package("deb", name, versions.get(name, "")), (content or b"").splitlines()
        elif path in sums:
            name = names.get(stem.removesuffix(_SUMS), stem.removesuffix(_SUMS))
            yield Package("deb", name, versions.get(name, "")), _summed(content or b"")
        else:
            yield from (_apk if path in lists.apk else _rpm)(content or b"")


def _summed(content: bytes) -> Iterator[bytes]:
    """Lines of a sum, two blanks, and a path without its leading slash."""
    for line in content.splitlines():
        path = line.partition(b"  ")[2]
        if path:
            yield b"/" + path.lstrip(b"./")


def _apk(content: bytes) -> Iterator[FileList]:
    for paragraph in content.split(b"\n\n"):
        fields = fields_of(paragraph, b":")
        if "P" in fields:
            yield Package("apk", fields["P"], fields.get("V", "")), _apk_files(paragraph)


def _apk_files(paragraph: bytes) -> Iterator[bytes]:
    folder = b"/"
    for line in paragraph.splitlines():
        if line.startswith(b"F:"):
            folder = b"/" + line[2:].strip(b"/")
        elif line.startswith(b"R:"):
            yield folder.rstrip(b"/") + b"/" + line[2:]


def _rpm(content: bytes) -> Iterator[FileList]:
    try:
        for header in rpm_headers(content):
            yield Package("rpm", header.name, header.version), list(header.files())
    except ValueError:
        return


def _children(tree: Tree, folder: str) -> Iterator[str]:
    end = tree.resolve(folder).end
    return (entry.path for entry in tree.children(end)) if end else iter(())


def _files(tree: Tree, paths: Iterable[str]) -> tuple[str, ...]:
    """Where these paths end, each once, as far as there are regular files."""
    ends = dict.fromkeys(end for path in paths if (end := tree.resolve(path).end) is not None)
    return tuple(end for end in ends if (entry := tree.get(end)) is not None and entry.is_file)
