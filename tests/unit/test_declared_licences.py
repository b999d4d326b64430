"""The licences that packages declare, in each form that package managers have, and in texts that were made to harm."""

from __future__ import annotations

import json
import os

import pytest

from slimmer.image.declared_licences import (
    LENGTH,
    MOST,
    bounded,
    copyright_licences,
    gemspec_licences,
    metadata_fields,
)
from slimmer.image.json_metadata import Described, read_installed_json, read_package_json
from tests.work import work_of_at_most

DEP5 = b"""Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: x
License: not-of-the-files

Files: *
Copyright: somebody
License: GPL-2+ or Expat

Files: debian/*
License: LGPL-2.1

License: LGPL-2.1
 On Debian systems, the text is in
 License: not-a-field

License: custom-thing
"""


def test_a_machine_readable_copyright_file_names_the_licences_of_the_files() -> None:
    assert copyright_licences(DEP5) == ("GPL-2.0-or-later OR MIT", "LGPL-2.1-only", "custom-thing")


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("GPL-2", "GPL-2.0-only"),
        ("GPL-3+", "GPL-3.0-or-later"),
        ("LGPL-2.0+", "LGPL-2.0-or-later"),
        ("AGPL-3", "AGPL-3.0-only"),
        ("GFDL-1.3+", "GFDL-1.3-or-later"),
        ("BSD-3-clause and zlib", "BSD-3-Clause AND Zlib"),
        ("Apache-2.0", "Apache-2.0"),
        ("GPL", "GPL"),
        ("public-domain", "public-domain"),
    ],
)
def test_short_names_of_debian_get_their_identifiers(name: str, identifier: str) -> None:
    text = f"Format: http://dep.debian.net/deps/dep5\n\nFiles: *\nLicense: {name}\n"
    assert copyright_licences(text.encode()) == (identifier,)


@pytest.mark.parametrize(
    "content", [b"", b"License: MIT\n", b"This package was debianized by\n\nLicense: GPL-2\n", os.urandom(999)]
)
def test_a_copyright_file_in_prose_names_none(content: bytes) -> None:
    assert copyright_licences(content) == ()


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: something else\n", "MIT OR Apache-2.0"),
        ("License: BSD 3-Clause License\n", "BSD 3-Clause License"),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License\n", "MIT License"),
        ("License: Copyright (c) somebody\n Permission is granted\n", ""),
        ("Name: y\n\nLicense: in the description\n", ""),
        ("", ""),
    ],
)
def test_python_metadata_has_an_expression_a_licence_or_classifiers(text: str, licence: str) -> None:
    assert metadata_fields(f"Name: X\nVersion: 1\n{text}".encode()) == {"Name": "X", "Version": "1", "License": licence}


@pytest.mark.parametrize(
    ("line", "licences"),
    [
        ('s.licenses = ["MIT".freeze, "Ruby".freeze]', ("MIT", "Ruby")),
        ("spec.license = 'BSD-2-Clause'", ("BSD-2-Clause",)),
        ('s.licenses = ["a#{system(1)}"]', ()),
        ("s.licenses = File.read('x')", ("x",)),
        ("s.licensee = 'x'", ()),
    ],
)
def test_a_gemspec_has_one_licence_or_several(line: str, licences: tuple[str, ...]) -> None:
    assert gemspec_licences(f"Gem::Specification.new do |s|\n  {line}\nend\n".encode()) == licences


@pytest.mark.parametrize(
    ("package", "licences"),
    [
        ({"license": "MIT"}, ("MIT",)),
        ({"license": {"type": "ISC", "url": "x"}}, ("ISC",)),
        ({"licenses": [{"type": "MIT"}, {"type": "Apache-2.0"}, 7]}, ("MIT", "Apache-2.0")),
        ({"license": ["MIT", "GPL-2.0-only"]}, ("MIT", "GPL-2.0-only")),
        ({"license": 5}, ()),
        ({"license": "x" * (LENGTH + 1)}, ()),
        ({"license": "esc\x1b[1m"}, ()),
        ({}, ()),
    ],
)
def test_a_package_json_has_its_licence_in_one_of_three_forms(package: object, licences: tuple[str, ...]) -> None:
    content = json.dumps({"name": "x", "version": "1", **package}).encode()  # type: ignore[dict-item]
    assert read_package_json(content).packages == (Described("x", "1", licences),)


@pytest.mark.parametrize("content", [b"[]", b'"x"', b"{}", b'{"name": 5}', b'{"name": "a\\nb", "version": "1"}'])
def test_a_package_json_without_a_name_describes_nothing(content: bytes) -> None:
    assert read_package_json(content).packages == ()


@pytest.mark.parametrize("wrap", [lambda packages: packages, lambda packages: {"packages": packages, "dev": True}])
def test_composer_lists_packages_in_two_forms(wrap: object) -> None:
    packages = [{"name": "a/b", "version": "1.0", "license": ["MIT"]}, {"version": "2"}, 5]
    content = json.dumps(wrap(packages)).encode()  # type: ignore[operator]
    assert read_installed_json(content).packages == (Described("a/b", "1.0", ("MIT",)),)


def test_names_are_short_printable_and_few() -> None:
    assert bounded(["a\n b", "a b", "", "\x1b[1m", "x" * 1000]) == ("a b",)
    assert len(bounded(map(str, range(1000)))) == MOST


@pytest.mark.parametrize(
    "content",
    [
        b"Format: dep5\nFiles: *\n" + b"License: x\n" * 20_000,
        b"Format: dep5\nFiles: *\nLicense:" + b" " * 250_000,
        b"Format:" + b" " * 250_000,
        b"s.licenses = [" * 15_000,
        b's.licenses = ["' + b"x" * 250_000,
        b" " * 250_000,
        b"\n" * 60_000,
        b"License: x\n " * 20_000,
    ],
)
def test_hostile_texts_cost_little(content: bytes) -> None:
    with work_of_at_most(100):
        copyright_licences(content)
        gemspec_licences(content)
        metadata_fields(content)
