"""Package databases: what an image's package managers say, and databases that were made to confuse or to harm."""

from __future__ import annotations

import os
import sqlite3
import struct
from pathlib import Path

import pytest

from slimmer.image.packages import Database, Kind, Package, databases, packages_by_path
from slimmer.image.rpm_database import read_rpm, rpm_listed
from slimmer.image.text_databases import apk_listed, dpkg_packages
from slimmer.sandbox.sandbox import Sandbox
from tests.unit.tree_maker import make_tree
from tests.work import work_of_at_most

DPKG = b"""Package: adduser
Status: install ok installed
Version: 3.134
Description: add and remove users
 Package: not-a-field
 .
 Status: nor this

Package: gone
Status: deinstall ok config-files
Version: 1

Package: half
Status: install ok half-installed

Package: caf\xe9
Status: hold ok installed
Version: 2
"""
APK = b"C:Q1abc=\nP:musl\nV:1.2.4-r2\nF:lib\nR:ld-musl.so\n\nP:zlib\nV:1.3\n"


def test_dpkg_counts_what_is_installed() -> None:
    found = list(dpkg_packages(DPKG.splitlines()))
    assert found == [
        Package("deb", "adduser", "3.134"),
        Package("deb", "caf�", "2"),
    ]


def test_a_paragraph_of_its_own_file_needs_no_status() -> None:
    assert list(dpkg_packages([b"Package: base-files", b"Version: 12"])) == [Package("deb", "base-files", "12")]


def test_apk_lists_name_and_version() -> None:
    musl, zlib = Package("apk", "musl", "1.2.4-r2"), Package("apk", "zlib", "1.3")
    assert list(apk_listed(APK.splitlines())) == [(musl, b""), (musl, b"/lib/ld-musl.so"), (zlib, b"")]


@pytest.mark.parametrize("content", [b"", b"\n\n\n", b"\0" * 1000, os.urandom(5000)])
def test_nonsense_has_no_packages(content: bytes) -> None:
    assert list(dpkg_packages(content.split(b"\n"))) == []
    assert list(apk_listed(content.split(b"\n"))) == []
    assert "an rpm database" in read_rpm(content, 0, 0).problem


def rpm_header(name: str, version: str, release: str) -> bytes:
    """A header as rpm stores it, with a tag of another kind among the three strings."""
    data, entries = b"", []
    for tag, text in ((1000, name), (1001, version), (1002, release)):
        entries.append(struct.pack(">4L", tag, 6, len(data), 1))
        data += text.encode() + b"\0"
    entries.append(struct.pack(">4L", 1009, 4, len(data), 1))
    data += struct.pack(">L", 4242)
    return struct.pack(">2L", len(entries), len(data)) + b"".join(entries) + data


def rpm_database(path: Path, *headers: bytes, log: bool = False) -> bytes:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode = {'WAL' if log else 'DELETE'}")
    connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
    connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(header,) for header in headers])
    connection.commit()
    connection.close()
    return path.read_bytes()


@pytest.mark.parametrize("log", [False, True])
def test_rpm_lists_packages_and_no_keys(tmp_path: Path, log: bool) -> None:
    headers = rpm_header("bash", "5.2.15", "3.fc39"), rpm_header("gpg-pubkey", "1", "2")
    content = rpm_database(tmp_path / "rpmdb.sqlite", *headers, log=log)
    listed = list(rpm_listed(Sandbox(), "/rpmdb.sqlite", iter((content[:5000], content[5000:]))))
    assert listed == [(Package("rpm", "bash", "5.2.15-3.fc39"), b"")]


@pytest.mark.parametrize("header", [b"x", struct.pack(">2L", 1 << 30, 5), b"\xff" * 40])
def test_a_broken_header_makes_the_database_unreadable(tmp_path: Path, header: bytes) -> None:
    assert "rpm" in read_rpm(rpm_database(tmp_path / "rpmdb.sqlite", header), 0, 0).problem


@pytest.mark.parametrize(
    "view",
    [
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i AS blob FROM n",
        "SELECT zeroblob(1000000000) AS blob",
    ],
)
def test_a_database_made_to_harm_is_refused_at_once(tmp_path: Path, view: str) -> None:
    connection = sqlite3.connect(tmp_path / "rpmdb.sqlite")
    connection.execute(f"CREATE VIEW Packages AS {view}")
    connection.close()
    with work_of_at_most(1000):
        assert "rpm" in read_rpm((tmp_path / "rpmdb.sqlite").read_bytes(), 0, 0).problem


def test_a_database_cut_short_is_refused(tmp_path: Path) -> None:
    content = rpm_database(tmp_path / "rpmdb.sqlite", *(rpm_header(f"p{n}", "1", "1") for n in range(500)))
    assert "rpm" in read_rpm(content[: len(content) // 2], 0, 0).problem


@pytest.mark.parametrize(
    ("path", "package"),
    [
        ("/usr/lib/python3/dist-packages/flask-3.0.0.dist-info", Package("python", "flask", "3.0.0")),
        ("/x/ruamel.yaml.clib-0.2.8.egg-info", Package("python", "ruamel.yaml.clib", "0.2.8")),
        ("/app/node_modules/express/package.json", Package("node", "express", "")),
        ("/app/node_modules/@types/node/package.json", Package("node", "@types/node", "")),
        ("/app/node_modules/a/node_modules/b/package.json", Package("node", "b", "")),
    ],
)
def test_language_packages_are_known_by_their_metadata(path: str, package: Package) -> None:
    assert list(packages_by_path(path)) == [package]


@pytest.mark.parametrize(
    "path", ["/package.json", "/app/node_modules/a/lib/package.json", "/x/flask-3.dist-info/METADATA", "/node_modules"]
)
def test_other_paths_are_no_packages(path: str) -> None:
    assert list(packages_by_path(path)) == []


def test_databases_are_found_where_links_lead_and_only_once() -> None:
    tree = make_tree(
        """
        f /usr/lib/apk/db/installed
        l /lib -> usr/lib
        f /var/lib/dpkg/status
        f /var/lib/dpkg/status.d/base
        f /var/lib/dpkg/status.d/base.md5sums
        d /var/lib/rpm/Packages
        l /usr/lib/sysimage/rpm/rpmdb.sqlite -> /nowhere
        """
    )
    assert sorted(database.path for database in databases(tree)) == [
        "/usr/lib/apk/db/installed",
        "/var/lib/dpkg/status",
        "/var/lib/dpkg/status.d/base",
    ]


def test_an_older_database_of_rpm_is_found() -> None:
    assert databases(make_tree("f /var/lib/rpm/Packages")) == (Database("/var/lib/rpm/Packages", Kind.RPM),)
