"""Files that another value of one of the image's variables chooses stay, with the modules that they load."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.apps import environment_choices as rule
from slimmer.keep.apps.environment_choices import ANALYZER
from slimmer.testing import LocalImage, by_rule, opened, run
from tests.unit.elf_maker import make_elf

MODULES = "/etc/httpd/mods-available"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    found = LocalImage(tmp_path)
    for name in ("rewrite", "headers", "expires", "deflate"):
        found.add(f"{MODULES}/{name}.load", f"LoadModule {name}_module /usr/lib/httpd/modules/mod_{name}.so\n")
        found.add(f"/usr/lib/httpd/modules/mod_{name}.so", make_elf())
    found.add(f"{MODULES}/deflate.conf", "x")
    found.add(f"{MODULES}/README", "x")
    return found


def kept(image: LocalImage, *paths: str, env: str = "EXTENSIONS=rewrite headers") -> set[str]:
    config = ImageConfig("sha256:1", "amd64", "linux", env=(env,))
    return by_rule(run(ANALYZER, image.view(*(opened(path) for path in paths), config=config)), rule.RULE)


def test_the_other_entries_stay_with_what_they_load(image: LocalImage) -> None:
    found = kept(image, f"{MODULES}/rewrite.load")
    assert {f"{MODULES}/{name}.load" for name in ("rewrite", "headers", "expires", "deflate")} <= found
    assert {f"{MODULES}/deflate.conf", "/usr/lib/httpd/modules/mod_expires.so"} <= found
    assert f"{MODULES}/README" not in found


def test_relative_names_of_modules(image: LocalImage) -> None:
    for name in ("gd", "intl"):
        image.add(f"/etc/php/mods-available/{name}.ini", f"extension={name}.so\n")
        image.add(f"/usr/lib/php/2022/{name}.so", make_elf())
    found = kept(image, "/etc/php/mods-available/gd.ini", "/usr/lib/php/2022/gd.so", env="PHP_EXTENSIONS=gd")
    assert {"/etc/php/mods-available/intl.ini", "/usr/lib/php/2022/intl.so"} <= found


@pytest.mark.parametrize("env", ["EXTENSIONS=other", "EXTENSIONS=", "PATH=rewrite", "X=true"])
def test_values_that_chose_nothing(image: LocalImage, env: str) -> None:
    config = ImageConfig("sha256:1", "amd64", "linux", env=(env,))
    assert ANALYZER.start(image.view(opened(f"{MODULES}/rewrite.load"), config=config)) is None


@pytest.mark.parametrize("folder", ["/usr/lib", "/usr/share", "/etc", "/tmp/x", "/srv/app/node_modules/x"])
def test_crowded_folders_and_packages_are_left_out(image: LocalImage, folder: str) -> None:
    for name in ("rewrite.conf", "expires.conf"):
        image.add(f"{folder}/{name}", "x")
    assert not kept(image, f"{folder}/rewrite.conf")


def test_large_files_and_too_many_add_nothing(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    image.add(f"{MODULES}/large.load", "x" * (rule.FILE_BYTES + 1))
    assert f"{MODULES}/large.load" not in kept(image, f"{MODULES}/rewrite.load")
    monkeypatch.setattr(rule, "FILES", 2)
    assert not kept(image, f"{MODULES}/rewrite.load")
