"""Databases of packages that were made to fill the memory, to take for ever, to crash, or to reach out of the image."""

from __future__ import annotations

import os
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given

from slimmer.image.database_reader import DATABASE_LIMIT, TOGETHER_LIMIT
from slimmer.image.lines import LineReader
from slimmer.image.package_files import PackageFiles
from slimmer.image.packages import PACKAGES_LIMIT, Package
from slimmer.image.rpm_database import PART, rpm_listed
from slimmer.image.tree import Tree
from slimmer.keep.languages.node.manifest import read_manifest
from slimmer.keep.languages.php.composer import INSTALLED, read_map
from slimmer.sandbox.readers import Read
from slimmer.sandbox.sandbox import Job, Sandbox
from slimmer.testing import LocalImage
from tests.damage import damaged, examples
from tests.unit import database_memory
from tests.unit.test_package_files import rpm_header
from tests.unit.test_packages import rpm_database
from tests.unit.tree_maker import make_tree, record

STATUS = "/var/lib/dpkg/status"
PARTS = "/var/lib/dpkg/status.d"
RPM = "/var/lib/rpm/rpmdb.sqlite"
SITE = "/usr/lib/python3/dist-packages"
RECORD = f"{SITE}/app-1.dist-info/RECORD"
PIECE = 1 << 18


def known(tree: Tree, contents: Callable[[str], Iterable[bytes]]) -> tuple[PackageFiles, Sandbox]:
    """The packages of an image in which each file has these pieces."""
    sandbox = Sandbox()
    return PackageFiles(tree, lambda paths: ((path, iter(contents(path))) for path in paths), sandbox), sandbox


def test_memory_does_not_grow_with_the_size_of_databases() -> None:
    command = [sys.executable, "-W", "error", "-m", database_memory.__name__]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=100).stdout
    assert float(output) < 20


def repeated(text: bytes, megabytes: int) -> Iterator[bytes]:
    """A text again and again."""
    piece = text * (PIECE // len(text) + 1)
    return (piece for _ in range(4 * megabytes))


def paragraphs() -> Iterator[bytes]:
    """Five million packages."""
    for first in range(0, 5_000_000, 1000):
        yield b"".join(b"Package: p%d\n\n" % number for number in range(first, first + 1000))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (lambda: repeated(b"x", 64), "a line"),
        (lambda: (b"Package: a\nVersion: ", *repeated(b"1", 64)), "a line"),
        (paragraphs, "more than 65,536 packages"),
        (lambda: repeated(b"Package: " + b"p" * 300 + b"\n\n", 64), "longer than 256 bytes"),
        (lambda: repeated(b"\n", 1), "too many lines"),
    ],
    ids=["one line", "one value", "five million packages", "long names", "empty lines"],
)
def test_a_status_beyond_a_bound_is_unreadable_and_the_user_is_told(
    content: Callable[[], Iterable[bytes]], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LineReader.__init__, "__defaults__", (1 << 19,))
    packages, sandbox = known(make_tree(f"f {STATUS}"), lambda path: content())
    packages.know_all()
    assert packages.unreadable == (STATUS,)
    [note] = sandbox.notes()
    assert STATUS in note
    assert why in note


def test_a_paragraph_may_be_as_long_as_it_likes() -> None:
    lists = "/var/lib/dpkg/info/a.list"
    text = {STATUS: [b"Package: a\n", *repeated(b" a line of a description" * 100 + b"\n", 64), b"Version: 7\n"]}
    packages, _ = known(make_tree(f"f {STATUS}\nf {lists}\nf /app"), lambda path: text.get(path, [b"/app\n"]))
    assert packages.owners(["/app"]) == {"/app": (Package("deb", "a", "7"),)}
    assert packages.unreadable == ()


def test_more_packages_than_can_be_told_apart_are_said_to_be_too_many() -> None:
    count = PACKAGES_LIMIT + 9
    files = [f"{PARTS}/p{number:06}" for number in range(count)]
    folders = [record("d", path) for path in ("/", "/var", "/var/lib", "/var/lib/dpkg", PARTS)]
    tree = Tree(b"".join((*folders, *(record("f", path) for path in files))))
    packages, sandbox = known(tree, lambda path: [b"Package: %s\n" % path.rpartition("/")[2].encode()])
    packages.know_all()
    assert len(packages.unreadable) == count - PACKAGES_LIMIT
    notes = sandbox.notes()
    assert len(notes) < 10
    assert "more files could not be read" in notes[-1]


@pytest.mark.parametrize("size", [DATABASE_LIMIT + 1, 1 << 50])
def test_a_database_that_is_too_large_is_not_asked_for(size: int) -> None:
    tree = Tree(b"".join((record("d", "/"), record("f", "/var/lib/dpkg/status", size=size))))
    packages, sandbox = known(_with_folders(tree), lambda path: pytest.fail(f"{path} was read"))
    packages.know_all()
    assert packages.unreadable == (STATUS,)
    assert "larger than 200 MiB" in sandbox.notes()[0]


def test_many_large_databases_are_read_up_to_a_total() -> None:
    count = TOGETHER_LIMIT // DATABASE_LIMIT + 3
    parts = b"".join(record("f", f"{PARTS}/{number}", size=DATABASE_LIMIT) for number in range(count))
    tree = Tree(b"".join((record("d", "/"), record("d", PARTS), parts)))
    asked: list[str] = []
    packages, sandbox = known(_with_folders(tree), lambda path: asked.append(path) or [b"Package: a\n"])  # type: ignore[func-returns-value]
    packages.know_all()
    assert len(asked) == TOGETHER_LIMIT // DATABASE_LIMIT
    assert len(packages.unreadable) == count - len(asked)
    assert "together" in sandbox.notes()[0]


def _with_folders(tree: Tree) -> Tree:
    missing = [path for path in ("/var", "/var/lib", "/var/lib/dpkg") if path not in tree]
    return Tree(b"".join((*tree.records(), *(record("d", path) for path in missing))))


def test_a_list_that_repeats_a_file_for_ever_fills_no_memory() -> None:
    lists = "/var/lib/dpkg/info/a.list"
    packages, sandbox = known(make_tree(f"f {lists}\nf /a"), lambda path: repeated(b"/a\n", 3))
    assert packages.owners(["/a"]) == {"/a": (Package("deb", "a", ""),)}
    assert "again and again" in sandbox.notes()[0]


def test_a_record_cannot_name_what_is_not_in_the_image(tmp_path: Path) -> None:
    image = LocalImage(tmp_path / "image")
    (tmp_path / "outside").write_bytes(b"")
    names = [b"/etc/shadow", b"../../../../../../../../etc/hosts", b"../../../../../../outside", b"//etc/shadow", b"..", b"/",
             b"a\0b", b"\xff\xfe.py", b'"a""b.py"', b'"never ends', b"x" * 5000]  # fmt: skip
    for path in ("/etc/shadow", "/etc/hosts", f'{SITE}/a"b.py', os.fsdecode(os.fsencode(SITE) + b"/\xff\xfe.py")):
        image.add(path)
    image.add(RECORD, b"".join(name + b",,\r\n" for name in names))
    packages = PackageFiles(image.tree(), image.stream, Sandbox())
    app = Package("python", "app", "1")
    assert packages.named("app") == (app,)
    assert {path for _, path in packages.files([app])} == {
        "/etc/shadow", "/etc/hosts", f'{SITE}/a"b.py', f"{SITE}/\udcff\udcfe.py", RECORD
    }  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [b"P:a\0b\nV:\xff\nF:\xff\xfe\nR:\0\n", b"F:x\nR:y\n\nP:late\n", b"P:a\nF:" + b"d" * 9000 + b"\nR:\n" * 9],
)
def test_odd_names_in_apks_list_do_no_harm(content: bytes) -> None:
    packages, _ = known(make_tree("f /lib/apk/db/installed\nf /app"), lambda path: [content])
    assert packages.owners(["/app"]) == {"/app": ()}


# ---------------------------------------------------------------------- rpm's, in sqlite


def harmful(path: Path, *statements: str) -> bytes:
    """A database made with these statements."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path.read_bytes()


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i, i AS blob FROM n"
DEEP = "abs(" * 15 + "1" + ")" * 15
HARMFUL = {
    "a view": (f"CREATE VIEW Packages AS {ENDLESS}",),
    "a huge value": ("CREATE VIEW Packages AS SELECT zeroblob(1000000000) AS blob",),
    "a column that is worked out": (
        "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob AS (hex(zeroblob(400000000))))",
        "INSERT INTO Packages (hnum) VALUES (1)",
    ),
    "a deep column": (
        f"CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob AS ({DEEP}))",
        "INSERT INTO Packages (hnum) VALUES (1)",
    ),
    "no rows' numbers": ("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob) WITHOUT ROWID",),
    "triggers": (
        "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob)",
        f"CREATE TRIGGER t AFTER INSERT ON Packages BEGIN {ENDLESS}; END",
    ),
    "a large row": (
        "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob)",
        "INSERT INTO Packages (blob) VALUES (zeroblob(20000000))",
    ),
    "another encoding": (
        "PRAGMA encoding = 'UTF-16be'",
        "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob)",
        "INSERT INTO Packages (blob) VALUES ('\ud7ff text')",
    ),
    "a table of another file": (
        "CREATE TABLE t (x)",
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET name = 'Packages', sql = 'CREATE VIRTUAL TABLE Packages USING fts5(blob)', rootpage = 0",
    ),
    "a schema that is none": (
        "CREATE TABLE Packages (blob)",
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_master SET sql = 'CREATE TABLE Packages (blob CHECK ({'(' * 5000}1{')' * 5000}))'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("statements", HARMFUL.values(), ids=HARMFUL)
def test_a_database_of_rpms_that_was_made_to_harm_has_no_packages(tmp_path: Path, statements: tuple[str, ...]) -> None:
    content = harmful(tmp_path / "db", *statements)
    packages, _ = known(make_tree(f"f {RPM}\nf /app"), lambda path: [content])
    assert packages.owners(["/app"]) == {"/app": ()}
    assert packages.named("rpm:app") == ()


def test_damaged_databases_of_rpms_are_read_or_named(tmp_path: Path) -> None:
    headers = [rpm_header(f"p{number}", [b"/usr/bin/"], [(0, b"x" * 500)] * 20) for number in range(20)]
    whole = rpm_database(tmp_path / "db", *headers)
    tree = make_tree(f"f {RPM}\nf /app")

    @examples(60)
    @given(damaged(whole, start=100, most=1000))
    def check(content: bytes) -> None:
        packages, _ = known(tree, partial(_one_piece, content))
        assert packages.owners(["/app"]) == {"/app": ()}

    check()


def _one_piece(content: bytes, path: str) -> Iterable[bytes]:
    return (content,)


def test_a_large_database_of_rpms_is_told_in_parts(tmp_path: Path) -> None:
    folders = [b"/usr/share/" + b"long" * 50 + b"/"]
    files = [[(0, b"%d-%d" % (package, number)) for number in range(7000)] for package in range(2)]
    content = rpm_database(tmp_path / "db", *(rpm_header(f"p{n}", folders, listed) for n, listed in enumerate(files)))
    assert 2 * 7000 * len(folders[0]) > 2 * PART
    listed = [(package.name, path) for package, path in rpm_listed(Sandbox(), RPM, iter((content,))) if path]
    assert listed == [(f"p{number}", folders[0] + name) for number, package in enumerate(files) for _, name in package]


def test_a_header_that_claims_more_than_it_has_ends_the_list(tmp_path: Path) -> None:
    header = bytearray(rpm_header("bash", [b"/usr/bin/"], [(0, b"bash")]))
    struct.pack_into(">L", header, 8 + 4 * 16 + 12, 0xFFFFFFFF)  # the number of names
    packages, _ = known(
        make_tree(f"f {RPM}\nf /usr/bin/bash"), lambda path: [rpm_database(tmp_path / "db", bytes(header))]
    )
    assert packages.named("bash") == (Package("rpm", "bash", "1-2"),)


@pytest.mark.parametrize(("reader", "arguments"), [(read_manifest, ()), (read_map, (INSTALLED, "/app/vendor"))])
@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"a":' * 100_000, b'{"name": "' + b"\xff\0" * 10 + b'"}', b"[1e999999999]"]
)
def test_json_of_a_hundred_thousand_levels_does_no_harm(
    reader: Read, arguments: tuple[str, ...], content: bytes
) -> None:
    sandbox = Sandbox()
    [answer] = sandbox.read(reader, [Job("/app/file.json", content, arguments)])
    assert answer is not None or "/app/file.json" in sandbox.notes()[0]
