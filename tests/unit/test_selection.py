"""Patterns of paths, as --include and --exclude take them."""

from __future__ import annotations

import pytest

from slimmer.errors import UsageError
from slimmer.image.suggestions import near_paths
from slimmer.image.tree import Tree
from slimmer.keep.selection import Patterns, literal_path
from tests.unit.tree_maker import make_tree

TREE = make_tree(
    "f /srv/app/a.html\nf /srv/app/sub/b.html\nf /srv/app/c.txt\nf /usr/lib/one.so\nf /usr/lib/two.so\nl /lib -> usr/lib\n"
    "f /usr/share/doc/x/copyright\nf /usr/share/doc/x/changelog\nd /empty\nf /srv/we*ird[1]\nf /srv/weXird1\nf /srv/app/nA\n"
)


def matched(*patterns: str, tree: Tree = TREE) -> set[str]:
    found = Patterns(tree, patterns, "--include")
    return {entry.path for entry in tree if found.match(entry) and not entry.is_directory}


@pytest.mark.parametrize(
    ("patterns", "paths"),
    [
        (["/srv/app"], {"/srv/app/a.html", "/srv/app/sub/b.html", "/srv/app/c.txt", "/srv/app/nA"}),
        (["/srv/app/*.html"], {"/srv/app/a.html"}),
        (["/srv/**/*.html"], {"/srv/app/a.html", "/srv/app/sub/b.html"}),
        (["*.html"], {"/srv/app/a.html", "/srv/app/sub/b.html"}),
        (["*.html", "!b.html"], {"/srv/app/a.html"}),
        (["*.html", "!*.html", "b.html"], {"/srv/app/sub/b.html"}),
        (["/usr/share/doc/*", "!/usr/share/doc/*/copyright"], {"/usr/share/doc/x/changelog"}),
        (["/srv/we\\*ird\\[1\\]"], {"/srv/we*ird[1]"}),
        ([], set()),
    ],
)
def test_patterns_are_gitignores(patterns: list[str], paths: set[str]) -> None:
    assert matched(*patterns) == paths


@pytest.mark.parametrize("pattern", ["/lib/one.so", "/lib/o*", "/lib/*", "/lib/"])
def test_an_anchored_pattern_goes_through_links(pattern: str) -> None:
    assert "/usr/lib/one.so" in matched(pattern)


def test_a_link_itself_can_be_meant() -> None:
    assert matched("/lib") == {"/lib"}


def test_each_pattern_tells_what_it_alone_brings() -> None:
    found = dict(Patterns(TREE, ["*.html", "!b.html", "/empty", "/empty/", "/nothing/*"], "--include").matches())
    assert {pattern: [entry.path for entry in entries] for pattern, entries in found.items()} == {
        "*.html": ["/srv/app/a.html"],
        "/empty": ["/empty"],
        "/empty/": ["/empty"],
        "/nothing/*": [],
    }


@pytest.mark.parametrize("pattern", ["!", "a/***/[", "///"])
def test_what_is_no_pattern_is_refused_or_matches_nothing(pattern: str) -> None:
    try:
        assert matched(pattern) == set()
    except UsageError as error:
        assert error.message.startswith("--include: ")


def test_a_literal_path_has_no_wildcards() -> None:
    assert literal_path("/a/b/") == literal_path("!a/b") == "/a/b"
    assert literal_path("/a/*") == literal_path("/") == ""


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("/srv/app/a.htm", "/srv/app/a.html"),
        ("/srv/ap/a.html", "/srv/app/a.html"),
        ("/opt/copyright", "/usr/share/doc/x/copyright"),
        ("/sv/app/c.text", "/srv/app/c.txt"),
    ],
)
def test_near_paths(path: str, near: str) -> None:
    assert near in near_paths(TREE, path)


def test_nothing_is_near_to_nonsense() -> None:
    assert near_paths(TREE, "/qqqqqqqqqqqqqqqqqqqqq") == ()
