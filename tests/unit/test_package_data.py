"""The data about packages that slimmer adds to a slim image: right for what is kept, and harmless whatever the image says."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from slimmer.image.added_file import AddedFile
from slimmer.image.package_data import PackageData, recognized
from slimmer.image.package_files import PackageFiles
from slimmer.keep.selection import Patterns
from slimmer.output_folder import OutputFolder
from slimmer.rebuild.rootfs import write_rootfs
from slimmer.sandbox.sandbox import Sandbox
from slimmer.testing import LocalImage
from slimmer.verify.structure import compare_structure
from tests.unit.test_rootfs import GOOD, PATHS, Packer

TIME = 1_700_000_000
LIBC = """Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9
Description: GNU C Library
 Long text, with a line
 .
 and another one.
"""
GONE = "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n"
OTHER = "Package: other\nStatus: install ok installed\nArchitecture: all\nVersion: 2\n"
APK = """P:musl
V:1.2.3-r0
L:MIT
F:lib
M:0:0:755
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1sum=
R:dropped
Z:Q1other=
F:usr/share/nothing
R:kept

P:unused
V:1
F:lib
R:unused
"""


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    return LocalImage(tmp_path / "image")


def debian(image: LocalImage, status: str = f"{LIBC}\n{GONE}\n{OTHER}") -> None:
    image.link("/lib", "usr/lib")
    for path in ("/usr/lib/libc.so.6", "/usr/lib/libm.so.6", "/usr/share/other/file"):
        image.add(path)
    image.add("/var/lib/dpkg/status", status)
    image.add("/var/lib/dpkg/info/libc6:amd64.list", "/lib\n/lib/libc.so.6\n/lib/libm.so.6\n")
    image.add("/var/lib/dpkg/info/other.list", "/usr/share/other\n/usr/share/other/file\n")
    image.add("/var/lib/dpkg/info/libc6:amd64.md5sums", f"{'a' * 32}  lib/libc.so.6\n{'b' * 32}  lib/libm.so.6\n")
    image.add("/var/lib/dpkg/info/other.md5sums", f"{'c' * 32}  usr/share/other/file\n")


def maker(image: LocalImage) -> PackageData:
    tree = image.tree()
    return PackageData(tree, image.stream, PackageFiles(tree, image.stream, Sandbox()).owners, lambda path: TIME)


def data(image: LocalImage, kept: Iterable[str]) -> dict[str, str | None]:
    """The content of the added files by path."""
    made = files(image, kept)
    assert len({one.path for one in made}) == len(made)
    return {one.path: None if one.content is None else os.fsdecode(one.content) for one in made}


def files(image: LocalImage, kept: Iterable[str]) -> tuple[AddedFile, ...]:
    return maker(image).of(list(kept))


def test_dpkg_has_the_packages_with_kept_files_and_the_sums_of_these_files(image: LocalImage) -> None:
    debian(image)
    assert data(image, ["/var/lib/dpkg", "/usr/lib/libc.so.6"]) == {
        "/var/lib/dpkg/status.d": None,
        "/var/lib/dpkg/status.d/libc6": LIBC,
        "/var/lib/dpkg/status.d/libc6.md5sums": f"{'a' * 32}  lib/libc.so.6\n",
    }


def test_directories_alone_are_no_files_of_a_package(image: LocalImage) -> None:
    debian(image)
    assert data(image, ["/var/lib/dpkg", "/usr/share/other"]) == {}


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(["/usr/lib/libc.so.6"], id="its folder was excluded"),
        pytest.param(["/usr/lib/libc.so.6", "/var/lib/dpkg", "/var/lib/dpkg/status"], id="the app reads the database"),
    ],
)
def test_nothing_is_made_where_it_would_be_in_the_way(image: LocalImage, kept: list[str]) -> None:
    debian(image)
    assert data(image, kept) == {}


def test_two_architectures_of_a_package_have_a_file_each_if_files_of_both_are_kept(image: LocalImage) -> None:
    foreign = LIBC.replace("amd64", "i386")
    debian(image, f"{LIBC}\n{foreign}")
    image.add("/usr/lib32/libc.so.6")
    image.add("/var/lib/dpkg/info/libc6:i386.list", "/usr/lib32/libc.so.6\n")
    image.add("/var/lib/dpkg/info/libc6:i386.md5sums", f"{'d' * 32}  usr/lib32/libc.so.6\n")
    both = data(image, ["/var/lib/dpkg", "/usr/lib/libc.so.6", "/usr/lib32/libc.so.6"])
    assert both["/var/lib/dpkg/status.d/libc6:i386"] == foreign
    assert both["/var/lib/dpkg/status.d/libc6:amd64.md5sums"] == f"{'a' * 32}  lib/libc.so.6\n"
    one = data(image, ["/var/lib/dpkg", "/usr/lib/libc.so.6"])
    assert "/var/lib/dpkg/status.d/libc6:amd64" in one and "/var/lib/dpkg/status.d/libc6:i386" not in one


def test_apk_has_the_packages_with_kept_files_and_these_files(image: LocalImage) -> None:
    for path in ("/lib/ld-musl-x86_64.so.1", "/lib/dropped", "/usr/share/nothing/kept", "/lib/unused"):
        image.add(path)
    image.add("/lib/apk/db/installed", APK)
    assert data(image, ["/lib/apk/db", "/lib/ld-musl-x86_64.so.1", "/usr/share/nothing/kept"]) == {
        "/lib/apk/db/installed": "P:musl\nV:1.2.3-r0\nL:MIT\nF:lib\nM:0:0:755\nR:ld-musl-x86_64.so.1\na:0:0:755\nZ:Q1sum=\n"
        "F:usr/share/nothing\nR:kept\n\n"
    }


@pytest.mark.parametrize("name", ["x.md5sums", "../../../etc/cron.d/x", "a/b", "..", "", "Ünsafe", "a" * 200, "-x"])
def test_a_name_that_is_no_name_of_a_package_leads_nowhere(image: LocalImage, name: str) -> None:
    debian(image, LIBC.replace("libc6", name) + "\n" + OTHER)
    image.add("/var/lib/dpkg/info/other.list", "/usr/share/other/file\n/lib/libc.so.6\n")
    made = data(image, ["/var/lib/dpkg", "/usr/lib/libc.so.6", "/usr/share/other/file"])
    assert set(made) <= {
        "/var/lib/dpkg/status.d",
        "/var/lib/dpkg/status.d/other",
        "/var/lib/dpkg/status.d/other.md5sums",
    }


def test_a_folder_that_is_there_already_is_left_alone(image: LocalImage) -> None:
    """It may be a link to anywhere."""
    debian(image)
    image.link("/var/lib/dpkg/status.d", "/etc/cron.d")
    assert data(image, ["/var/lib/dpkg", "/usr/lib/libc.so.6", "/var/lib/dpkg/status.d"]) == {}


def test_a_paragraph_beyond_a_bound_is_left_out_and_its_neighbours_stay(image: LocalImage) -> None:
    long = LIBC + "".join(f" {'x' * 1000}\n" for _ in range(1100))
    debian(image, f"{long}\n{OTHER}")
    made = data(image, ["/var/lib/dpkg", "/usr/lib/libc.so.6", "/usr/share/other/file"])
    assert "/var/lib/dpkg/status.d/libc6" not in made
    assert made["/var/lib/dpkg/status.d/other"] == OTHER


def test_too_much_data_is_none_and_is_told(image: LocalImage) -> None:
    many = [f"p{number}" for number in range(40)]
    text = "x" * 999_000
    debian(image, "\n".join(f"Package: {name}\nStatus: install ok installed\nNote: {text}\n" for name in many))
    for name in many:
        image.add(f"/srv/{name}")
        image.add(f"/var/lib/dpkg/info/{name}.list", f"/srv/{name}\n")
    made = maker(image)
    assert made.of(["/var/lib/dpkg", *(f"/srv/{name}" for name in many)]) == ()
    assert "32 MiB" in made.unreadable["/var/lib/dpkg/status"]


@pytest.mark.parametrize("state", ["unpacked", "half-configured", "triggers-pending", "triggers-awaited", "installed"])
def test_a_package_whose_files_are_there_counts_whatever_its_state(image: LocalImage, state: str) -> None:
    debian(image, LIBC.replace("ok installed", f"ok {state}"))
    assert "/var/lib/dpkg/status.d/libc6" in data(image, ["/var/lib/dpkg", "/usr/lib/libc.so.6"])


@pytest.mark.parametrize("state", ["not-installed", "config-files", "half-installed", ""])
def test_a_package_whose_files_are_gone_does_not_count(image: LocalImage, state: str) -> None:
    debian(image, LIBC.replace("install ok installed", f"install ok {state}" if state else ""))
    assert data(image, ["/var/lib/dpkg", "/usr/lib/libc.so.6"]) == {}


def test_of_several_architectures_all_stay_if_no_sum_tells_whose_file_it_is(image: LocalImage) -> None:
    debian(image, f"{LIBC}\n{LIBC.replace('amd64', 'i386')}")
    image.add("/etc/ld.so.conf")
    image.add("/var/lib/dpkg/info/libc6:amd64.list", "/etc/ld.so.conf\n")
    made = data(image, ["/var/lib/dpkg", "/etc/ld.so.conf"])
    assert {"/var/lib/dpkg/status.d/libc6:amd64", "/var/lib/dpkg/status.d/libc6:i386"} <= set(made)


def test_a_database_in_another_folder_gets_no_data_where_nobody_looks(image: LocalImage) -> None:
    debian(image)
    image.add("/srv/status", LIBC)
    (image.root / "var/lib/dpkg/status").unlink()
    image.link("/var/lib/dpkg/status", "/srv/status")
    assert data(image, ["/var/lib/dpkg", "/srv", "/usr/lib/libc.so.6"]) == {}


@pytest.mark.parametrize("pattern", ["/var/lib/dpkg/status.d", "/var/lib/dpkg/status.d/libc6", "*.md5sums"])
def test_what_the_user_excludes_is_not_added(image: LocalImage, pattern: str) -> None:
    debian(image)
    excluded = Patterns(image.tree(), [pattern], "--exclude")
    assert maker(image).of(["/var/lib/dpkg", "/usr/lib/libc.so.6"], excluded.match) == ()


def test_very_many_paragraphs_are_too_many(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slimmer.image.dpkg_data.PACKAGES_LIMIT", 100)
    debian(image, "\n".join(LIBC.replace("amd64", f"a{number}") for number in range(101)))
    made = maker(image)
    assert made.of(["/var/lib/dpkg", "/usr/lib/libc.so.6"]) == ()
    assert made.unreadable


def known(image: LocalImage, after: LocalImage) -> set[str]:
    """The paths of another image that are known as slimmer's, and a reader that refuses what is too large."""

    def digests(paths: Sequence[str]) -> Iterator[tuple[str, str]]:
        for path in paths:
            content = (after.root / path.lstrip("/")).read_bytes()
            yield path, hashlib.sha256(content).hexdigest()

    return set(recognized(maker(image), after.tree(), digests))


def test_the_data_of_another_image_is_known_by_its_manager(image: LocalImage, tmp_path: Path) -> None:
    """Only if all of a manager's files are as expected. A file of another size is not read."""
    debian(image)
    image.add("/usr/lib/apk/db/installed", APK)
    image.add("/usr/lib/ld-musl-x86_64.so.1")
    after = LocalImage(tmp_path / "after")
    after.link("/lib", "usr/lib")
    after.add("/usr/lib/libc.so.6")
    after.add("/usr/lib/ld-musl-x86_64.so.1")
    after.add("/usr/lib/apk/db/installed", APK)
    after.add("/var/lib/dpkg/unrelated")
    image.add("/var/lib/dpkg/unrelated")
    kept = ["/var/lib/dpkg", "/usr/lib/libc.so.6", "/usr/lib/apk/db", "/usr/lib/ld-musl-x86_64.so.1"]
    expected = maker(image).by_manager(kept)["deb"]
    assert known(image, after) == set()
    for one in expected:
        if one.content is not None:
            after.add(one.path, one.content.decode())
    assert known(image, after) == {one.path for one in expected}
    after.add(expected[1].path, "x" * expected[1].size)
    assert known(image, after) == set()


def test_added_files_follow_the_images_own_in_the_archive(tmp_path: Path) -> None:
    added = (
        AddedFile("/var/lib/dpkg/status.d", None, TIME, "holds"),
        AddedFile("/var/lib/dpkg/status.d/libc6", LIBC.encode(), TIME, "deb package libc6"),
    )
    with OutputFolder(tmp_path / "out") as folder:
        rootfs = write_rootfs(Packer(GOOD), [(path, "") for path in PATHS], folder, added)
        content = rootfs.path.read_bytes()
        folder.publish()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        members = tar.getmembers()
        assert [member.name for member in members[-2:]] == ["var/lib/dpkg/status.d", "var/lib/dpkg/status.d/libc6"]
        assert len(members) == len(PATHS) + 2
        last = tar.extractfile(members[-1])
        assert last is not None and last.read() == LIBC.encode()
        assert (members[-1].mode, members[-1].uid, members[-1].mtime) == (0o644, 0, TIME)
    assert rootfs.digests["/var/lib/dpkg/status.d/libc6"] == added[1].sha256
    assert (rootfs.size, rootfs.diff_id) == (len(content), f"sha256:{hashlib.sha256(content).hexdigest()}")


def test_an_added_file_that_is_missing_or_changed_is_a_difference(image: LocalImage, tmp_path: Path) -> None:
    debian(image)
    added = {one.path: one.entry for one in files(image, ["/var/lib/dpkg", "/usr/lib/libc.so.6"])}
    before = image.tree()
    kept = [entry.path for entry in before]

    def differences() -> set[tuple[str, str]]:
        found = compare_structure(
            before,
            image.tree(),
            kept,
            lambda entry: (0, 0),
            slim_mtime=lambda entry: (0, 0),
            whole_seconds=True,
            added=added,
        )
        return {(one.where, one.what) for one in found if one.what != "modification time"}

    assert {what for _, what in differences()} == {"path"}
    image.add("/var/lib/dpkg/status.d/libc6", LIBC)
    image.add("/var/lib/dpkg/status.d/libc6.md5sums", "short\n")
    found = differences()
    assert ("/var/lib/dpkg/status.d/libc6.md5sums", "size") in found
    assert not any(
        where == "/var/lib/dpkg/status.d/libc6" and what in ("path", "size", "type") for where, what in found
    )
