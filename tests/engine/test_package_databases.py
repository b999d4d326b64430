"""Images with the packages of rpm, and with those of dpkg as distroless images have them: scanners and rpm itself find the packages with files."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest

from slimmer.artifacts.build_output import BuildOutput
from tests.engine import rpms, syft
from tests.engine.command import built, slimmer
from tests.engine.names import OWN
from tests.engine.probe.image import Archive
from tests.unit import older_rpm_databases as older

SOURCE = Path(__file__).parent / "images/reader.c"
RPM = "/usr/lib/sysimage/rpm"
PARTS = "/var/lib/dpkg/status.d"
USED = "/usr/share/data/used"
RELEASE = b'ID=fedora\nVERSION_ID=41\nPRETTY_NAME="Fedora Linux 41"\n'
FILES = {
    "tool": {"/usr/bin/tool": b"", "/usr/share/tool/unused": b"no\n"},
    "data": {USED: b"data\n", "/usr/share/data/unused": b"no\n"},
    "unused": {"/usr/share/unused/file": b"no\n"},
}
"""The files of the packages by name. The app is `tool`, which prints the file that is used."""

needs_rpm = pytest.mark.skipif(not rpms.IS_THERE, reason="needs rpm and rpmbuild")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """FILES with the program."""
    program = tmp_path_factory.mktemp("program") / "tool"
    subprocess.run(["gcc", "-O1", "-static", "-s", "-o", program, SOURCE], check=True)
    return {**FILES, "tool": {**FILES["tool"], "/usr/bin/tool": program.read_bytes()}}


class Slim:
    """An image and its slim one, with the output of the build."""

    def __init__(
        self, engine: docker.DockerClient, kind: str, content: bytes, out: Path, opens: Sequence[str] = (USED,)
    ) -> None:
        self.image, self.out = f"{OWN}-databases:{kind}", out
        command = json.dumps(["/usr/bin/tool", *opens])
        engine.api.import_image_from_data(content, repository=self.image, changes=[f"CMD {command}"])
        options = ("--no-http", "--margin", "0", "--out", out, "--tag", f"{self.image}-slim")
        self.tag = built(self.image, *options)
        self.output = BuildOutput(out)

    def unpacked(self, folder: Path) -> Path:
        """The files of the slim image as a folder."""
        with tarfile.open(self.out / "rootfs.tar") as tar:
            tar.extractall(folder, filter="fully_trusted")
        return folder


def removed(engine: docker.DockerClient, kind: str) -> None:
    for tag in (f"{OWN}-databases:{kind}-slim", f"{OWN}-databases:{kind}"):
        if engine.images.list(tag):
            engine.images.remove(tag, force=True)


@pytest.fixture(
    scope="module",
    params=[
        "rpmdb.sqlite",
        "Packages.db",
        pytest.param("Packages", marks=pytest.mark.skipif(older.LOAD is None, reason="needs db5.3-util")),
    ],
)
def fedora(
    request: pytest.FixtureRequest,
    engine: docker.DockerClient,
    files: dict[str, dict[str, bytes]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Slim, Path]]:
    """An image of packages that rpm has installed, with a database of each kind, and the folder with rpm's own database."""
    folder = tmp_path_factory.mktemp("rpm")
    root = folder / "root"
    rpms.install(root, RPM, *(rpms.make_rpm(folder, name, contents) for name, contents in files.items()))
    (root / "etc").mkdir()
    (root / "etc/os-release").write_bytes(RELEASE)
    kind = f"rpm-{request.param.lower()}"
    try:
        yield Slim(engine, kind, packed(root, request.param, folder), folder / "out"), root
    finally:
        removed(engine, kind)


def packed(root: Path, database: str, folder: Path) -> bytes:
    """The image's files as a tar, with the packages in a database of this name."""
    own = f"{RPM}/rpmdb.sqlite"
    headers = dict(rows(root, "SELECT hnum, blob FROM Packages"))
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        tar.add(
            root, "/", filter=lambda one: one if database == "rpmdb.sqlite" or "rpmdb.sqlite" not in one.name else None
        )
        if database != "rpmdb.sqlite":
            made = older.ndb(headers) if database == "Packages.db" else older.berkeley_db(folder / "db", headers)
            member = tarfile.TarInfo(own.replace("rpmdb.sqlite", database))
            member.size = len(made)
            tar.addfile(member, io.BytesIO(made))
    return content.getvalue()


def rows(folder: Path, query: str) -> set[tuple[Any, ...]]:
    """What a folder's database in sqlite answers."""
    with closing(sqlite3.connect(folder / RPM.lstrip("/") / "rpmdb.sqlite")) as connection:
        return set(connection.execute(query))


@pytest.fixture(scope="module")
def distroless(
    engine: docker.DockerClient, files: dict[str, dict[str, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Slim]:
    """An image whose packages have an entry each in status.d."""
    archive = Archive()
    archive.file("/etc/os-release", b"ID=debian\nVERSION_ID=12\n")
    for name, contents in files.items():
        for path, content in contents.items():
            archive.file(path, content, mode=0o755 if "/bin/" in path else 0o644)
        text = f"Package: {name}\nVersion: 1.0-1\nArchitecture: amd64\nMaintainer: A <a@b.c>\nDescription: one\n"
        archive.file(f"{PARTS}/{name}", text.encode())
        sums = "".join(f"{'0' * 32}  {path.lstrip('/')}\n" for path in contents)
        archive.file(f"{PARTS}/{name}.md5sums", sums.encode())
    try:
        yield Slim(engine, "distroless", archive.content(), tmp_path_factory.mktemp("distroless") / "out")
    finally:
        removed(engine, "distroless")


@needs_rpm
def test_a_scanner_and_rpm_find_the_packages_with_files(fedora: tuple[Slim, Path], tmp_path: Path) -> None:
    slim, _ = fedora
    assert syft.names(syft.scan(slim.image))["rpm"] == set(FILES)
    assert syft.names(syft.scan(slim.tag)) == {"rpm": {"tool", "data"}}
    root = slim.unpacked(tmp_path)
    assert rpms.query(root, RPM, "--all", "--queryformat", "%{NAME}-%{VERSION}\n") == ["data-1.0", "tool-1.0"]
    assert rpms.query(root, RPM, "--queryformat", "%{NAME}\n", "--file", "/usr/share/data/used") == ["data"]
    assert rpms.query(root, RPM, "--queryformat", "%{NAME}\n", "--whatprovides", "virtual-tool") == ["tool"]
    assert rpms.query(root, RPM, "--list", "data") == ["/usr/share/data/unused", "/usr/share/data/used"]
    release = slim.output.lines["/etc/os-release"]
    assert not release.added


@needs_rpm
def test_rpms_smaller_database_has_rows_of_the_original(fedora: tuple[Slim, Path], tmp_path: Path) -> None:
    slim, root = fedora

    after = slim.unpacked(tmp_path)
    tables = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
    assert rows(after, tables) == rows(root, tables)
    for table in ("Packages", "Name", "Basenames", "Providename"):
        query = f"SELECT * FROM {table}"
        assert set() < rows(after, query) < rows(root, query)


@needs_rpm
def test_rpms_smaller_database_is_slimmers_own(fedora: tuple[Slim, Path]) -> None:
    slim, _ = fedora
    added = {path for path, line in slim.output.lines.items() if line.added}
    assert added == {f"{RPM}/rpmdb.sqlite"}
    done = slimmer("verify", slim.image, slim.tag, "--no-http")
    assert done.returncode == 0, done.stdout + done.stderr
    done = slimmer("compare", slim.image, slim.tag, "--fail-on", "new-file")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_scanner_finds_the_packages_of_a_distroless_image_with_files(distroless: Slim) -> None:
    assert syft.names(syft.scan(distroless.image))["deb"] == set(FILES)
    assert syft.names(syft.scan(distroless.tag)) == {"deb": {"tool", "data"}}


def test_the_entries_of_distroless_images_are_the_originals_and_the_sums_those_of_kept_files(
    distroless: Slim, tmp_path: Path
) -> None:
    parts = {path: line.added for path, line in distroless.output.lines.items() if path.startswith(f"{PARTS}/")}
    assert parts == {
        f"{PARTS}/data": False, f"{PARTS}/data.md5sums": True, f"{PARTS}/tool": False, f"{PARTS}/tool.md5sums": True,
    }  # fmt: skip
    root = distroless.unpacked(tmp_path)
    sums = (root / PARTS.lstrip("/") / "data.md5sums").read_text()
    assert sums == f"{'0' * 32}  usr/share/data/used\n"
    done = slimmer("compare", distroless.image, distroless.tag, "--fail-on", "new-file")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_slim_image_can_be_slimmed_again(distroless: Slim, engine: docker.DockerClient, tmp_path: Path) -> None:
    tag = built(distroless.tag, "--no-http", "--out", tmp_path / "out", "--tag", f"{OWN}-databases:again")
    try:
        assert syft.names(syft.scan(tag)) == {"deb": {"tool", "data"}}
    finally:
        engine.images.remove(tag, force=True)


def test_a_scanner_finds_the_packages_of_languages_with_files(
    engine: docker.DockerClient, files: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    """Composer describes all of its packages in one file: so the one whose files are gone is found, too."""
    site, gems = "/opt/lib/python3.11/site-packages", "/opt/gems"
    archive = Archive()
    archive.file("/usr/bin/tool", files["tool"]["/usr/bin/tool"], mode=0o755)
    for name in ("used", "unused"):
        metadata = f"{site}/{name}-1.0.dist-info"
        archive.file(f"{site}/{name}/code.py")
        archive.file(f"{metadata}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode())
        archive.file(f"{metadata}/RECORD", f"{name}/code.py,,\n{name}-1.0.dist-info/METADATA,,\n".encode())
        archive.file(f"/opt/js/node_modules/{name}/lib/code.js")
        archive.file(f"/opt/js/node_modules/{name}/package.json", f'{{"name": "{name}", "version": "1.0.0"}}'.encode())
        archive.file(f"{gems}/gems/{name}-1.0/lib/code.rb")
        gem = f'Gem::Specification.new do |s|\n  s.name = "{name}".freeze\n  s.version = "1.0"\nend\n'
        archive.file(f"{gems}/specifications/{name}-1.0.gemspec", gem.encode())
        archive.file(f"/opt/php/vendor/one/{name}/src/Code.php")
    packages = [{"name": f"one/{name}", "version": "1.0.0"} for name in ("used", "unused")]
    archive.file("/opt/php/vendor/composer/installed.json", json.dumps({"packages": packages}).encode())
    opens = [
        f"{site}/used/code.py", "/opt/js/node_modules/used/lib/code.js", f"{gems}/gems/used-1.0/lib/code.rb",
        "/opt/php/vendor/one/used/src/Code.php",
    ]  # fmt: skip
    try:
        slim = Slim(engine, "languages", archive.content(), tmp_path / "out", opens)
        before, after = (syft.names(syft.scan(tag)) for tag in (slim.image, slim.tag))
    finally:
        removed(engine, "languages")
    both = {"used", "unused"}
    composer = {f"one/{name}" for name in both}
    assert before == {"python": both, "npm": both, "gem": both, "php-composer": composer}
    assert after == {"python": {"used"}, "npm": {"used"}, "gem": {"used"}, "php-composer": composer}
    assert not any(line.added for line in slim.output.lines.values())
