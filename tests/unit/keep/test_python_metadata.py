"""Metadata of Python's installed distributions, for sites that try to fill the memory or to take forever."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from slimmer.keep.language import Origin
from slimmer.keep.languages.python import metadata
from slimmer.keep.languages.python.finder import Finder, Root
from slimmer.keep.languages.python.metadata import Distributions
from tests.unit.local_image import LocalImage

FOLDER = "/usr/lib/python3/site-packages"


def found(image: LocalImage) -> Distributions:
    context = image.context()
    return Distributions(context, Finder(context.tree, "3.11", [Root(FOLDER, Origin.LIBRARY)]))


def test_lists_are_read_one_at_a_time(tmp_path: Path) -> None:
    image, count, size = LocalImage(tmp_path), 30, 3 << 20
    for number in range(count):
        image.add(f"{FOLDER}/p{number}/a.py")
        image.add(f"{FOLDER}/p{number}-1.dist-info/RECORD", b"p%d/a.py,,\n" % number + b"x" * size)
    tracemalloc.start()
    try:
        distributions = found(image)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * size
    owner = distributions.owner(f"{FOLDER}/p7/a.py")
    assert owner is not None
    assert owner.name == "p7"


def test_lists_beyond_a_total_are_left_and_the_user_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = LocalImage(tmp_path)
    for number in range(3):
        image.add(f"{FOLDER}/m{number}.py")
        image.add(f"{FOLDER}/p{number}-1.dist-info/RECORD", f"m{number}.py,,\n" + "x" * 1000)
    monkeypatch.setattr(metadata, "TOGETHER_LIMIT", 2500)
    context = image.context()
    distributions = Distributions(context, Finder(context.tree, "3.11", [Root(FOLDER, Origin.LIBRARY)]))
    owners = [distributions.owner(f"{FOLDER}/m{number}.py") for number in range(3)]
    assert [owner is not None for owner in owners] == [True, True, False]
    assert f"{FOLDER}/p2-1.dist-info/RECORD" in context.sandbox.notes()[0]


def test_a_hundred_thousand_entry_points_of_one_group_are_read(tmp_path: Path) -> None:
    image, count = LocalImage(tmp_path), 200_000
    text = "[plugins]\n" + "".join(f"a{number} = m{number}\n" for number in range(count))
    image.add(f"{FOLDER}/p-1.dist-info/entry_points.txt", text[: 4 << 20])
    [distribution] = found(image).all
    assert len(distribution.entry_points["plugins"]) > count / 2
