"""The set of kept paths while it is made: what a finding adds, which reasons a path keeps, what is left out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from slimmer.image.tree import Entry, Tree
from slimmer.keep.evidence import Evidence
from slimmer.keep.keepset import LEADS_TO, MISSED, REASONS, Finding, KeepSet, KeepSetBuilder, Reason
from tests.unit.tree_maker import make_tree

SEEN = Reason("seen", "opened by /app")
NAMED = Reason("named", "named in /app", "/app")
EVIDENCE = {"seen": Evidence.SEEN, "named": Evidence.USED, LEADS_TO: Evidence.STRUCTURAL}


@pytest.fixture
def tree() -> Tree:
    return make_tree(
        "f /app\nf /etc/a.d/one\nf /etc/a.d/two\nf /etc/a\nf /etc/b\nd /srv/empty\nf /srv/full/x\ns /run/app.sock"
    )


def builder_of(tree: Tree, *paths: str, excludes: Callable[[Entry], bool] | None = None) -> KeepSetBuilder:
    builder = KeepSetBuilder(tree, excludes or (lambda entry: False), evidence=EVIDENCE)
    builder.add(Finding(path, SEEN) for path in paths)
    return builder


def test_a_finding_keeps_each_directory_above_it_and_says_what_it_leads_to(tree: Tree) -> None:
    kept = builder_of(tree, "/etc/a.d/one").finished()
    assert dict(kept.reasons) == {
        "/": (Reason(LEADS_TO, "/etc"),),
        "/etc": (Reason(LEADS_TO, "/etc/a.d"),),
        "/etc/a.d": (Reason(LEADS_TO, "/etc/a.d/one"),),
        "/etc/a.d/one": (SEEN,),
    }


def test_a_directory_names_only_the_first_path_that_it_led_to(tree: Tree) -> None:
    builder = builder_of(tree, "/etc/a.d/two", "/etc/a.d/one", "/etc/b")
    assert builder.reasons("/etc/a.d") == (Reason(LEADS_TO, "/etc/a.d/two"),)
    assert builder.reasons("/etc") == (Reason(LEADS_TO, "/etc/a.d"),)


def test_what_the_image_does_not_hold_is_left_out_with_all_that_leads_there(tree: Tree) -> None:
    builder = builder_of(tree, "/nowhere/x", "/etc/none", "/run/app.sock")
    assert len(builder) == 0
    assert builder.take_added() == []
    assert dict(builder.finished().excluded) == {}, "nobody excluded it"


def test_paths_are_in_the_order_of_a_walk(tree: Tree) -> None:
    """A folder stands directly before what lies in it: /etc/a.d sorts behind /etc/a, and /etc/a.d/one before /etc/b."""
    kept = builder_of(tree, "/etc/b", "/etc/a.d/one", "/etc/a", "/app").finished()
    assert list(kept) == ["/", "/app", "/etc", "/etc/a", "/etc/a.d", "/etc/a.d/one", "/etc/b"]
    nested = KeepSet(dict.fromkeys(("/a-b", "/a.c", "/a/x", "/a"), (SEEN,)))
    assert list(nested) == ["/a", "/a/x", "/a-b", "/a.c"]
    assert len(nested) == 4


def test_a_path_keeps_its_first_eight_different_reasons(tree: Tree) -> None:
    builder = builder_of(tree)
    reasons = [Reason("seen", f"opened by /{number}") for number in range(REASONS + 2)]
    builder.add(Finding("/app", reason) for reason in (reasons[0], *reasons))
    assert builder.reasons("/app") == tuple(reasons[:8])
    builder.add([Finding("/etc/b", SEEN), Finding("/etc/b", NAMED), Finding("/etc/b", SEEN)])
    assert builder.reasons("/etc/b") == (SEEN, NAMED)
    assert builder.reasons("/etc/a") == ()


def test_equal_reasons_take_memory_once(tree: Tree) -> None:
    builder = builder_of(tree)
    for path in ("/etc/a", "/etc/b"):
        builder.add([Finding(path, Reason("seen", "opened by /app")), Finding(path, Reason("named", "in /app"))])
    assert builder.reasons("/etc/a") is builder.reasons("/etc/b")


def test_each_path_is_handed_out_once(tree: Tree) -> None:
    builder = builder_of(tree, "/etc/b")
    assert builder.take_added() == ["/etc/b", "/etc", "/"]
    assert builder.take_added() == []
    builder.add([Finding("/etc/b", NAMED), Finding("/etc/a", SEEN)])
    assert builder.take_added() == ["/etc/a"]
    assert "/etc/a" in builder
    assert "/etc/a.d" not in builder


def test_the_evidence_of_a_path_is_that_of_its_reasons(tree: Tree) -> None:
    builder = builder_of(tree, "/etc/b")
    assert builder.evidence("/etc/b") == {Evidence.SEEN}
    assert builder.evidence("/etc") == {Evidence.STRUCTURAL}
    builder.add([Finding("/etc/b", NAMED)])
    assert builder.evidence("/etc/b") == {Evidence.SEEN, Evidence.USED}
    assert builder.evidence("/etc/b", besides="named") == {Evidence.SEEN}
    assert builder.evidence("/etc/b", besides="seen") == {Evidence.USED}
    assert builder.evidence("/etc/b") == {Evidence.SEEN, Evidence.USED}
    assert builder.evidence("/etc/a") == frozenset()


def test_a_rule_that_nobody_declared_counts_as_used(tree: Tree) -> None:
    builder = builder_of(tree)
    builder.add([Finding("/app", Reason("foreign"))])
    assert builder.evidence("/app") == {Evidence.USED}


def test_empty_directories_are_those_in_which_nothing_is_kept(tree: Tree) -> None:
    builder = builder_of(tree, "/srv/full", "/srv/empty", "/etc/b", "/app")
    assert builder.empty_dirs() == ["/srv/empty", "/srv/full"]
    builder.add([Finding("/srv/full/x", SEEN)])
    assert builder.empty_dirs() == ["/srv/empty"]
    assert builder_of(tree, "/").empty_dirs() == ["/"]


def test_an_excluded_path_is_told_with_its_first_reason_and_brings_no_directory(tree: Tree) -> None:
    builder = builder_of(tree, "/etc/b", "/app", excludes=lambda entry: entry.path == "/etc/b")
    builder.add([Finding("/etc/b", NAMED)])
    kept = builder.finished()
    assert set(kept) == {"/", "/app"}
    assert dict(kept.excluded) == {"/etc/b": SEEN}


def test_an_excluded_directory_stays_if_something_in_it_stays(tree: Tree) -> None:
    builder = builder_of(tree, "/etc", "/etc/b", excludes=lambda entry: entry.path in ("/", "/etc"))
    kept = builder.finished()
    assert set(kept) == {"/", "/etc", "/etc/b"}
    assert dict(kept.excluded) == {}


def test_the_root_cannot_be_excluded(tree: Tree) -> None:
    builder = builder_of(tree, "/", "/app", excludes=lambda entry: True)
    assert set(builder.finished()) == {"/"}
    assert set(builder.finished().excluded) == {"/app"}


def test_a_reason_says_what_it_refers_to() -> None:
    assert NAMED.origin == "/app"
    assert Reason(LEADS_TO, "/etc/b").origin == "/etc/b"
    assert SEEN.origin == Reason("engine", "read at start").origin == ""
    assert str(SEEN) == "seen: opened by /app"
    assert str(Reason("seen")) == "seen"
    assert str(Reason(LEADS_TO, "/etc/b")) == "leads-to: /etc/b", "manifests hold this name"
    assert str(Reason(MISSED)) == "missed"
