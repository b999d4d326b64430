"""Which package a file belongs to, and which files a package has: for each package manager, and for databases made to harm."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from slimmer.image.language_packages import folder_of, site_of
from slimmer.image.package_files import PackageFiles
from slimmer.image.packages import Package
from slimmer.image.rpm_database import read_rpm
from slimmer.sandbox.sandbox import Sandbox
from slimmer.testing import LocalImage
from tests.unit.test_packages import rpm_database
from tests.unit.tree_maker import make_tree
from tests.work import work_of_at_most

LIBC = Package("deb", "libc6", "2.36")
FLASK = Package("python", "Flask", "3.1")
SITE = "/srv/venv/lib/python3.12/site-packages"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    return LocalImage(tmp_path / "image")


def known(image: LocalImage) -> PackageFiles:
    return PackageFiles(image.tree(), image.stream, Sandbox())


def debian(image: LocalImage) -> None:
    """A merged /usr, where dpkg still lists the old places."""
    image.link("/lib", "usr/lib")
    image.add("/usr/lib/libc.so.6")
    image.add("/usr/share/doc/libc6/copyright")
    image.add("/usr/lib/other")
    image.add("/var/lib/dpkg/status", "Package: libc6\nStatus: install ok installed\nVersion: 2.36\n")
    image.add(
        "/var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib\n/lib/libc.so.6\n/usr/share/doc/libc6/copyright\n/gone\n"
    )


def test_a_merged_sbin_is_a_link_in_usr(image: LocalImage) -> None:
    """As in Fedora 42 and Arch: /sbin leads to /usr/sbin, which leads to /usr/bin. Packages may list either."""
    image.link("/sbin", "usr/sbin")
    image.link("/usr/sbin", "bin")
    for name in ("ip", "route", "own"):
        image.add(f"/usr/bin/{name}")
    image.add("/var/lib/dpkg/status", "Package: net\nStatus: install ok installed\nVersion: 1\n")
    image.add("/var/lib/dpkg/info/net.list", "/sbin/ip\n/usr/sbin/route\n")
    found = known(image).owners(["/usr/bin/ip", "/usr/bin/route", "/usr/bin/own"])
    net = (Package("deb", "net", "1"),)
    assert found == {"/usr/bin/ip": net, "/usr/bin/route": net, "/usr/bin/own": ()}


def test_a_link_in_the_place_of_a_listed_folder_is_not_the_packages(image: LocalImage) -> None:
    """Many packages of Debian 12 list the folder /lib, which is a link. A link that a package lists as such is its own."""
    debian(image)
    image.link("/usr/lib/libown.so", "libc.so.6")
    listed = "/.\n/lib\n/lib/own\n/lib/own/gone\n/usr/lib/libown.so\n/usr/lib/libown.so.1\n"
    image.add("/var/lib/dpkg/status", "Package: own\nStatus: install ok installed\nVersion: 1\n")
    image.add("/var/lib/dpkg/info/own.list", listed)
    own = (Package("deb", "own", "1"),)
    assert known(image).owners(["/lib", "/usr/lib/libown.so"]) == {"/lib": (), "/usr/lib/libown.so": own}


def test_dpkg_lists_old_places_of_a_merged_usr_and_architectures_in_names(image: LocalImage) -> None:
    debian(image)
    paths = [
        "/usr/lib/libc.so.6",
        "/usr/lib/other",
        "/usr/share/doc/libc6/copyright",
        "/usr/share/doc/libc6",
        "/nowhere",
    ]
    assert known(image).owners(paths) == {
        "/usr/lib/libc.so.6": (LIBC,),
        "/usr/lib/other": (),
        "/usr/share/doc/libc6/copyright": (LIBC,),
        "/usr/share/doc/libc6": (),
        "/nowhere": (),
    }


def test_the_files_of_a_package_are_those_that_are_there(image: LocalImage) -> None:
    debian(image)
    packages = known(image)
    assert packages.named("libc6") == packages.named("deb:libc6") == (LIBC,)
    assert packages.named("rpm:libc6") == packages.named("libc") == ()
    assert {path for _, path in packages.files([LIBC])} == {
        "/lib",
        "/usr/lib/libc.so.6",
        "/usr/share/doc/libc6/copyright",
    }


def test_an_image_without_packages_costs_no_reading(image: LocalImage) -> None:
    image.add("/app")
    assert known(image).owners(["/app"]) == {"/app": ()}
    assert image.reads == []


def test_databases_are_read_once(image: LocalImage) -> None:
    debian(image)
    packages = known(image)
    for _ in range(3):
        packages.owners(["/usr/lib/libc.so.6"])
    assert len(image.reads) == len(set(image.reads)) == 2


def test_distroless_has_a_file_for_each_package_and_sums_instead_of_lists(image: LocalImage) -> None:
    image.add("/usr/share/zoneinfo/UTC")
    image.add("/var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a\n")
    image.add("/var/lib/dpkg/status.d/tzdata.md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/share/zoneinfo/UTC\n")
    assert known(image).owners(["/usr/share/zoneinfo/UTC"]) == {
        "/usr/share/zoneinfo/UTC": (Package("deb", "tzdata", "2024a"),)
    }


def test_a_name_with_a_dot_in_a_list_of_sums_keeps_it(image: LocalImage) -> None:
    for path in ("/.profile", "/usr/x"):
        image.add(path)
    image.add("/var/lib/dpkg/status.d/one", "Package: one\nVersion: 1\n")
    image.add("/var/lib/dpkg/status.d/one.md5sums", "0  ./.profile\n1  usr/x\n")
    one = (Package("deb", "one", "1"),)
    assert known(image).owners(["/.profile", "/usr/x"]) == {"/.profile": one, "/usr/x": one}


def test_apk_lists_folders_and_the_files_in_them(image: LocalImage) -> None:
    image.add("/lib/ld-musl.so")
    image.add("/init")
    image.add(
        "/lib/apk/db/installed", "P:musl\nV:1.2\nF:lib\nR:ld-musl.so\na:0:0:755\nF:\nR:init\n\nP:other\nV:1\nF:x\nR:y\n"
    )
    found = known(image).owners(["/lib/ld-musl.so", "/init"])
    assert set(found.values()) == {(Package("apk", "musl", "1.2"),)}


def rpm_header(name: str, folders: list[bytes], files: list[tuple[int, bytes]]) -> bytes:
    """A header with the three tags from which rpm makes paths."""
    data, entries = b"", []

    def put(tag: int, kind: int, values: list[bytes]) -> None:
        nonlocal data
        entries.append(struct.pack(">4L", tag, kind, len(data), len(values)))
        data += b"".join(values)

    for tag, text in ((1000, name), (1001, "1"), (1002, "2")):
        put(tag, 6, [text.encode() + b"\0"])
    put(1118, 8, [folder + b"\0" for folder in folders])
    put(1117, 8, [base + b"\0" for _, base in files])
    put(1116, 4, [struct.pack(">L", index) for index, _ in files])
    return struct.pack(">2L", len(entries), len(data)) + b"".join(entries) + data


def test_rpm_joins_folders_and_names(image: LocalImage, tmp_path: Path) -> None:
    image.add("/usr/bin/bash")
    image.add("/usr/share/doc/x")
    header = rpm_header("bash", [b"/usr/bin/", b"/usr/share/doc/"], [(0, b"bash"), (1, b"x")])
    image.add("/var/lib/rpm/rpmdb.sqlite", rpm_database(tmp_path / "db", header))
    bash = Package("rpm", "bash", "1-2")
    assert known(image).owners(["/usr/bin/bash", "/usr/share/doc/x"]) == {
        "/usr/bin/bash": (bash,),
        "/usr/share/doc/x": (bash,),
    }


def test_an_rpm_header_whose_folders_are_missing_is_refused_and_its_database_gives_nothing(
    image: LocalImage, tmp_path: Path
) -> None:
    content = rpm_database(tmp_path / "db", rpm_header("bash", [b"/usr/bin/"], [(1 << 31, b"bash")]))
    assert "folder" in read_rpm(content, 0, 0).problem
    image.add("/usr/bin/bash")
    image.add("/var/lib/rpm/rpmdb.sqlite", content)
    packages = known(image)
    assert packages.owners(["/usr/bin/bash"]) == {"/usr/bin/bash": ()}
    assert packages.unreadable == ("/var/lib/rpm/rpmdb.sqlite",)


def test_an_older_database_of_rpm_that_is_none_is_named_as_unreadable(image: LocalImage) -> None:
    image.add("/var/lib/rpm/Packages", b"\0" * 100)
    packages = known(image)
    packages.know_all()
    assert packages.unreadable == ("/var/lib/rpm/Packages",)


def python(image: LocalImage) -> None:
    image.add(f"{SITE}/flask/app.py")
    image.add(f"{SITE}/other/x.py")
    image.add("/srv/venv/bin/flask")
    record = 'flask/app.py,sha256=x,1\n../../../bin/flask,,\n"flask/a,b.py",,\n\0,,\n'
    image.add(f"{SITE}/flask/a,b.py")
    image.add(f"{SITE}/Flask-3.1.dist-info/RECORD", record)
    image.add(f"{SITE}/Flask-3.1.dist-info/METADATA", "Name: Flask\n")


def test_a_distribution_is_known_by_its_record(image: LocalImage) -> None:
    python(image)
    packages = known(image)
    found = packages.owners([f"{SITE}/flask/app.py", f"{SITE}/flask/a,b.py", f"{SITE}/other/x.py"])
    assert found == {f"{SITE}/flask/app.py": (FLASK,), f"{SITE}/flask/a,b.py": (FLASK,), f"{SITE}/other/x.py": ()}
    assert packages.named("flask") == packages.named("python:FLASK") == (FLASK,)
    assert {path for _, path in packages.files([FLASK])} == {
        f"{SITE}/flask/app.py", f"{SITE}/flask/a,b.py", "/srv/venv/bin/flask",
        f"{SITE}/Flask-3.1.dist-info/RECORD", f"{SITE}/Flask-3.1.dist-info/METADATA",
    }  # fmt: skip


def test_packages_that_are_folders_are_known_by_their_place_and_the_innermost_counts(image: LocalImage) -> None:
    for path in (
        "/app/node_modules/a/package.json", "/app/node_modules/a/index.js",
        "/app/node_modules/a/node_modules/@s/b/package.json", "/app/node_modules/a/node_modules/@s/b/lib/b.js",
        "/app/node_modules/.bin/a", "/app/node_modules/no-package/x.js",
        "/gems/specifications/rack-3.0.8.gemspec", "/gems/gems/rack-3.0.8/lib/rack.rb", "/gems/gems/fake-1.0/lib/fake.rb",
        "/app/vendor/composer/installed.json", "/app/vendor/monolog/monolog/src/Logger.php", "/app/vendor/autoload.php",
    ):  # fmt: skip
        image.add(path)
    packages = known(image)
    expected = {
        "/app/node_modules/a/index.js": (Package("node", "a", ""),),
        "/app/node_modules/a/node_modules/@s/b/lib/b.js": (Package("node", "@s/b", ""),),
        "/app/node_modules/.bin/a": (),
        "/app/node_modules/no-package/x.js": (),
        "/gems/gems/rack-3.0.8/lib/rack.rb": (Package("ruby", "rack", "3.0.8"),),
        "/gems/gems/fake-1.0/lib/fake.rb": (),
        "/app/vendor/monolog/monolog/src/Logger.php": (Package("php", "monolog/monolog", ""),),
        "/app/vendor/autoload.php": (),
    }
    assert packages.owners(expected) == expected
    a = packages.named("a")
    nested = {path for _, path in packages.files(a)}
    assert "/app/node_modules/a/node_modules/@s/b/lib/b.js" in nested
    assert "/app/node_modules/a/index.js" in nested
    assert "/app/node_modules/a/node_modules/@s/b/lib/b.js" not in {path for _, path in packages.files(a, nested=False)}


def test_names_that_are_not_utf8_have_owners(image: LocalImage) -> None:
    name = os.fsdecode(b"/srv/\xff\xfe")
    image.add(name)
    image.add("/var/lib/dpkg/info/odd.list", b"/srv/\xff\xfe\n")
    assert known(image).owners([name]) == {name: (Package("deb", "odd", ""),)}


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 5000, b"\n" * 100_000, os.urandom(20_000), b"/" * 100_000, b'"' * 200_000, b"a,b\r" * 9000]
)
def test_nonsense_is_no_list(image: LocalImage, content: bytes) -> None:
    for path in (
        "/var/lib/dpkg/status", "/var/lib/dpkg/info/x.list", "/var/lib/dpkg/status.d/y", "/var/lib/dpkg/status.d/y.md5sums",
        "/lib/apk/db/installed", "/var/lib/rpm/rpmdb.sqlite", f"{SITE}/x-1.dist-info/RECORD",
        f"{SITE}/y-1.egg-info/installed-files.txt",
    ):  # fmt: skip
        image.add(path, content)
    image.add(f"{SITE}/x/y.py")
    assert known(image).owners([f"{SITE}/x/y.py"]) == {f"{SITE}/x/y.py": ()}


@pytest.mark.parametrize("part", ["/node_modules", "/gems/a-1", "/vendor", "/site-packages", "/gems/" + "-1" * 1000])
def test_paths_made_to_make_a_pattern_work_hard_are_done_at_once(part: str) -> None:
    tree = make_tree("f /app")
    path = (part * 4000)[:4000] + "/x"
    with work_of_at_most(400):
        for _ in range(20):
            assert folder_of(tree, path) is None
            site_of(path)


def test_a_distributions_command_has_an_owner_once_all_are_known(image: LocalImage) -> None:
    python(image)
    packages = known(image)
    packages.know_all()
    assert packages.owners(["/srv/venv/bin/flask"]) == {"/srv/venv/bin/flask": (FLASK,)}


def test_lists_of_many_folders_that_are_missing_end_at_a_bound(
    image: LocalImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slimmer.image.package_table.FOLDERS_LIMIT", 1000)
    debian(image)
    lines = "".join(f"/missing/{number:0100}/file\n" for number in range(20))
    image.add("/var/lib/dpkg/info/libc6:amd64.list", lines + "/lib/libc.so.6\n")
    found = known(image)
    assert found.owners(["/usr/lib/libc.so.6"]) == {"/usr/lib/libc.so.6": ()}
    assert len(found.unreadable) == 1
