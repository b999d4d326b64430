"""The user's choice: paths, commands with their libraries, packages, a shell; excluded paths; and choices that the image lacks."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from slimmer.errors import UsageError
from slimmer.image.config import ImageConfig
from slimmer.keep.analyzer import Policy
from slimmer.keep.keeper import check_selection, keep
from slimmer.keep.keepset import KeepSet
from slimmer.keep.selection import Selection
from slimmer.observe.log import Access
from slimmer.testing import LocalImage, opened
from tests.unit.elf_maker import make_elf

CONFIG = ImageConfig("sha256:1", "amd64", "linux", env=("PATH=/opt/bin:/usr/bin",))


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    local = LocalImage(tmp_path / "image")
    local.add("/app", mode=0o755)
    return local


def kept(image: LocalImage, *accesses: Access, policy: Policy = Policy.OBSERVED, **selection: object) -> KeepSet:
    context = image.view(opened("/app", operation="exec"), *accesses, config=CONFIG)
    chosen = Selection(**selection)  # type: ignore[arg-type]
    return keep(dataclasses.replace(context, selection=chosen), policy)


def refusal(image: LocalImage, **selection: object) -> UsageError:
    """Return the error of the check that a build makes before it runs the app."""
    context = dataclasses.replace(image.view(config=CONFIG), selection=Selection(**selection))  # type: ignore[arg-type]
    with pytest.raises(UsageError) as caught:
        check_selection(context)
    return caught.value


def test_included_paths_are_kept_with_what_leads_to_them(image: LocalImage) -> None:
    image.add("/srv/t/a.html")
    image.add("/srv/t/b.txt")
    image.link("/srv/t/link.html", "/data/real")
    image.add("/data/real")
    result = kept(image, include=("/srv/**/*.html",))
    assert {"/srv/t/a.html", "/srv/t/link.html", "/data/real"} <= set(result)
    assert "/srv/t/b.txt" not in result
    assert str(result.reasons["/srv/t/a.html"][0]) == "chosen: --include /srv/**/*.html"


def test_a_folder_that_is_a_link_is_included_with_its_contents(image: LocalImage) -> None:
    image.link("/current", "/releases/7")
    image.add("/releases/7/x/y")
    assert {"/current", "/releases/7/x/y"} <= set(kept(image, include=("/current",)))


def test_an_include_that_matches_nothing_suggests_what_was_meant(image: LocalImage) -> None:
    image.add("/srv/templates/index.html")
    error = refusal(image, include=("/srv/template/index.html",))
    assert "/srv/template/index.html" in error.message
    assert "/srv/templates/index.html" in error.hint


def test_an_exclude_beats_every_rule_and_is_remembered_with_what_it_took(image: LocalImage) -> None:
    image.add("/srv/data/secret")
    image.add("/srv/data/open")
    image.add("/srv/other")
    result = kept(
        image,
        opened("/srv/data/secret"),
        opened("/srv/data/open"),
        exclude=("/srv/data/*", "!/srv/data/open"),
        include=("/srv/data/secret",),
    )
    assert "/srv/data/open" in result
    assert "/srv/data/secret" not in result
    assert set(result.excluded) == {"/srv/data/secret"}


def test_an_exclude_that_is_no_pattern_is_refused_before_the_app_runs(image: LocalImage) -> None:
    error = refusal(image, exclude=("!",))
    assert error.message.startswith("--exclude: ")
    assert "/srv/**/*.html" in error.hint
    with pytest.raises(UsageError, match=r"^--exclude: "):
        kept(image, exclude=("!",))


def test_a_selection_that_the_image_can_fulfil_is_no_error(image: LocalImage) -> None:
    image.add("/opt/bin/tool", mode=0o755)
    context = image.view(config=CONFIG)
    check_selection(context)
    check_selection(dataclasses.replace(context, selection=Selection(bins=("tool",), exclude=("/srv/none",))))


def test_an_excluded_folder_takes_all_below_and_itself(image: LocalImage) -> None:
    image.add("/srv/a/b/c")
    result = kept(image, opened("/srv/a/b/c"), exclude=("/srv/a/",))
    assert not {"/srv/a", "/srv/a/b", "/srv/a/b/c"} & set(result)


def test_the_root_cannot_be_excluded_and_empty_folders_end(image: LocalImage) -> None:
    image.add("/srv/only/file")
    assert set(kept(image, exclude=("*",))) == {"/"}
    assert "/srv/only" in kept(image, opened("/srv/only", operation="look-up"), exclude=("/srv/only/file",))


def test_a_command_is_kept_with_its_libraries_under_every_policy(image: LocalImage) -> None:
    tool = make_elf(needed=["libone.so"], runpath=["/opt/lib"])
    image.add("/opt/bin/tool", tool, mode=0o755)
    image.add("/opt/lib/libone.so", make_elf(soname=["libone.so"], needed=["libtwo.so"], runpath=["$ORIGIN"]))
    image.add("/opt/lib/libtwo.so", make_elf(soname=["libtwo.so"]))
    image.add("/usr/bin/idle", tool, mode=0o755)
    for policy in Policy:
        result = kept(image, policy=policy, bins=("tool",))
        assert {"/opt/bin/tool", "/opt/lib/libone.so", "/opt/lib/libtwo.so"} <= set(result), policy
        assert "/usr/bin/idle" not in result
    observed = kept(image, opened("/usr/bin/idle"), include=("/app",))
    assert "/opt/lib/libone.so" not in observed, "what was only observed is not followed"


def test_the_interpreters_of_a_chosen_script_are_kept(image: LocalImage) -> None:
    image.add("/opt/bin/script", "#!/usr/bin/env -S ruby -w\nputs 1\n", mode=0o755)
    image.add("/usr/bin/env", b"\x7fELF", mode=0o755)
    image.link("/usr/bin/ruby", "ruby3")
    image.add("/usr/bin/ruby3", b"\x7fELF", mode=0o755)
    image.add("/usr/bin/bash", b"\x7fELF", mode=0o755)
    result = kept(image, bins=("script",))
    assert {"/usr/bin/env", "/usr/bin/ruby", "/usr/bin/ruby3"} <= set(result)
    assert "/usr/bin/bash" not in result
    assert str(result.reasons["/usr/bin/env"][0]) == "interpreter: runs /opt/bin/script"


@pytest.mark.parametrize("name", ["currl", "/srv/nothing", "readme"])
def test_a_command_that_is_not_on_path_suggests_near_ones(image: LocalImage, name: str) -> None:
    image.add("/usr/bin/curl", mode=0o755)
    image.add("/usr/bin/readme", mode=0o644)
    error = refusal(image, bins=(name,))
    assert "no such command" in error.message
    assert "curl" in error.hint if name == "currl" else error.hint


def test_a_package_is_kept_whole(image: LocalImage) -> None:
    for path in ("/usr/share/zoneinfo/UTC", "/usr/share/doc/tzdata/README", "/srv/x"):
        image.add(path)
    image.add("/var/lib/dpkg/info/tzdata.list", "/.\n/usr/share/zoneinfo/UTC\n/usr/share/doc/tzdata/README\n")
    result = kept(image, packages=("tzdata",))
    assert {"/usr/share/zoneinfo/UTC", "/usr/share/doc/tzdata/README"} <= set(result)
    assert "/srv/x" not in result
    assert "did you mean tzdata" in refusal(image, packages=("tzdta",)).hint.lower()


def test_an_unknown_package_of_an_image_with_an_old_rpm_database_says_why(image: LocalImage) -> None:
    image.add("/var/lib/rpm/Packages", b"\0" * 64)
    assert "/var/lib/rpm/Packages" in refusal(image, packages=("bash",)).hint


def test_only_some_of_many_unreadable_databases_are_named(image: LocalImage) -> None:
    for number in range(200):
        image.add(f"/var/lib/dpkg/status.d/p{number:03}", "Package: " + "x" * 300)
    hint = refusal(image, packages=("bash",)).hint
    assert "/var/lib/dpkg/status.d/p000" in hint
    assert "197 more" in hint
    assert len(hint) < 300


def test_a_shell_comes_with_tools_profiles_and_terminals(image: LocalImage) -> None:
    for path in ("/usr/bin/dash", "/usr/bin/ls", "/usr/bin/vi.tiny", "/usr/bin/exotic"):
        image.add(path, b"\x7fELF", mode=0o755)
    image.link("/usr/bin/sh", "dash")
    image.link("/usr/bin/vi", "/etc/alternatives/vi")
    image.link("/etc/alternatives/vi", "/usr/bin/vi.tiny")
    for path in (
        "/etc/profile", "/etc/profile.d/a.sh", "/root/.profile", "/home/me/.bashrc", "/usr/share/terminfo/x/xterm",
        "/usr/share/terminfo/76/vt100", "/usr/share/terminfo/z/zenith",
    ):  # fmt: skip
        image.add(path)
    result = kept(image, shell=True)
    expected = {
        "/usr/bin/sh", "/usr/bin/dash", "/usr/bin/ls", "/usr/bin/vi", "/etc/alternatives/vi", "/usr/bin/vi.tiny",
        "/etc/profile", "/etc/profile.d/a.sh", "/root/.profile", "/home/me/.bashrc", "/usr/share/terminfo/x/xterm",
        "/usr/share/terminfo/76/vt100",
    }  # fmt: skip
    assert expected <= set(result)
    assert not {"/usr/bin/exotic", "/usr/share/terminfo/z/zenith"} & set(result)


def test_busybox_is_a_shell_with_all_its_applets(image: LocalImage) -> None:
    image.add("/usr/bin/busybox", b"\x7fELF", mode=0o755)
    for applet in ("sh", "ls", "fdisk"):
        image.link(f"/usr/bin/{applet}", "busybox")
    assert {"/usr/bin/sh", "/usr/bin/ls", "/usr/bin/fdisk"} <= set(kept(image, shell=True))


def test_an_image_without_a_shell_says_so(image: LocalImage) -> None:
    assert "no shell" in refusal(image, shell=True).message


def test_nothing_chosen_reads_nothing(image: LocalImage) -> None:
    image.add("/usr/bin/x", "#!/bin/sh\n", mode=0o755)
    kept(image, opened("/usr/bin/x", operation="exec"))
    assert image.reads == []


def test_a_command_of_a_languages_package_brings_its_package(image: LocalImage) -> None:
    site = "/opt/lib/python3/site-packages"
    image.add("/opt/bin/tool", "#!/usr/bin/python3\nimport tool\n", mode=0o755)
    image.add(f"{site}/tool/__init__.py")
    image.add(f"{site}/tool-1.dist-info/RECORD", "tool/__init__.py,,\n../../../bin/tool,,\n")
    image.add("/lib/node_modules/pm/package.json")
    image.add("/lib/node_modules/pm/cli.js", "#!/usr/bin/env node\n", mode=0o755)
    image.add("/lib/node_modules/pm/node_modules/dep/index.js")
    image.link("/usr/bin/pm", "/lib/node_modules/pm/cli.js")
    result = kept(image, bins=("tool", "pm"))
    assert {f"{site}/tool/__init__.py", "/lib/node_modules/pm/node_modules/dep/index.js"} <= set(result)
