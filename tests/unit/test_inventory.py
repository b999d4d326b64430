"""The inventory of an image: what its metadata says about packages, and which packages a path belongs to."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from slimmer.artifacts.package_file import package_document, record
from slimmer.image.installed import Installed
from slimmer.image.inventory import TEXT_LIMIT, Inventory, Ownership, merged, read_inventory
from slimmer.image.os_release import Release
from slimmer.image.package_files import PackageFiles
from slimmer.image.packages import PACKAGES_LIMIT, Package
from slimmer.image.purl import Origin, package_url
from slimmer.sandbox.sandbox import Sandbox
from slimmer.testing import LocalImage
from tests.unit.test_go_modules import MODINFO, build_info, program
from tests.unit.test_packages import rpm_database

STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.36-8)
Version: 2.36-9

Package: base
Status: install ok installed
Architecture: all
Version: 1

Package: gone
Status: deinstall ok config-files
Version: 1
"""


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    return LocalImage(tmp_path / "image")


def read(image: LocalImage) -> tuple[Inventory, PackageFiles]:
    tree, sandbox = image.tree(), Sandbox()
    packages = PackageFiles(tree, image.stream, sandbox)
    return read_inventory(tree, packages, image.stream, sandbox), packages


def named(image: LocalImage) -> dict[str, tuple[str, tuple[str, ...]]]:
    """The version and the licences of each package by its manager and name."""
    found, _ = read(image)
    return {f"{one.package.manager}:{one.package.name}": (one.package.version, one.licences) for one in found.packages}


def owned(image: LocalImage, *paths: str) -> dict[str, list[str]]:
    """The names of the packages that each path belongs to."""
    inventory, packages = read(image)
    ownership, owners = Ownership(inventory.packages), packages.owners(paths)
    return {path: [one.package.name for one in ownership.of(path, owners[path])] for path in paths}


def debian(image: LocalImage) -> None:
    image.link("/etc/os-release", "../usr/lib/os-release")
    image.add("/usr/lib/os-release", 'ID=debian\nVERSION_ID="12"\n')
    image.add("/var/lib/dpkg/status", STATUS)
    image.add("/var/lib/dpkg/info/libc6:amd64.list", "/usr/lib/libc.so.6\n")
    image.add("/usr/lib/libc.so.6")
    image.add("/usr/share/doc/libc6/copyright", "Format: copyright-format\n\nFiles: *\nLicense: LGPL-2.1+\n")


def test_dpkg_knows_the_architecture_and_the_source(image: LocalImage) -> None:
    debian(image)
    inventory, _ = read(image)
    assert inventory.release == Release("debian", "12")
    assert named(image) == {"deb:libc6": ("2.36-9", ("LGPL-2.1-or-later",)), "deb:base": ("1", ())}
    [libc] = [one for one in inventory.packages if one.package.name == "libc6"]
    assert libc.origin == Origin("amd64", source="glibc@2.36-8")
    expected = "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc%402.36-8"
    assert package_url(libc.package, inventory.release, libc.origin) == expected
    assert owned(image, "/usr/lib/libc.so.6") == {"/usr/lib/libc.so.6": ["libc6"]}


def test_apk_knows_the_licence(image: LocalImage) -> None:
    image.add(
        "/lib/apk/db/installed", "P:musl\nV:1.2-r0\nA:x86_64\nL:MIT AND BSD-2-Clause\no:musl-src\nF:lib\nR:x.so\n\n"
    )
    [musl] = read(image)[0].packages
    assert (musl.package, musl.licences) == (Package("apk", "musl", "1.2-r0"), ("MIT AND BSD-2-Clause",))
    assert musl.origin == Origin("x86_64", source="musl-src")


def rpm_header(fields: dict[int, bytes | int]) -> bytes:
    data, entries = b"", []
    for tag, value in fields.items():
        data += bytes(-len(data) % 4) if isinstance(value, int) else b""
        entries.append(struct.pack(">4L", tag, 4 if isinstance(value, int) else 6, len(data), 1))
        data += struct.pack(">L", value) if isinstance(value, int) else value + b"\0"
    return struct.pack(">2L", len(entries), len(data)) + b"".join(entries) + data


def test_rpm_knows_the_epoch_the_source_and_the_licence(image: LocalImage, tmp_path: Path) -> None:
    header = rpm_header(
        {
            1000: b"bash",
            1001: b"5",
            1002: b"1",
            1003: 3,
            1014: b"GPL-3.0-or-later",
            1022: b"x86_64",
            1044: b"bash.src.rpm",
        }
    )
    image.add("/var/lib/rpm/rpmdb.sqlite", rpm_database(tmp_path / "db", header))
    [bash] = read(image)[0].packages
    assert (bash.package, bash.licences) == (Package("rpm", "bash", "5-1"), ("GPL-3.0-or-later",))
    assert bash.origin == Origin("x86_64", "3", "bash.src.rpm")


def test_packages_of_languages_say_their_versions_and_licences(image: LocalImage) -> None:
    site = "/usr/lib/python3/dist-packages"
    image.add(f"{site}/Foo-1.0.dist-info/METADATA", "Name: Foo\nVersion: 1.0\nLicense: MIT\n")
    image.add("/app/node_modules/@a/b/package.json", json.dumps({"name": "@a/b", "version": "2", "license": "ISC"}))
    image.add("/app/package.json", json.dumps({"name": "shop"}))
    gems = "/usr/lib/ruby/gems/3.1.0"
    image.add(f"{gems}/specifications/rake-13.0.6.gemspec", 's.licenses = ["MIT".freeze]\n')
    image.add(f"{gems}/gems/rake-13.0.6/lib/rake.rb")
    image.add(f"{gems}/specifications/default/json-2.6.gemspec", "")
    installed = {"packages": [{"name": "x/y", "version": "3", "license": ["BSD-3-Clause"]}]}
    image.add("/app/vendor/composer/installed.json", json.dumps(installed))
    image.add("/app/vendor/x/y/src.php")
    image.add("/weather", program(bytes(8) + build_info(MODINFO)) + bytes(1 << 16), mode=0o755)
    assert named(image) == {
        "python:Foo": ("1.0", ("MIT",)),
        "node:@a/b": ("2", ("ISC",)),
        "node:shop": ("", ()),
        "ruby:rake": ("13.0.6", ("MIT",)),
        "ruby:json": ("2.6", ()),
        "php:x/y": ("3", ("BSD-3-Clause",)),
        "go:example.org/app": ("(devel)", ()),
        "go:github.com/BurntSushi/toml": ("v1.3.2", ()),
        "go:github.com/new/name": ("v1.1.0", ()),
        "go:example.org/local": ("v0.0.0", ()),
        "go:stdlib": ("go1.21.5", ()),
    }
    assert owned(image, f"{gems}/gems/rake-13.0.6/lib/rake.rb", f"{gems}/specifications/rake-13.0.6.gemspec") == {
        f"{gems}/gems/rake-13.0.6/lib/rake.rb": ["rake"],
        f"{gems}/specifications/rake-13.0.6.gemspec": ["rake"],
    }
    assert owned(image, "/app/vendor/x/y/src.php")["/app/vendor/x/y/src.php"] == ["x/y"]
    assert len(owned(image, "/weather")["/weather"]) == 5


def test_python_packages_are_found_in_every_form_that_pip_and_setuptools_left(
    image: LocalImage, tmp_path: Path
) -> None:
    text = "Metadata-Version: 1.1\nName: {}\nVersion: {}\nLicense: MIT\n"
    site = "/usr/lib/python3/dist-packages"
    image.add(f"{site}/Old-1.0-py3.11.egg-info/PKG-INFO", text.format("Old", "1.0"))
    image.add(f"{site}/Flat-2.0.egg-info", text.format("Flat", "2.0"))
    image.add(f"{site}/Bare.egg-info/PKG-INFO", text.format("Bare", "3.0"))
    image.add("/app/shop.egg-info/PKG-INFO", text.format("shop", "0.1"))
    image.add("/deps/flask-3.0.dist-info/METADATA", text.format("flask", "3.0"))
    image.add("/deps/empty-1.dist-info/METADATA", "")
    image.add("/deps/hostile.egg-info", "Name: a\x1b[1m\nVersion: 1\n")
    found = {name: found for name, found in named(image).items() if name != "python:empty"}
    assert found == {
        "python:Old": ("1.0", ("MIT",)),
        "python:Flat": ("2.0", ("MIT",)),
        "python:Bare": ("3.0", ("MIT",)),
        "python:shop": ("0.1", ("MIT",)),
        "python:flask": ("3.0", ("MIT",)),
    }
    assert owned(image, "/app/shop.egg-info/PKG-INFO")["/app/shop.egg-info/PKG-INFO"] == ["shop"]
    assert syft_finds(image) == {name.partition(":")[2].lower() for name in found}


def syft_finds(image: LocalImage) -> set[str]:
    """The names of the packages that Syft finds in the image's folder."""
    done = subprocess.run(
        [Path(sys.executable).with_name("syft"), "scan", "--quiet", "--output", "json", f"dir:{image.root}"],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return {one["name"] for one in json.loads(done.stdout)["artifacts"] if one["name"].isprintable()}


def test_versions_of_one_package_in_nested_folders_are_told_apart(image: LocalImage) -> None:
    for folder, version in (("/app/node_modules/debug", "4"), ("/app/node_modules/x/node_modules/debug", "2")):
        image.add(f"{folder}/package.json", json.dumps({"name": "debug", "version": version}))
        image.add(f"{folder}/src/index.js")
    inventory, packages = read(image)
    ownership = Ownership(inventory.packages)
    paths = ["/app/node_modules/debug/src/index.js", "/app/node_modules/x/node_modules/debug/src/index.js"]
    owners = packages.owners(paths)
    assert [[one.package.version for one in ownership.of(path, owners[path])] for path in paths] == [["4"], ["2"]]


def test_a_package_without_readable_metadata_counts_by_its_folder(image: LocalImage) -> None:
    image.add("/app/node_modules/broken/package.json", "{")
    image.add("/app/node_modules/broken/index.js")
    assert named(image) == {"node:broken": ("", ())}
    assert owned(image, "/app/node_modules/broken/index.js") == {"/app/node_modules/broken/index.js": ["broken"]}


def test_a_program_of_a_system_package_is_not_searched_for_modules(image: LocalImage) -> None:
    debian(image)
    image.add("/var/lib/dpkg/info/base.list", "/usr/bin/app\n")
    image.add("/usr/bin/app", program(bytes(8) + build_info(MODINFO)) + bytes(1 << 16), mode=0o755)
    assert {name.partition(":")[0] for name in named(image)} == {"deb"}
    assert "/usr/bin/app" not in image.reads


def test_an_image_without_packages_has_an_empty_inventory(image: LocalImage) -> None:
    image.add("/bin/sh", "#!/bin/sh\n", mode=0o755)
    assert read(image)[0] == Inventory()


def test_databases_and_metadata_that_lie_or_are_cut_harm_nothing(image: LocalImage) -> None:
    image.add(
        "/var/lib/dpkg/status",
        b"Package: \xff\nArchitecture: a\x1bb\nSource: (((\nStatus: x installed\n\nPackage: a/b\n",
    )
    image.add("/usr/share/doc/a/b/copyright", "Format: dep5\n\nFiles: *\nLicense: stolen\n")
    image.add("/lib/apk/db/installed", b"P:" + b"x" * 300 + b"\nV:1\n\n")
    image.add("/etc/os-release", b"ID=../../etc\nVERSION_ID=\x00\n")
    image.add("/d/package.json", b"[" * 100_000)
    image.add("/e\nf/package.json", json.dumps({"name": "line\nbreak", "version": "\x1b[1m"}))
    image.add("/g/package.json", json.dumps({"name": "fine", "version": "1"}))
    inventory, _ = read(image)
    assert inventory.release == Release()
    assert [(one.package.manager, one.package.name, one.licences) for one in inventory.packages] == [
        ("deb", "a/b", ()),
        ("deb", "�", ()),
        ("node", "fine", ()),
    ]


def test_a_path_may_have_two_thousand_parts() -> None:
    ownership = Ownership(())
    assert list(ownership.of("/a" * 2000, ())) == []


def test_an_inventory_is_bounded() -> None:
    many = (
        Installed(Package("node", f"{number}é" * 40, "1"), (f"/{number}" + "/d" * 2000,)) for number in range(10_000)
    )
    found = merged(many)
    assert 0 < len(found) < 10_000
    assert len(json.dumps([[one.package.name, one.places] for one in found])) < TEXT_LIMIT + 100_000
    few = (Installed(Package("go", str(number), "1"), ("/app",)) for number in range(PACKAGES_LIMIT + 5))
    assert len(merged(few)) == PACKAGES_LIMIT


def test_a_file_that_is_too_large_is_told(image: LocalImage, tmp_path: Path) -> None:
    """Sparse files cost the image nothing, and would push out what comes after them."""
    for name in ("one.jar", "two.jar", "one.dist-info/METADATA", "two.dist-info/METADATA"):
        image.add(f"/srv/{name}")
    os.truncate(image.root / "srv/one.jar", 1 << 27)
    os.truncate(image.root / "srv/one.dist-info/METADATA", 1 << 29)
    inventory, packages = read(image)
    assert inventory.left_out == 2
    assert inventory.warning.startswith("packages may be missing: 2 files with their metadata")
    document = package_document(image.tree(), packages, "sha256:1", inventory)
    assert record(json.loads(json.dumps(document)), image.tree()).inventory.warning == inventory.warning


def test_nothing_is_told_if_all_files_were_read(image: LocalImage) -> None:
    debian(image)
    assert read(image)[0].warning == ""


@pytest.mark.parametrize("name", [b"nul\0byte", b"\xff\xfe", b"\xed\xa0\x80", b"a b", b"\x1b[1m"])
def test_any_package_can_be_written_and_read_back(image: LocalImage, name: bytes) -> None:
    image.add("/var/lib/dpkg/status", b"Package: %s\nVersion: %s\nArchitecture: %s\n" % (name, name, name))
    image.add("/lib/apk/db/installed", b"P:%s\nV:%s\nL:%s\nF:d\nR:f\n\n" % (name, name, name))
    image.add("/d/f")
    inventory, packages = read(image)
    document = package_document(image.tree(), packages, "sha256:1", inventory, "2024-01-01T00:00:00Z")
    found = record(json.loads(json.dumps(document)), image.tree())
    assert found.inventory == inventory
    assert [one.package.manager for one in inventory.packages] == ["apk", "deb"]
    assert found.files[inventory.packages[0].package] == 1
    assert found.created == "2024-01-01T00:00:00Z"
