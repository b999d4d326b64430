"""Groups of files that are held at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.keep.sources import batches as batches_module
from slimmer.keep.sources.batches import batches
from slimmer.testing import LocalImage


def test_groups_are_bounded_and_leave_out_what_is_too_long_or_no_file(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    for name, size in (("a", 4), ("b", 6), ("c", 1), ("d", 10), ("e", 11), ("f", 0)):
        image.add(f"/{name}", "x" * size)
    image.link("/link", "/a")
    paths = ["/a", "/b", "/link", "/c", "/absent", "/d", "/e", "/f", "/"]
    assert list(batches(image.tree(), paths, longest=10, together=10)) == [["/a", "/b"], ["/c"], ["/d", "/f"]]
    assert list(batches(image.tree(), paths, longest=11, together=3)) == [
        ["/a"],
        ["/b"],
        ["/c"],
        ["/d"],
        ["/e"],
        ["/f"],
    ]
    assert list(batches(image.tree(), [], longest=10, together=10)) == []


def test_a_million_tiny_files_come_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches_module, "FILES", 2)
    image = LocalImage(tmp_path)
    for name in ("a", "b", "c"):
        image.add(f"/{name}")
    assert list(batches(image.tree(), ["/a", "/b", "/c"], longest=10, together=10)) == [["/a", "/b"], ["/c"]]
