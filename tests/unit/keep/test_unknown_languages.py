"""Sources of languages that no analyzer follows stay, and the user is warned."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.apps import unknown_languages as rule
from slimmer.keep.apps.unknown_languages import ANALYZER
from slimmer.keep.image_view import ImageView
from slimmer.testing import LocalImage, by_rule, opened, run
from slimmer.unproven import Kind

TCL = "/usr/bin/tclsh8.6"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    return LocalImage(tmp_path)


def kept(view: ImageView) -> set[str]:
    return by_rule(run(ANALYZER, view), rule.RULE)


def test_the_sources_of_the_app_and_of_the_library_stay(image: LocalImage) -> None:
    for path in ("main", "lib/a", "lib/late"):
        image.add(f"/srv/shop/{path}.tcl", "x")
    for path in (
        "/usr/share/tcltk/init.tcl",
        "/usr/share/tcltk/late.tcl",
        "/usr/share/other/x.tcl",
        "/srv/other/x.tcl",
        "/srv/shop/x.txt",
    ):
        image.add(path, "x")
    view = image.view(
        *(opened(path, by=TCL) for path in ("/srv/shop/main.tcl", "/srv/shop/lib/a.tcl", "/usr/share/tcltk/init.tcl"))
    )
    shop = {f"/srv/shop/{path}.tcl" for path in ("main", "lib/a", "lib/late")}
    assert kept(view) == {*shop, "/usr/share/tcltk/init.tcl", "/usr/share/tcltk/late.tcl"}


def test_the_build_names_the_program_and_the_kinds_of_files(image: LocalImage) -> None:
    for name in ("a.tcl", "b.tcl"):
        image.add(f"/srv/shop/{name}")
    view = image.view(*(opened(f"/srv/shop/{name}", by=TCL) for name in ("a.tcl", "b.tcl")))
    kept(view)
    (item,) = view.unproven
    assert (item.kind, item.name) == (Kind.LANGUAGE, TCL)
    assert item.what.startswith("slimmer has no rule for its .tcl files")
    assert "--include" in item.remedy


def test_a_suffix_that_the_command_names_is_a_language(image: LocalImage) -> None:
    for name in ("a.foo", "b.foo", "c.foo"):
        image.add(f"/srv/shop/{name}")
    accesses = [opened(f"/srv/shop/{name}", by="/usr/bin/foo") for name in ("a.foo", "b.foo")]
    view = image.view(*accesses)
    assert ANALYZER.start(view) is None and not list(view.unproven)
    config = ImageConfig("sha256:1", "amd64", "linux", cmd=("foo", "/srv/shop/a.foo"))
    assert kept(image.view(*accesses, config=config)) == {f"/srv/shop/{name}" for name in ("a.foo", "b.foo", "c.foo")}


@pytest.mark.parametrize("suffix", [".py", ".js", ".json", ".conf", ".so", ".png", ""])
def test_known_languages_and_data_do_not_count(image: LocalImage, suffix: str) -> None:
    for name in "abc":
        image.add(f"/srv/shop/{name}{suffix}")
    accesses = [opened(f"/srv/shop/{name}{suffix}", by="/usr/bin/foo") for name in "ab"]
    config = ImageConfig("sha256:1", "amd64", "linux", cmd=("foo", f"/srv/shop/a{suffix}"))
    assert ANALYZER.start(image.view(*accesses, config=config)) is None


def test_words_of_the_command_that_are_no_files_name_no_language(image: LocalImage) -> None:
    for name in ("a.0", "b.0"):
        image.add(f"/var/lib/db/{name}")
    config = ImageConfig("sha256:1", "amd64", "linux", cmd=("server", "--bind=0.0.0.0", "--data=x.0", "a.0"))
    accesses = [opened(f"/var/lib/db/{name}") for name in ("a.0", "b.0")]
    assert ANALYZER.start(image.view(*accesses, config=config)) is None


def test_a_single_file_is_no_language(image: LocalImage) -> None:
    image.add("/srv/shop/a.tcl")
    assert ANALYZER.start(image.view(opened("/srv/shop/a.tcl"))) is None


def test_too_many_sources_and_too_many_paths_add_nothing(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(9):
        image.add(f"/srv/shop/{number}.tcl")
    view = image.view(opened("/srv/shop/1.tcl"), opened("/srv/shop/2.tcl"))
    monkeypatch.setattr(rule, "FOLDER_FILES", 5)
    assert not kept(view)
    monkeypatch.setattr(rule, "FOLDER_FILES", 50)
    monkeypatch.setattr(rule, "LOOKED_AT", 5)
    assert not kept(view)
