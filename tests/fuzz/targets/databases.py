"""Databases of package managers in an untrusted image."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice

from slimmer.image.declared_licences import LENGTH, bounded, copyright_licences, gemspec_licences, metadata_fields
from slimmer.image.diversions import Diversions
from slimmer.image.go_modules import go_packages
from slimmer.image.installed import Installed
from slimmer.image.java_archives import read_java_archive
from slimmer.image.language_packages import Distribution, recorded
from slimmer.image.lines import LineReader, Unreadable
from slimmer.image.os_release import parse_release
from slimmer.image.packages import NAME_LIMIT, Package, packages_by_path
from slimmer.image.rpm_data import read_headers
from slimmer.image.rpm_database import PART, read_rpm
from slimmer.image.rpm_header import parse_header
from slimmer.image.rpm_origins import read_rpm_origins
from slimmer.image.system_origins import apk_installed, dpkg_installed
from slimmer.image.text_databases import apk_listed, dpkg_packages, dpkg_sums

FILES = 1000
"""Files of a header that are looked at: a name may stand for many paths."""


def package_lists(data: bytes) -> None:
    """Unreadable, or packages with a manager."""
    lines = data.split(b"\n")
    with suppress(Unreadable):
        assert all(package.manager for package in dpkg_packages(lines))
        assert all(package.manager for package, _ in apk_listed(lines))
        diversions = Diversions()
        assert all(diversions.place("", path).startswith(b"/") for path in diversions.read(lines))
        assert all(is_modest(one) for one in (*dpkg_installed(lines), *apk_installed(lines)))
    assert all(path.startswith(b"/") for path in dpkg_sums(lines))
    assert list(LineReader().lines((data[:7], data[7:]))) == (lines if lines[-1] else lines[:-1])
    list(packages_by_path("/" + data.decode(errors="surrogateescape")))


def python_record(data: bytes) -> None:
    """Never raises; every path is absolute, without parts that lead up."""
    for name in ("RECORD", "installed-files.txt"):
        site = Distribution(Package("python", "a", "1"), "/srv/a-1.dist-info", f"/srv/a-1.dist-info/{name}")
        for path in recorded(site, data.split(b"\n")):
            assert path.startswith(b"/")
            assert b".." not in path.split(b"/")


def rpm_header(data: bytes) -> None:
    """ValueError, or texts of bounded length together."""
    with suppress(ValueError):
        header = parse_header(data)
        assert len(header.name) + len(header.version) <= 3 * len(data) + 1
        assert all(len(path) <= 2 * len(data) for path in islice(header.files(), FILES))


def rpm_database(data: bytes) -> None:
    """Never raises; a part has a bounded size, and is made of headers."""
    part = read_rpm(data, 0, 0)
    assert all(package.name != "gpg-pubkey" for package in part.packages)
    assert sum(len(path) for package in part.packages for path in package.paths) <= PART + (1 << 24)
    headers = read_headers(data, ["bash"], 0, 0, PART)
    assert sum(len(piece.text) for piece in headers.pieces) <= PART * 4 // 3 + 4
    assert all(index.name.isalnum() for index in headers.indexes)
    assert all(len(one.licence) <= NAME_LIMIT for one in read_rpm_origins(data).packages)


def is_modest(one: Installed) -> bool:
    """Return True if what a package says can stand in a document."""
    texts = (one.origin.architecture, one.origin.source, *one.licences)
    return all(text.isprintable() and len(text) <= 600 for text in texts) and "\0" not in one.package.name


def metadata(data: bytes) -> None:
    """Never raises; licences are short and printable."""
    licences = (*copyright_licences(data), *gemspec_licences(data), *bounded(metadata_fields(data).values()))
    assert all(text.isprintable() and len(text) <= LENGTH for text in licences)
    release = parse_release(data)
    assert (release.id + release.version).isprintable()


def go_program(data: bytes) -> None:
    """Never raises; names are printable, and the size of the pieces does not matter."""
    found = go_packages(iter((data[:7], data[7:])))
    assert all((one.name + one.version).isprintable() and one.name for one in found)
    assert go_packages(iter((data,))) == found


def java_archive(data: bytes) -> None:
    """Never raises; names are words."""
    found = read_java_archive(data, "/app-1.jar").packages
    assert all((one.name + one.version).isprintable() and one.name for one in found)


TARGETS = {
    "package_lists": package_lists,
    "python_record": python_record,
    "rpm_header": rpm_header,
    "rpm_database": rpm_database,
    "metadata": metadata,
    "go_program": go_program,
    "java_archive": java_archive,
}
