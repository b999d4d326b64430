"""The structural check must name each way in which a slim image can differ from its original, and nothing else."""

from __future__ import annotations

import pytest

from slimmer.image.tree import Entry, Tree
from slimmer.verify.structure import Difference, compare_digests, compare_structure
from tests.unit.tree_maker import record

ORIGINAL = {
    "/": record("d", "/", mode=0o755),
    "/su": record("f", "/su", mode=0o4755, size=10, inode=5, links=2),
    "/su2": record("f", "/su2", mode=0o4755, size=10, inode=5, links=2),
    "/link": record("l", "/link", mode=0o777, target="su"),
    "/ping": record("f", "/ping", mode=0o755, size=3, inode=9, xattrs="73656375726974792e63617062=0102"),
    "/pipe": record("p", "/pipe"),
    "/dropped": record("f", "/dropped"),
}
KEPT = ["/", "/su", "/su2", "/link", "/ping", "/pipe"]


def own_time(entry: Entry) -> tuple[int, int]:
    return entry.mtime


def compare(changes: dict[str, bytes], *, without: str = "") -> list[tuple[str, str]]:
    original = Tree(b"".join(ORIGINAL.values()))
    slim = {path: ORIGINAL[path] for path in KEPT if path != without} | changes
    result = compare_structure(original, Tree(b"".join(slim.values())), KEPT, own_time, whole_seconds=True)
    return [(difference.where, difference.what) for difference in result]


def test_an_equal_image_has_no_difference_whatever_its_inodes() -> None:
    renumbered = {
        "/su": record("f", "/su", mode=0o4755, size=10, inode=77, links=2),
        "/su2": record("f", "/su2", mode=0o4755, size=10, inode=77, links=2),
    }
    assert compare({}) == []
    assert compare(renumbered) == []


@pytest.mark.parametrize(
    ("path", "changed", "what"),
    [
        ("/su", record("f", "/su", mode=0o755, size=10, inode=5, links=2), "mode"),
        ("/ping", record("f", "/ping", mode=0o755, size=3, inode=9), "extended attributes"),
        ("/ping", record("f", "/ping", mode=0o755, size=4, xattrs="73656375726974792e63617062=0102"), "size"),
        ("/pipe", record("p", "/pipe", uid=5), "owner"),
        ("/pipe", record("f", "/pipe"), "type"),
        ("/link", record("l", "/link", mode=0o777, target="/su"), "link target"),
        ("/", record("d", "/", mode=0o777), "mode"),
        ("/pipe", record("p", "/pipe", mtime=1001), "modification time"),
        ("/su2", record("f", "/su2", mode=0o4755, size=10, inode=6), "hard links"),
    ],
)
def test_each_kind_of_change_is_named(path: str, changed: bytes, what: str) -> None:
    found = compare({path: changed})
    assert what in [name for _, name in found]
    assert len(found) <= 2


def test_missing_and_extra_paths_are_named() -> None:
    assert compare({}, without="/link") == [("/link", "path")]
    assert compare({"/extra": record("f", "/extra")}) == [("/extra", "path")]


def test_contents_are_compared_by_digest() -> None:
    differences = compare_digests({"/a": "aa", "/b": "bb", "/c": "cc"}, [("/a", "aa"), ("/b", "b0"), ("/c", None)])
    assert [(difference.where, difference.actual) for difference in differences] == [
        ("/b", "sha256:b0…"),
        ("/c", "unreadable"),
    ]


def test_a_difference_reads_as_a_sentence() -> None:
    assert str(Difference("/su", "mode", "4755", "0755")) == "/su: mode was 4755, is 0755"


def test_a_long_attribute_is_told_by_its_size_and_digest() -> None:
    """One may have 64 kB, and there may be many of them."""
    long, other = (record("f", "/ping", size=3, inode=9, xattrs=f"75736572={byte * 65_536}") for byte in ("aa", "ab"))
    (difference,) = compare_structure(Tree(long), Tree(other), ["/ping"], own_time, whole_seconds=True)
    assert difference.what == "extended attributes"
    assert difference.expected != difference.actual
    assert "65,536 bytes" in difference.expected
    assert len(str(difference)) < 300
