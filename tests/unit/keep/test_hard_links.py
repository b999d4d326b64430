"""Other names of a program that is in use."""

from __future__ import annotations

import os
from pathlib import Path

from slimmer.keep.core import hard_links
from slimmer.testing import LocalImage, by_rule, opened, run


def test_the_hard_links_of_a_program_in_its_folder_are_kept(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    for name, mode in (("slapd", 0o755), ("data", 0o644), ("sudo", 0o4755), ("idle", 0o755)):
        image.add(f"/usr/sbin/{name}", name, mode=mode)
    for name, other in (
        ("slapd", "sbin/slapcat"),
        ("slapd", "lib/slapd"),
        ("data", "sbin/more"),
        ("sudo", "sbin/sudoedit"),
        ("idle", "sbin/also"),
    ):
        (tmp_path / "usr" / other).parent.mkdir(exist_ok=True)
        os.link(tmp_path / "usr/sbin" / name, tmp_path / "usr" / other)
    view = image.view(*(opened(f"/usr/sbin/{name}") for name in ("slapd", "data", "sudo")))
    assert by_rule(run(hard_links.ANALYZER, view), "hard-link") == {"/usr/sbin/slapcat"}
