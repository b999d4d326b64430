"""Read the databases of dpkg and apk as streams of lines. Memory grows with the number of packages, not with the file's size.

The lines come from an untrusted image. The functions raise Unreadable if something exceeds a bound. Sources: deb-control(5) and dpkg's lib/dpkg/parse.c; dpkg(1) and dpkg-query(1) for info/NAME.list; the images of distroless
(status.d/NAME.md5sums); apk-tools, doc/apk-v2.5.scd ("installed database": F: a folder, R: a file in it).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from slimmer.image.lines import Unreadable
from slimmer.image.packages import NAME_LIMIT, PACKAGES_LIMIT, Package

PATH_LIMIT = 4096
"""The longest path, in bytes (PATH_MAX)."""

Listed = tuple[Package, bytes]
"""A package and the path of one of its files or directories; b"" says only that the package is installed.

Paths are bytes as in the database: absolute, and as the package's maker wrote them (`/lib/x` even if the image has `/usr/lib/x`).
"""

_DPKG_FIELDS = frozenset((b"Package", b"Status", b"Version"))
_APK_FIELDS = frozenset((b"P", b"V"))
_INSTALLED = b"install ok installed"


def dpkg_packages(lines: Iterable[bytes]) -> Iterator[Package]:
    """Yield the installed packages of a dpkg status file. A paragraph without Status (in status.d) is an installed package."""
    count = 0
    for fields in _paragraphs(lines):
        if b"Package" in fields and fields.get(b"Status", _INSTALLED).split()[-1:] == [b"installed"]:
            count += 1
            if count > PACKAGES_LIMIT:
                raise Unreadable(f"it has more than {PACKAGES_LIMIT:,} packages")
            yield package_of("deb", fields[b"Package"], fields.get(b"Version", b""))


def dpkg_sums(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the paths of a list of checksums. Each line has a sum, two blanks, and a path without its leading slash."""
    for line in lines:
        path = line.partition(b"  ")[2]
        if path:
            yield b"/" + path.lstrip(b"./")


def apk_listed(lines: Iterable[bytes]) -> Iterator[Listed]:
    """Yield the installed packages of apk's database: paragraphs with P: (name) and V: (version), then their files."""
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
    """Make a package. Raises Unreadable if its name or version is too long."""
    name, version = name.strip(), version.strip()
    if max(len(name), len(version)) > NAME_LIMIT:
        raise Unreadable(f"it has a package whose name or version is longer than {NAME_LIMIT} bytes")
    return Package(manager, name.decode(errors="replace"), version.decode(errors="replace"))


def _paragraphs(lines: Iterable[bytes]) -> Iterator[Mapping[bytes, bytes]]:
    """Yield the wanted fields of each paragraph (`NAME: VALUE`). If a field occurs twice, the first counts."""
    fields: dict[bytes, bytes] = {}
    for line in chain(lines, (b"",)):
        name, found, value = line.partition(b": ")
        if found and name in _DPKG_FIELDS:
            fields.setdefault(name, value)
        elif fields and not line.strip(b" \t"):
            yield fields
            fields = {}
