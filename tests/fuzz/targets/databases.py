"""Databases of package managers in an untrusted image."""

from __future__ import annotations

from contextlib import suppress

from slimmer.image.language_packages import Distribution, recorded
from slimmer.image.packages import Package, apk_packages, dpkg_packages, packages_by_path
from slimmer.image.rpm_database import _header, rpm_headers

AMPLIFIED = 1 << 27
"""Bytes that the names out of one header may have: more would be a bomb."""


def package_lists(data: bytes) -> None:
    """Never raises; a package has a name."""
    assert all(package.manager for package in (*dpkg_packages(data), *apk_packages(data)))
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
    "package_lists": package_lists,
    "python_record": python_record,
    "rpm_header": rpm_header,
    "rpm_database": rpm_database,
}
