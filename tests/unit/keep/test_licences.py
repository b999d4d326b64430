"""Licence texts of packages with kept files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from slimmer.keep.core.licences import ANALYZER, is_licence_name
from slimmer.keep.selection import Selection
from slimmer.testing import LocalImage, run

SITE = "/usr/lib/python3/site-packages"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    return LocalImage(tmp_path / "image")


def kept(image: LocalImage, *start: str, licence_texts: bool = True) -> set[str]:
    """Return the files and links that are kept besides those that the test starts with."""
    context = dataclasses.replace(image.view(), selection=Selection(licences=licence_texts))
    keepset = run(ANALYZER, context, *start)
    return {e.path for e in context.tree if e.path in keepset and not e.is_directory} - set(start)


def debian(image: LocalImage) -> None:
    image.add("/usr/lib/libone.so")
    image.add("/usr/lib/libtwo.so")
    image.add("/usr/share/doc/one-common/copyright", "see /usr/share/common-licenses/GPL-2, or Apache-2.0.\n")
    image.link("/usr/share/doc/one", "one-common")
    image.add("/usr/share/doc/one-common/changelog.gz")
    image.add("/usr/share/doc/two/copyright")
    image.add("/usr/share/common-licenses/GPL-2")
    image.add("/usr/share/common-licenses/GPL-3")
    image.link("/usr/share/common-licenses/GPL", "GPL-3")
    image.add("/var/lib/dpkg/info/one.list", "/usr/lib/libone.so\n/usr/share/doc/one\n")
    image.add("/var/lib/dpkg/info/two.list", "/usr/lib/libtwo.so\n/usr/share/doc/two/copyright\n")


def test_debians_text_is_found_through_a_linked_folder_with_the_common_text_it_refers_to(image: LocalImage) -> None:
    debian(image)
    assert kept(image, "/usr/lib/libone.so") == {
        "/usr/share/doc/one", "/usr/share/doc/one-common/copyright", "/usr/share/common-licenses/GPL-2",
    }  # fmt: skip


def test_none_are_kept_when_the_user_says_so_and_nothing_is_read(image: LocalImage) -> None:
    debian(image)
    assert kept(image, "/usr/lib/libone.so", licence_texts=False) == set()
    assert image.reads == []


def test_folders_and_links_alone_have_no_licence(image: LocalImage) -> None:
    debian(image)
    image.link("/usr/lib/link.so", "libone.so")
    image.add("/var/lib/dpkg/info/dev.list", "/usr/lib/link.so\n")
    image.add("/usr/share/doc/dev/copyright")
    assert kept(image, "/usr/lib", "/usr/lib/link.so") == set()


def test_a_folder_for_licences_is_kept_whole(image: LocalImage) -> None:
    image.add("/usr/bin/tool")
    image.add("/usr/share/licenses/tool/BSD.txt")
    image.add("/lib/apk/db/installed", "P:tool\nV:1\nF:usr/bin\nR:tool\n")
    assert kept(image, "/usr/bin/tool") == {"/usr/share/licenses/tool/BSD.txt"}


def test_a_python_distribution_keeps_its_texts_and_its_name(image: LocalImage) -> None:
    info = f"{SITE}/pkg-1.dist-info"
    image.add(f"{SITE}/pkg/__init__.py")
    image.add(f"{info}/RECORD", "pkg/__init__.py,,\n")
    for name in ("METADATA", "licenses/docs/LICENSE.rst", "NOTICE", "entry_points.txt"):
        image.add(f"{info}/{name}")
    assert kept(image, f"{SITE}/pkg/__init__.py") == {
        f"{info}/METADATA", f"{info}/licenses/docs/LICENSE.rst", f"{info}/NOTICE",
    }  # fmt: skip


def test_a_distribution_without_texts_gets_no_folder_of_metadata(image: LocalImage) -> None:
    image.add(f"{SITE}/pkg/__init__.py")
    image.add(f"{SITE}/pkg-1.dist-info/RECORD", "pkg/__init__.py,,\n")
    image.add(f"{SITE}/pkg-1.dist-info/METADATA")
    assert kept(image, f"{SITE}/pkg/__init__.py") == set()


def test_each_copy_of_an_npm_package_has_its_own(image: LocalImage) -> None:
    for folder in ("/app/node_modules/a", "/app/node_modules/b/node_modules/a"):
        for name in ("package.json", "index.js", "LICENSE", "license.js", "lib/LICENSE"):
            image.add(f"{folder}/{name}")
    assert kept(image, "/app/node_modules/a/index.js") == {"/app/node_modules/a/LICENSE"}
    both = kept(image, "/app/node_modules/a/index.js", "/app/node_modules/b/node_modules/a/index.js")
    assert both == {"/app/node_modules/a/LICENSE", "/app/node_modules/b/node_modules/a/LICENSE"}


def test_a_huge_file_is_not_a_licence(image: LocalImage) -> None:
    image.add("/n/node_modules/a/package.json")
    image.add("/n/node_modules/a/index.js")
    image.add("/n/node_modules/a/LICENSE", b"x" * (1 << 20))
    assert kept(image, "/n/node_modules/a/index.js") == set()


@pytest.mark.parametrize(
    "name",
    [
        "LICENSE",
        "license.md",
        "LICENCE-MIT",
        "MIT-LICENSE.txt",
        "COPYING.LESSER",
        "NOTICE",
        "UNLICENSE",
        "Apache_License",
        "LICENSES",
    ],
)
def test_names_of_licences(name: str) -> None:
    assert is_licence_name(name)


@pytest.mark.parametrize(
    "name", ["license.py", "licenses.js", "noticeboard", "README", "relicense-tool" * 9, "license.rb"]
)
def test_other_names(name: str) -> None:
    assert not is_licence_name(name)
