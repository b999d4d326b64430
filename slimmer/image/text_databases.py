"""What the databases of dpkg and apk say, read as streams of lines: memory follows the names of packages, not the file's size.

Functions over contents that come from an untrusted image, cut into lines; they raise Unreadable for what is beyond a bound.
Sources: deb-control(5) and dpkg's lib/dpkg/parse.c; dpkg(1) and dpkg-query(1) for info/NAME.list; the images of distroless
(status.d/NAME.md5sums); apk-tools, doc/apk-v2.5.scd ("installed database": F: a folder, R: a file in it).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from slimmer.image.lines import Unreadable
from slimmer.image.packages import NAME_LIMIT, PACKAGES_LIMIT, Package

PATH_LIMIT = 4096
"""Bytes of a path (PATH_MAX)."""

Listed = tuple[Package, bytes]
"""A package and the path of a file or directory of it; b"" says only that the package is there.

Paths are bytes as the database has them: absolute, and written as the package's maker wrote them (`/lib/x` where the image
has `/usr/lib/x`).
"""

_DPKG_FIELDS = frozenset((b"Package", b"Status", b"Version"))
_APK_FIELDS = frozenset((b"P", b"V"))
_INSTALLED = b"install ok installed"


def dpkg_packages(lines: Iterable[bytes]) -> Iterator[Package]:
    """Installed packages of a dpkg status file; a paragraph without Status (in status.d) is one that is installed."""
    count = 0
    for fields in _paragraphs(lines):
        if b"Package" in fields and fields.get(b"Status", _INSTALLED).split()[-1:] == [b"installed"]:
            count += 1
            if count > PACKAGES_LIMIT:
                raise Unreadable(f"it has more than {PACKAGES_LIMIT:,} packages")
            yield package_of("deb", fields[b"Package"], fields.get(b"Version", b""))


def dpkg_sums(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Paths of a list of sums: a sum, two blanks, and a path without its leading slash."""
    for line in lines:
        path = line.partition(b"  ")[2]
        if path:
            yield b"/" + path.lstrip(b"./")


def apk_listed(lines: Iterable[bytes]) -> Iterator[Listed]:
    """Installed packages of apk's database: paragraphs with P: (name) and V: (version), then their files."""
    head: dict[bytes, bytes] = {}
    package, folder = None, b"/"
    for line in chain(lines, (b"",)):
        mark, _, value = line.partition(b":")
        if mark in _APK_FIELDS:
            head.setdefault(mark, value)
        elif b"P" in head and (not line or mark in (b"F", b"R")):
            if package is None:
                package = package_of("apk", head[b"P"], head.get(b"V", b""))
                yield package, b""
            if mark == b"F":
                folder = b"/" + value.strip(b"/")
            elif mark == b"R" and len(folder) + len(value) < PATH_LIMIT:
                yield package, folder.rstrip(b"/") + b"/" + value
        if not line:
            head, package, folder = {}, None, b"/"


def package_of(manager: str, name: bytes, version: bytes) -> Package:
    """A package. Raises Unreadable for names and versions of a length that none has."""
    name, version = name.strip(), version.strip()
    if max(len(name), len(version)) > NAME_LIMIT:
        raise Unreadable(f"it has a package whose name or version is longer than {NAME_LIMIT} bytes")
    return Package(manager, name.decode(errors="replace"), version.decode(errors="replace"))


def _paragraphs(lines: Iterable[bytes]) -> Iterator[Mapping[bytes, bytes]]:
    """The wanted fields of each paragraph (`NAME: VALUE`); of several fields of one name the first counts."""
    fields: dict[bytes, bytes] = {}
    for line in chain(lines, (b"",)):
        name, found, value = line.partition(b": ")
        if found and name in _DPKG_FIELDS:
            fields.setdefault(name, value)
        elif fields and not line.strip(b" \t"):
            yield fields
            fields = {}
