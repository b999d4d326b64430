"""rpm's older databases, Berkeley DB and ndb: read like the one in sqlite, and bounded whatever they hold."""

from __future__ import annotations

import struct
import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimmer.image.package_files import PackageFiles
from slimmer.image.packages import Kind, Package, databases
from slimmer.image.rpm_database import read_rpm, rows
from slimmer.sandbox.sandbox import Sandbox
from slimmer.testing import LocalImage
from tests.unit import older_rpm_databases as older
from tests.unit import test_rpm_data as sqlite_data
from tests.unit.test_package_files import rpm_header

BASH = rpm_header("bash", [b"/usr/bin/"], [(0, b"bash")])
LARGE = rpm_header("large", [b"/usr/share/large/"], [(0, b"file-%d" % number) for number in range(3000)])
HEADERS = {3: BASH, 70000: LARGE, 5: rpm_header("sed", [b"/usr/bin/"], [(0, b"sed")])}
KINDS = [
    "ndb",
    *(
        pytest.param(f"{page} {order}", marks=pytest.mark.skipif(older.LOAD is None, reason="needs db5.3-util"))
        for page in (512, 4096, 65536)
        for order in (1234, 4321)
    ),
]


@cache
def content_of(kind: str) -> bytes:
    if kind == "ndb":
        return older.ndb(HEADERS)
    page, order = map(int, kind.split())
    with tempfile.TemporaryDirectory() as folder:
        return older.berkeley_db(Path(folder) / "Packages", HEADERS, page=page, order=order)


@pytest.mark.parametrize("kind", KINDS)
def test_every_header_is_read_in_the_order_of_its_number(kind: str) -> None:
    content = content_of(kind)
    assert dict(rows(content, 0)) == HEADERS
    assert list(rows(content, 4)) == [(5, HEADERS[5]), (70000, LARGE)]


@pytest.mark.parametrize("kind", KINDS)
def test_packages_and_their_files_are_known(kind: str, tmp_path: Path) -> None:
    image = LocalImage(tmp_path / "image")
    path = "/usr/lib/sysimage/rpm/Packages.db" if kind == "ndb" else "/var/lib/rpm/Packages"
    image.add(path, content_of(kind))
    image.add("/usr/bin/sed")
    tree = image.tree()
    assert [(one.path, one.kind) for one in databases(tree)] == [(path, Kind.RPM)]
    packages = PackageFiles(tree, image.stream, Sandbox())
    assert packages.owners(["/usr/bin/sed"]) == {"/usr/bin/sed": (Package("rpm", "sed", "1-2"),)}
    assert packages.unreadable == ()


@pytest.mark.parametrize("kind", KINDS)
def test_the_smaller_database_is_in_sqlite(kind: str, tmp_path: Path) -> None:
    image = LocalImage(tmp_path / "image")
    image.add("/var/lib/rpm/Packages", content_of(kind))
    image.add("/usr/bin/sed")
    [made] = sqlite_data.maker(image).of(["/var/lib/rpm", "/usr/bin/sed"])
    assert made.path == "/var/lib/rpm/rpmdb.sqlite"
    assert sqlite_data.rows(made.content, "SELECT hnum, blob FROM Packages") == [(5, HEADERS[5])]
    assert sqlite_data.rows(made.content, "SELECT * FROM Basenames") == [("sed", 5, 0)]
    assert len(made.content or b"") < 60_000


def test_the_newest_database_of_a_folder_counts(tmp_path: Path) -> None:
    image = LocalImage(tmp_path / "image")
    for name in ("Packages", "Packages.db", "rpmdb.sqlite"):
        image.add(f"/var/lib/rpm/{name}", older.ndb(HEADERS))
    assert [one.path for one in databases(image.tree())] == ["/var/lib/rpm/rpmdb.sqlite"]


def test_a_path_of_something_else_is_left_alone(tmp_path: Path) -> None:
    image = LocalImage(tmp_path / "image")
    image.add("/var/lib/rpm/Packages", older.ndb(HEADERS))
    image.add("/usr/bin/sed")
    image.link("/var/lib/rpm/rpmdb.sqlite", "/nowhere")
    assert sqlite_data.maker(image).of(["/var/lib/rpm", "/usr/bin/sed"]) == ()


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_damage_is_an_error_and_never_more(kind: str, data: st.DataObject) -> None:
    content = bytearray(content_of(kind))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, min(len(content) - 1, 8192)))] = data.draw(st.integers(0, 255))
    part = read_rpm(bytes(content[: data.draw(st.integers(0, len(content)))]), 0, 0)
    assert isinstance(part.problem, str)


@pytest.mark.skipif(older.LOAD is None, reason="needs db5.3-util")
def test_a_chain_of_pages_that_leads_back_ends(tmp_path: Path) -> None:
    """Each overflow page names itself as the next one, and the value claims to be far longer than the file."""
    content = bytearray(older.berkeley_db(tmp_path / "Packages", {1: LARGE}, page=512))
    for at in range(512, len(content), 512):
        if content[at + 25] == 7:
            content[at + 16 : at + 20] = struct.pack("<L", at // 512)
    length = content.find(struct.pack("<L", len(LARGE)), 512)
    content[length : length + 4] = struct.pack("<L", 1 << 23)
    assert [len(row) for _, row in rows(bytes(content), 0)] == [1 << 23]
    content[length : length + 4] = b"\xff" * 4
    assert "MiB" in read_rpm(bytes(content), 0, 0).problem


def test_a_slot_that_leads_out_of_the_file_is_an_error() -> None:
    content = bytearray(older.ndb({1: BASH}))
    content[40:44] = b"\xff" * 4
    assert read_rpm(bytes(content), 0, 0).problem
