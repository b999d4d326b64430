"""What a build does not prove is shown in order and in few lines. The texts may come from an untrusted image."""

from __future__ import annotations

from slimmer.unproven import ITEMS, LINES, Kind, Unproven, UnprovenItems, in_order, short_lines

MORE = "slimmer explain shop --unproven"


def test_the_kinds_come_in_their_order_and_each_item_once() -> None:
    items = UnprovenItems()
    items.note(Kind.LIMIT, "/srv/data", "has 9,000 files", "--include /srv/data")
    items.note(Kind.LANGUAGE, "Julia", "slimmer has no analyzer for it")
    items.note(Kind.LANGUAGE, "Julia", "said again")
    assert [(item.kind, item.what) for item in in_order(items)] == [
        (Kind.LANGUAGE, "slimmer has no analyzer for it"),
        (Kind.LIMIT, "has 9,000 files"),
    ]
    items.clear()
    assert list(items) == []


def test_a_hostile_image_cannot_fill_the_memory() -> None:
    items = UnprovenItems()
    for number in range(2 * ITEMS):
        items.note(Kind.LIMIT, f"/{number}", "is too large")
    assert len(list(items)) == ITEMS


def test_items_that_say_the_same_share_a_line() -> None:
    unused = [
        Unproven(Kind.PACKAGE, name, "nothing of it was used", f"--include-package python:{name}")
        for name in ("a", "b")
    ]
    assert short_lines(unused, MORE) == [
        "a, b: nothing of it was used (--include-package python:a --include-package python:b)"
    ]


def test_a_build_prints_six_lines_with_each_kind_among_them() -> None:
    limits = [Unproven(Kind.LIMIT, f"/{number}", f"has {number} files") for number in range(9)]
    run = Unproven(Kind.RUN, "bash", "it read no input", "slim the application image")
    lines = short_lines([*limits, run], MORE)
    assert len(lines) == LINES
    assert lines[0] == "bash: it read no input (slim the application image)"
    assert lines[1:5] == [f"/{number}: has {number} files" for number in range(4)]
    assert lines[5] == f"… and 5 more: {MORE}"
    assert short_lines([], MORE) == []
