"""Interpreters that the first lines of executable files name."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep import first_lines
from slimmer.keep.core.interpreters import interpreters
from slimmer.keep.keepset import Reason
from tests.unit.local_image import LocalImage, followed

CONFIG = ImageConfig("sha256:1", "amd64", "linux", env=("PATH=/opt/bin:/usr/bin",))


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path)
    for path in ("/usr/bin/env", "/usr/bin/python3.11", "/opt/bin/python3", "/usr/bin/sh"):
        image.add(path, "\x7fELF", mode=0o755)
    image.link("/usr/bin/python3", "python3.11")
    image.add("/opt/bin/perl", "not executable")
    image.add("/usr/bin/perl", "\x7fELF", mode=0o755)
    image.link("/bin", "usr/bin")
    return image


def kept(image: LocalImage, content: str, *, mode: int = 0o755) -> set[str]:
    image.add("/srv/run", content, mode=mode)
    builder = followed(image.context(config=CONFIG), interpreters, "/srv/run")
    return {entry.path for entry in image.tree() if entry.path in builder and not entry.is_directory} - {"/srv/run"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("#!/bin/sh -e\n", {"/bin", "/usr/bin/sh"}),
        ("#! /usr/bin/python3\n", {"/usr/bin/python3", "/usr/bin/python3.11"}),
        ("#!/usr/bin/env python3\n", {"/usr/bin/env", "/opt/bin/python3", "/usr/bin/python3", "/usr/bin/python3.11"}),
        ("#!/usr/bin/env -S A=b perl -w\n", {"/usr/bin/env", "/usr/bin/perl"}),
        ("#!/usr/bin/env /usr/bin/perl\n", {"/usr/bin/env", "/usr/bin/perl"}),
        ("#!/usr/bin/env -i\n", {"/usr/bin/env"}),
        ("#!/usr/bin/absent\n", set()),
        ("#!\n", set()),
        ("#!/" + "x" * 300 + "/usr/bin/sh\n", set()),
        ("echo /usr/bin/sh\n", set()),
        ("#!", set()),
    ],
)
def test_interpreters_of_first_lines(image: LocalImage, content: str, expected: set[str]) -> None:
    assert kept(image, content) == expected


def test_the_reason_names_the_script(image: LocalImage) -> None:
    image.add("/srv/run", "#!/usr/bin/sh\n", mode=0o755)
    builder = followed(image.context(config=CONFIG), interpreters, "/srv/run")
    assert builder.reasons("/usr/bin/sh") == (Reason("interpreter", "runs /srv/run", "/srv/run"),)


def test_files_that_nobody_may_execute_are_not_read(image: LocalImage) -> None:
    assert kept(image, "#!/usr/bin/sh\n", mode=0o644) == set()
    assert image.reads == []


def test_large_files_are_programs(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_lines, "SCRIPT_LIMIT", 10)
    assert kept(image, "#!/usr/bin/sh\n") == set()
    assert image.reads == []


def test_samples_need_no_interpreter(image: LocalImage) -> None:
    """As git's own hooks: some are written in Perl, and none of them runs under this name."""
    image.add("/srv/hooks/pre-push.sample", "#!/usr/bin/perl\n", mode=0o755)
    assert "/usr/bin/perl" not in followed(image.context(config=CONFIG), interpreters, "/srv/hooks/pre-push.sample")
