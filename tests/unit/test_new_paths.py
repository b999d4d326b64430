"""What a second image has that the first one does not have."""

from __future__ import annotations

from slimmer.image.new_paths import LARGEST, NewPath, Novelty, compare_contents, compare_trees
from slimmer.image.tree import Tree
from tests.unit.tree_maker import record

ROOT = record("d", "/", mode=0o755)
BEFORE = Tree(
    ROOT
    + record("f", "/changed", size=3)
    + record("c", "/device", major=1, minor=3)
    + record("f", "/empty")
    + record("f", "/gone")
    + record("f", "/huge", size=LARGEST + 1)
    + record("l", "/link", target="a")
    + record("f", "/longer", size=3)
    + record("f", "/retyped", size=3)
    + record("f", "/same", size=3, mtime=1, mode=0o644)
)
AFTER = Tree(
    ROOT
    + record("f", "/changed", size=3)
    + record("c", "/device", major=1, minor=5)
    + record("d", "/directory")
    + record("f", "/empty")
    + record("f", "/huge", size=LARGEST + 1)
    + record("l", "/link", target="b")
    + record("f", "/longer", size=4)
    + record("f", "/new", size=1)
    + record("l", "/retyped", target="same")
    + record("f", "/same", size=3, mtime=2, mode=0o755)
)


def test_every_kind_of_novelty_is_named_and_what_is_gone_does_not_count() -> None:
    found = compare_trees(BEFORE, AFTER)
    assert {new.path: new.what for new in found.new} == {
        "/device": Novelty.DEVICE,
        "/directory": Novelty.NEW,
        "/huge": Novelty.UNREAD,
        "/link": Novelty.TARGET,
        "/longer": Novelty.CONTENT,
        "/new": Novelty.NEW,
        "/retyped": Novelty.TYPE,
    }
    assert found.unsure == ("/changed", "/same")


def test_an_image_has_nothing_that_it_does_not_have() -> None:
    assert compare_trees(BEFORE, BEFORE).new == (NewPath("/huge", Novelty.UNREAD),)


def test_contents_are_the_same_only_if_both_were_read() -> None:
    before = [("/a", "1"), ("/b", "1"), ("/c", None), ("/d", "1"), ("/e", None)]
    after = [("/a", "1"), ("/b", "2"), ("/c", "1"), ("/d", None), ("/e", None)]
    assert list(compare_contents(before, after)) == [
        NewPath("/b", Novelty.CONTENT),
        NewPath("/c", Novelty.UNREAD),
        NewPath("/d", Novelty.UNREAD),
        NewPath("/e", Novelty.UNREAD),
    ]
