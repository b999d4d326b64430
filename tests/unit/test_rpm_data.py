"""The smaller database of rpm: right for what is kept, the same everywhere, and harmless whatever the image's database says."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimmer.image.package_data import PackageData
from slimmer.image.package_files import PackageFiles
from slimmer.image.rpm_data import read_headers
from slimmer.sandbox.sandbox import Sandbox
from slimmer.testing import LocalImage
from tests.unit.test_package_files import rpm_header

PLACE = "/usr/lib/sysimage/rpm/rpmdb.sqlite"
BASH = rpm_header("bash", [b"/bin/", b"/usr/share/doc/"], [(0, b"bash"), (1, b"x")])
SED = rpm_header("sed", [b"/usr/bin/"], [(0, b"sed")])
SED_32 = rpm_header("sed", [b"/usr/lib32/"], [(0, b"sed")])
KEY = rpm_header("gpg-pubkey", [b"/bin/"], [(0, b"bash")])
INDEXES = ("Name", "Basenames", "Providename", "Sigmd5")


def database(path: Path, *headers: bytes, extra: Iterable[str] = ()) -> bytes:
    """A database with some of rpm's index tables."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        for name in INDEXES:
            kind = "BLOB" if name == "Sigmd5" else "TEXT"
            connection.execute(f"CREATE TABLE '{name}' (key '{kind}' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER)")
        connection.execute("CREATE INDEX Name_key_idx ON Name(key ASC)")
        for statement in extra:
            connection.execute(statement)
        connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(header,) for header in headers])
        connection.commit()
    return path.read_bytes()


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path / "image")
    image.link("/bin", "usr/bin")
    for path in ("/usr/bin/bash", "/usr/bin/sed", "/usr/lib32/sed", "/usr/share/doc/x"):
        image.add(path)
    return image


def maker(image: LocalImage) -> PackageData:
    tree = image.tree()
    return PackageData(tree, image.stream, PackageFiles(tree, image.stream, Sandbox()).owners, lambda path: 7)


def smaller(image: LocalImage, *kept: str) -> bytes | None:
    """The smaller database for these kept files."""
    data = maker(image)
    made = data.of(["/usr/lib/sysimage/rpm", *kept])
    assert not data.unreadable
    assert [one.path for one in made] in ([], [PLACE])
    return made[0].content if made else None


def rows(content: bytes | None, query: str) -> list[tuple[object, ...]]:
    assert content is not None
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(content)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return connection.execute(query).fetchall()


def test_it_has_the_headers_of_packages_with_kept_files_as_they_were(image: LocalImage, tmp_path: Path) -> None:
    image.add(PLACE, database(tmp_path / "db", BASH, KEY, SED, SED_32))
    content = smaller(image, "/usr/bin/bash", "/usr/lib32/sed")
    assert rows(content, "SELECT hnum, blob FROM Packages") == [(1, BASH), (4, SED_32)]
    assert rows(content, "SELECT * FROM Name") == [("bash", 1, 0), ("sed", 4, 0)]
    assert rows(content, "SELECT * FROM Basenames") == [("bash", 1, 0), ("sed", 4, 0)]
    assert rows(content, "SELECT * FROM Sigmd5") == []
    names = {name for (name,) in rows(content, "SELECT name FROM sqlite_master")}
    assert {*INDEXES, "Packages", "Name_key_idx"} <= names
    assert smaller(image, "/usr/share/doc/x") != content


def test_a_package_whose_folder_was_moved_and_linked_is_there(image: LocalImage, tmp_path: Path) -> None:
    moved = rpm_header("jdk", [b"/usr/lib/jvm/bin/"], [(0, b"java")])
    image.add("/data/jvm/bin/java")
    image.link("/usr/lib/jvm", "/data/jvm")
    image.add(PLACE, database(tmp_path / "db", moved))
    assert rows(smaller(image, "/data/jvm/bin/java"), "SELECT blob FROM Packages") == [(moved,)]


def test_nothing_is_made_where_no_package_has_files_or_the_original_stays(image: LocalImage, tmp_path: Path) -> None:
    image.add(PLACE, database(tmp_path / "db", BASH))
    assert smaller(image, "/usr/bin/sed") is None
    assert smaller(image, "/usr/bin/bash", PLACE) is None


def test_it_does_not_depend_on_the_version_of_sqlite_or_on_the_answers_size(
    image: LocalImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image.add(PLACE, database(tmp_path / "db", BASH, SED))
    content = smaller(image, "/usr/bin/bash", "/usr/bin/sed")
    assert content is not None and content[96:100] == bytes(4)
    monkeypatch.setattr("slimmer.image.rpm_data.PART", 11)
    assert smaller(image, "/usr/bin/bash", "/usr/bin/sed") == content


@pytest.mark.parametrize(
    "extra",
    [
        "CREATE TABLE 'X'' (y); DROP' (key, hnum, idx)",
        "CREATE TABLE 'lower' (key, hnum, idx)",
        f"CREATE TABLE '{'L' * 50}' (key, hnum, idx)",
        "CREATE VIEW Evil AS SELECT 1",
    ],
)
def test_only_tables_with_names_like_rpms_are_copied(image: LocalImage, tmp_path: Path, extra: str) -> None:
    image.add(PLACE, database(tmp_path / "db", BASH, extra=[extra]))
    tables = {
        name for (name,) in rows(smaller(image, "/usr/bin/bash"), "SELECT name FROM sqlite_master WHERE sql > ''")
    }
    assert tables == {*INDEXES, "Packages", "sqlite_sequence", "Name_key_idx"}


def test_very_many_tables_are_not_all_copied(image: LocalImage, tmp_path: Path) -> None:
    extra = [f"CREATE TABLE T{number} (key, hnum, idx)" for number in range(900)]
    image.add(PLACE, database(tmp_path / "db", BASH, extra=extra))
    assert len(rows(smaller(image, "/usr/bin/bash"), "SELECT name FROM sqlite_master WHERE type = 'table'")) < 70


def test_headers_beyond_the_bound_are_none_and_are_told(
    image: LocalImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image.add(PLACE, database(tmp_path / "db", BASH, SED))
    monkeypatch.setattr("slimmer.image.rpm_data.MOST", len(BASH))
    data = maker(image)
    assert data.of(["/usr/lib/sysimage/rpm", "/usr/bin/bash", "/usr/bin/sed"]) == ()
    assert "MiB" in data.unreadable[PLACE]


@pytest.mark.parametrize("name", [b"b\xff", b"two\nlines", b"quote'\""])
def test_any_name_is_kept_as_it_is(image: LocalImage, tmp_path: Path, name: bytes) -> None:
    path = "/usr/bin/" + os.fsdecode(name)
    image.add(path)
    image.add(PLACE, database(tmp_path / "db", rpm_header("odd", [b"/bin/"], [(0, name)])))
    assert rows(smaller(image, path), "SELECT CAST(key AS BLOB), typeof(key) FROM Basenames") == [(name, "text")]


@given(st.data())
def test_a_damaged_database_never_breaks_a_build(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        content = bytearray(database(Path(folder) / "db", BASH, SED))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    answer = read_headers(bytes(content), ["bash", "sed"], 0, 0, 1 << 20)
    assert answer.row == 0 and (answer.problem or all(piece.row > 0 for piece in answer.pieces))
