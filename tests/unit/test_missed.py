"""What a repair takes from the run of a slim image: exactly what was asked for in vain and the original has."""

from __future__ import annotations

import pytest

from slimmer.observe.log import Access, AccessLog, Operation
from slimmer.verify.missed import missed, named
from slimmer.verify.structure import Difference
from tests.unit.tree_maker import make_tree

TREE = make_tree(
    "f /app/main\nl /app/lib -> ../opt/lib\nf /opt/lib/late.so\nf /opt/lib/other.so\nf /app/views/a\nf /app/views/b"
)
KEPT = {"/", "/app", "/app/main"}


def in_vain(*asked: str, operation: Operation = Operation.OPEN) -> AccessLog:
    return AccessLog("sha256:1", tuple(Access(operation, path, "", False, 1, "/app/main") for path in asked))


def paths(log: AccessLog) -> set[str]:
    return {finding.path for finding in missed(TREE, KEPT, log)}


def test_what_the_original_has_is_kept_with_the_links_that_lead_there() -> None:
    found = list(missed(TREE, KEPT, in_vain("/app/lib/late.so")))
    assert {"/app/lib", "/opt/lib", "/opt/lib/late.so"} <= {finding.path for finding in found}
    assert "/opt/lib/other.so" not in {finding.path for finding in found}
    assert str(found[0].reason) == "missed: missed on replay by /app/main"


def test_what_the_original_lacks_or_what_is_kept_already_is_left() -> None:
    assert paths(in_vain("/etc/none", "/app/main")) == set()


def test_what_was_found_is_no_miss() -> None:
    assert paths(AccessLog("sha256:1", (Access(Operation.OPEN, "/opt/lib/late.so", "", True, 1, ""),))) == set()


def test_a_folder_that_was_to_be_listed_comes_with_its_entries_and_one_that_was_looked_at_alone() -> None:
    assert {"/app/views", "/app/views/a", "/app/views/b"} <= paths(in_vain("/app/views"))
    assert "/app/views/a" not in paths(in_vain("/app/views", operation=Operation.LOOK_UP))


def test_the_folder_in_which_something_was_to_be_made_is_kept() -> None:
    found = paths(in_vain("/opt/lib/new", operation=Operation.CREATE))
    assert {"/opt/lib"} <= found
    assert "/opt/lib/other.so" not in found


def test_the_folder_of_what_is_made_is_found_through_links_and_left_where_it_is_kept_or_nowhere() -> None:
    assert {"/app/lib", "/opt/lib"} <= paths(in_vain("/app/lib/new", operation=Operation.CREATE))
    assert paths(in_vain("/app/new", "/none/new", operation=Operation.CREATE)) == set()
    assert paths(in_vain("/opt/lib/new", operation=Operation.LOOK_UP)) == set()


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("FileNotFoundError: [Errno 2] No such file or directory: '/app/lib/late.so'", "/opt/lib/late.so"),
        ("cat: /app/views/a: No such file or directory", "/app/views/a"),
        ("error at start\nopen /app/views/b.", "/app/views/b"),
        ("- see /app/views/a\n+ see nothing", ""),
        ("/app/main: /app/views: no pages in http://host/app/views/a, ../app/views/a or /app/views/c", ""),
        ("", ""),
    ],
)
def test_a_file_that_the_app_names_where_it_differs(said: str, found: str) -> None:
    differences = (Difference("the slim image", "run", "good", "the app exited with code 1", said),)
    files = {finding.path for finding in named(TREE, KEPT, differences) if finding.reason.rule == "missed"}
    assert files == ({found} if found else set())
