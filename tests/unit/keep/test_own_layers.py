"""Layers that stay whole: their files, what links lead to, and what they need of the base, under every policy."""

from __future__ import annotations

import dataclasses
import os
from array import array
from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.image.layer_border import Border, Found
from slimmer.image.own_layers import own_layers
from slimmer.image.tree import Tree
from slimmer.keep.analyzer import Policy
from slimmer.keep.core import own_layers as rule
from slimmer.keep.keeper import keep
from slimmer.keep.keepset import REASONS, KeepSet
from slimmer.keep.selection import Selection
from slimmer.observe.log import Access
from slimmer.testing import LocalImage, opened
from tests.unit.elf_maker import make_elf

CONFIG = ImageConfig("sha256:1", "amd64", "linux", env=("PATH=/usr/bin",))


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    local = LocalImage(tmp_path / "image")
    local.add("/app", mode=0o755)
    return local


def places(tree: Tree, paths: tuple[str, ...]) -> array[int]:
    return array("Q", (place for path in paths if (place := tree.place(os.fsencode(path))) is not None))


def kept(
    image: LocalImage,
    *own: str,
    policy: Policy = Policy.BALANCED,
    selection: Selection | None = None,
    accesses: tuple[Access, ...] = (),
) -> KeepSet:
    """What is kept of an image whose second layer has the paths `own`."""
    view = image.view(opened("/app", operation="exec"), *accesses, config=CONFIG, selection=selection)
    layers = [array("Q"), places(view.tree, own)]
    found = own_layers(view.tree, Border(1, Found.BASE, ""), layers, ("FROM", "COPY . /srv"))
    return keep(dataclasses.replace(view, own_layers=found), policy)


@pytest.mark.parametrize("policy", Policy)
def test_every_path_of_the_layer_stays_with_the_way_to_it(image: LocalImage, policy: Policy) -> None:
    image.add("/srv/deep/never-asked.bin", b"\0\1")
    image.add("/srv/base-only")
    image.add("/var/cache/app/x")
    (image.root / "srv/empty").mkdir()
    result = kept(image, "/srv/deep/never-asked.bin", "/srv/empty", "/var/cache/app/x", policy=policy)
    assert {"/srv", "/srv/deep/never-asked.bin", "/srv/empty", "/var/cache/app/x"} <= set(result)
    assert "/srv/base-only" not in result
    assert str(result.reasons["/srv/deep/never-asked.bin"][0]) == "own-layer: layer 2 (COPY . /srv)"


@pytest.mark.parametrize("policy", Policy)
def test_links_of_the_layer_keep_what_they_lead_to_in_the_base(image: LocalImage, policy: Policy) -> None:
    image.add("/usr/share/data/real")
    image.link("/usr/data", "share/data")
    image.link("/srv/link", "/usr/data/real")
    image.link("/srv/dangling", "/nowhere")
    result = kept(image, "/srv/link", "/srv/dangling", policy=policy)
    assert {"/srv/link", "/usr/data", "/usr/share/data/real", "/srv/dangling"} <= set(result)
    (reason,) = (one for one in result.reasons["/usr/share/data/real"] if one.rule == rule.RULE)
    assert reason.cause == "/srv/link"


@pytest.mark.parametrize("policy", Policy)
def test_libraries_and_interpreters_come_along_from_the_base(image: LocalImage, policy: Policy) -> None:
    image.add("/srv/tool", make_elf(needed=["libneeded.so.1"]), mode=0o755)
    image.add("/usr/lib/libneeded.so.1", make_elf(soname=["libneeded.so.1"]))
    image.add("/srv/script", "#!/usr/bin/mysh\n", mode=0o755)
    image.add("/usr/bin/mysh", make_elf(), mode=0o755)
    image.add("/usr/bin/unneeded", make_elf(), mode=0o755)
    result = kept(image, "/srv/tool", "/srv/script", policy=policy)
    assert {"/usr/lib/libneeded.so.1", "/usr/bin/mysh"} <= set(result)
    assert "/usr/bin/unneeded" not in result


def test_modules_of_the_base_come_along_under_balanced(image: LocalImage) -> None:
    image.add("/usr/bin/python3", make_elf(), mode=0o755)
    image.add("/usr/lib/python3.11/os.py")
    image.add("/usr/lib/python3.11/fractions.py")
    image.add("/usr/lib/python3.11/statistics.py")
    image.add("/srv/main.py", "print(1)")
    image.add("/srv/never.py", "import fractions\n")
    runs = (
        opened("/usr/bin/python3", operation="exec"),
        opened("/srv/main.py", by="/usr/bin/python3"),
        opened("/usr/lib/python3.11/os.py", by="/usr/bin/python3"),
    )
    result = kept(image, "/srv/main.py", "/srv/never.py", accesses=runs)
    assert "/usr/lib/python3.11/fractions.py" in result
    assert "/usr/lib/python3.11/statistics.py" not in result


@pytest.mark.parametrize("policy", Policy)
def test_scripts_of_the_package_manager_stay_and_are_not_followed(image: LocalImage, policy: Policy) -> None:
    image.add("/var/lib/dpkg/info/tool.postinst", "#!/usr/bin/mysh\n/usr/bin/other\n", mode=0o755)
    image.add("/var/lib/dpkg/status", "")
    image.add("/usr/bin/mysh", make_elf(), mode=0o755)
    image.add("/usr/bin/other", make_elf(), mode=0o755)
    result = kept(image, "/var/lib/dpkg/info/tool.postinst", "/var/lib/dpkg/status", policy=policy)
    assert {"/var/lib/dpkg/info/tool.postinst", "/var/lib/dpkg/status"} <= set(result)
    assert not {"/usr/bin/mysh", "/usr/bin/other"} & set(result)


def test_what_the_user_excludes_goes_even_from_an_own_layer(image: LocalImage) -> None:
    image.add("/srv/id_rsa")
    image.add("/srv/page")
    result = kept(image, "/srv/id_rsa", "/srv/page", selection=Selection(exclude=("id_rsa",)))
    assert "/srv/page" in result
    assert "/srv/id_rsa" not in result
    assert result.excluded["/srv/id_rsa"].rule == rule.RULE


def test_a_program_that_many_others_opened_still_brings_its_libraries(image: LocalImage) -> None:
    image.add("/srv/tool", make_elf(needed=["libneeded.so.1"]), mode=0o755)
    image.add("/usr/lib/libneeded.so.1", make_elf(soname=["libneeded.so.1"]))
    many = tuple(opened("/srv/tool", by=f"/bin/{number}") for number in range(REASONS + 1))
    assert "/usr/lib/libneeded.so.1" in kept(image, "/srv/tool", policy=Policy.OBSERVED, accesses=many)


def test_without_own_layers_nothing_stays_for_their_sake(image: LocalImage) -> None:
    image.add("/srv/never-asked")
    result = keep(image.view(opened("/app", operation="exec"), config=CONFIG), Policy.BALANCED)
    assert "/srv/never-asked" not in result
