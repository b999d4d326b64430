"""Files of an untrusted image that slimmer itself reads: programs, libraries, classes, package databases."""

from __future__ import annotations

from contextlib import suppress

from slimmer.image.elf_file import parse_elf
from slimmer.image.language_packages import Distribution, recorded
from slimmer.image.ld_cache import parse_ld_cache
from slimmer.image.packages import Package, apk_packages, dpkg_packages, packages_by_path
from slimmer.image.rpm_database import _header, rpm_headers
from slimmer.keep.rules.java.class_file import class_name
from slimmer.keep.rules.java.class_path import _class_path_of, _local
from slimmer.keep.rules.name_service import parse_switch

AMPLIFIED = 1 << 27
"""Bytes that the names out of one header may have: more would be a bomb."""


def elf(data: bytes) -> None:
    """Never raises; what is found are texts of the file."""
    found = parse_elf(data)
    if found is not None:
        assert all(len(name) <= len(data) for name in (*found.needed, *found.imports, found.interpreter, found.soname))
        assert found.fits(found)


def ld_cache(data: bytes) -> None:
    """Never raises; every path is absolute."""
    for libraries in parse_ld_cache(data).values():
        assert all(library.path.startswith("/") for library in libraries)


def class_file(data: bytes) -> None:
    """Never raises; a name is a text of the file."""
    assert len(class_name(data)) <= len(data)


def jar(data: bytes) -> None:
    """Never raises; every path is absolute and without parts that lead up."""
    for path in _local("/srv/app.jar", _class_path_of(data)):
        assert path.startswith("/")
        assert ".." not in path.split("/")
        assert "\0" not in path


def package_lists(data: bytes) -> None:
    """Never raises; a package has a name."""
    assert all(package.manager for package in (*dpkg_packages(data), *apk_packages(data)))
    parse_switch(data)
    list(packages_by_path("/" + data.decode(errors="surrogateescape")))


def python_record(data: bytes) -> None:
    """Never raises; every path is absolute, without parts that lead up."""
    for name in ("RECORD", "installed-files.txt"):
        site = Distribution(Package("python", "a", "1"), "/srv/a-1.dist-info", f"/srv/a-1.dist-info/{name}")
        for path in recorded(site, data):
            assert path.startswith("/")
            assert ".." not in path.split("/")


def rpm_header(data: bytes) -> None:
    """ValueError, or texts of bounded length together."""
    with suppress(ValueError):
        header = _header(data)
        assert len(header.name) + len(header.version) <= 3 * len(data) + 1
        assert sum(map(len, header.files())) <= AMPLIFIED


def rpm_database(data: bytes) -> None:
    """ValueError, or headers."""
    with suppress(ValueError):
        for header in rpm_headers(data):
            assert header.name != "gpg-pubkey"


TARGETS = {
    "elf": elf,
    "ld_cache": ld_cache,
    "class_file": class_file,
    "jar": jar,
    "package_lists": package_lists,
    "python_record": python_record,
    "rpm_header": rpm_header,
    "rpm_database": rpm_database,
}
