"""A program that code names, and that did not run, has what it reads when it starts: data of its packages, and their plug-ins."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.keep.analyzer import Policy
from slimmer.keep.apps import program_data as rule
from slimmer.keep.keepset import KeepSet
from slimmer.keep.margin.amount import NO_MARGIN, Margin
from slimmer.testing import LocalImage, by_rule, opened, run_policy
from tests.unit.elf_maker import make_elf

INIT = "/usr/share/draw/9/init.ps"
LIB = "/usr/lib/x86_64-linux-gnu/draw"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path / "image")
    image.add("/srv/app.sh", "#!/bin/sh\nserve\n[ $1 = paint ] && draw in out\n", mode=0o755)
    image.add("/bin/sh", make_elf(), mode=0o755)
    files = {
        "draw": ["/usr/bin/draw", "/usr/bin/draw-more", "/etc/draw/draw.conf", "/usr/share/doc/draw/readme"],
        "libdraw": ["/usr/lib/x86_64-linux-gnu/libdraw.so.1", f"{LIB}/svg.so"],
        "libdraw-common": [
            INIT,
            "/usr/share/draw/9/code.py",
            "/usr/share/draw/9/Names.pod",
            "/usr/share/locale/fr/LC_MESSAGES/draw.mo",
        ],
        "draw-dev": ["/usr/share/draw-dev/x"],
        "draw-eng": ["/usr/share/draw/9/eng.data"],
        "draw-deu": ["/usr/share/draw/9/deu.data"],
        "draw-fra": ["/usr/share/draw/9/fra.data"],
        "draw-gui": ["/usr/bin/draw-gui", "/usr/share/draw-gui/icons.dat"],
        "other": ["/usr/share/other/data"],
        "basic": ["/usr/bin/serve", "/usr/share/basic/data"],
    }
    packages = (
        ("draw", "draw", "Depends: libdraw, other, draw-eng, draw-gui\n"),
        ("libdraw", "draw", "Depends: libdraw-common\n"),
        ("libdraw-common", "draw", ""),
        ("draw-dev", "draw", "Depends: draw\n"),
        ("draw-eng", "draw-words", ""),
        ("draw-deu", "draw-words", ""),
        ("draw-fra", "draw-words", ""),
        ("draw-gui", "draw-gui", ""),
        ("other", "other", ""),
        ("basic", "basic", "Priority: required\n"),
    )
    image.add(
        "/var/lib/dpkg/status",
        "".join(
            f"Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: 1\nSource: {source}\n{more}\n"
            for name, source, more in packages
        ),
    )
    image.add(
        "/var/lib/apt/extended_states", "Package: libdraw\nAuto-Installed: 1\n\nPackage: draw-fra\nAuto-Installed: 1\n"
    )
    for name, paths in files.items():
        image.add(f"/var/lib/dpkg/info/{name}.list", "\n".join(paths) + "\n")
        for path in paths:
            is_code = "/bin/" in path or ".so" in path
            image.add(path, make_elf() if is_code else "x" * 100, mode=0o755 if "/bin/" in path else 0o644)
    return image


def keep(image: LocalImage, *programs: str, policy: Policy = Policy.BALANCED, margin: Margin = NO_MARGIN) -> KeepSet:
    ran = [opened(path, operation="exec") for path in ("/bin/sh", *programs)]
    view = image.view(opened("/srv/app.sh", by="/bin/sh"), *ran)
    return run_policy(policy, view, margin=margin)


def kept(image: LocalImage, *programs: str) -> set[str]:
    return by_rule(keep(image, *programs), rule.RULE)


DATA = {INIT, "/etc/draw/draw.conf", f"{LIB}/svg.so", "/usr/share/draw/9/eng.data", "/usr/share/draw/9/deu.data"}


def test_a_program_that_code_names_has_its_data_and_plug_ins(image: LocalImage) -> None:
    assert kept(image) == DATA


def test_what_was_made_beside_them_at_installation_stays(image: LocalImage) -> None:
    image.add(f"{LIB}/config6a", "svg.so")
    image.add(f"{LIB}/large", "x" * (rule.OWN_BYTES + 1))
    assert kept(image) == DATA | {f"{LIB}/config6a"}


def test_links_among_the_data_lead_to_their_ends_which_come_last(
    image: LocalImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    image.add("/usr/share/fonts/one.t1", "font")
    image.link("/usr/share/draw/9/font", "/usr/share/fonts/one.t1")
    image.add("/var/lib/dpkg/info/libdraw-common.list", f"{INIT}\n/usr/share/draw/9/font\n")
    assert {"/usr/share/draw/9/font", "/usr/share/fonts/one.t1"} <= set(keep(image))
    monkeypatch.setattr(rule, "PROGRAM_BYTES", 200)
    found = set(keep(image))
    assert "/usr/share/fonts/one.t1" not in found
    assert {"/usr/share/draw/9/deu.data", "/etc/draw/draw.conf"} <= found


def test_a_program_that_ran_has_what_it_read(image: LocalImage) -> None:
    assert kept(image, "/usr/bin/draw") == set()
    assert kept(image, "/usr/bin/draw-more") == set(), "the package has shown what its programs read"


def test_a_program_that_nothing_names_has_no_data(image: LocalImage) -> None:
    image.add("/srv/app.sh", "#!/bin/sh\nserve\n", mode=0o755)
    assert kept(image) == set()


def test_interpreters_have_analyzers(image: LocalImage) -> None:
    image.add("/usr/bin/python3.11", make_elf(), mode=0o755)
    image.add("/usr/bin/pydoc", make_elf(), mode=0o755)
    image.add("/var/lib/dpkg/info/draw.list", "/usr/bin/python3.11\n/usr/bin/pydoc\n/etc/draw/draw.conf\n")
    for name in ("python3.11", "pydoc"):
        image.add("/srv/app.sh", f"#!/bin/sh\n[ $1 = paint ] && {name} in\n", mode=0o755)
        assert kept(image) == set()


def test_the_smallest_files_stay_within_the_bounds(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    image.add(INIT, "x" * 10)
    image.add("/etc/draw/draw.conf", "x" * 20)
    monkeypatch.setattr(rule, "PROGRAM_BYTES", 50)
    assert kept(image) == {INIT, "/etc/draw/draw.conf"}
    monkeypatch.setattr(rule, "BYTES", 15)
    assert kept(image) == {INIT}


def test_a_plug_in_that_needs_much_is_left_out(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    image.add("/usr/lib/x86_64-linux-gnu/libgui.so.1", make_elf() + bytes(10_000))
    image.add(f"{LIB}/svg.so", make_elf(needed=["libgui.so.1"]))
    assert f"{LIB}/svg.so" in kept(image)
    monkeypatch.setattr(rule, "PROGRAM_BYTES", 8_000)
    assert kept(image) == DATA - {f"{LIB}/svg.so"}, "the libraries count as data"
    monkeypatch.undo()
    monkeypatch.setattr(rule, "NEEDED_BYTES", 5_000)
    assert kept(image) == DATA - {f"{LIB}/svg.so"}


def test_programs_that_the_margin_adds_bring_no_data(image: LocalImage) -> None:
    image.add("/srv/app.sh", "#!/bin/sh\nserve\n", mode=0o755)
    image.add("/srv/paint.sh", "#!/bin/sh\ndraw in out\n", mode=0o755)
    found = keep(image, margin=Margin(size=1_000_000))
    assert "/usr/bin/draw" in found
    assert by_rule(found, rule.RULE) == set()


def test_observed_keeps_no_data(image: LocalImage) -> None:
    assert by_rule(keep(image, policy=Policy.OBSERVED), rule.RULE) == set()
