"""The structural check must name each way in which a slim image can differ from its original, and nothing else."""

from __future__ import annotations

import hashlib

import pytest

from slimmer.image.engine_artifacts import Mtime
from slimmer.image.new_paths import LARGEST
from slimmer.image.tree import Entry, Tree
from slimmer.verify.structure import Difference, compare_digests, compare_structure, files_to_hash
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


def told(before: bytes, after: bytes, path: str = "/x", *, whole_seconds: bool = True) -> list[str]:
    """The differences of two trees of which one path is kept, as the user reads them."""
    found = compare_structure(Tree(before), Tree(after), [path], own_time, whole_seconds=whole_seconds)
    return [str(difference) for difference in found]


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (record("f", "/x", mode=0o4755), record("f", "/x", mode=0o755), "mode was 4755, is 0755"),
        (record("f", "/x", mode=0o40), record("f", "/x", mode=0), "mode was 0040, is 0000"),
        (record("f", "/x", uid=1, gid=2), record("f", "/x", uid=3, gid=4), "owner was 1:2, is 3:4"),
        (record("f", "/x", size=10), record("f", "/x", size=9), "size was 10, is 9"),
        (record("l", "/x", target="a"), record("l", "/x", target="b c"), "link target was 'a', is 'b c'"),
        (record("c", "/x", major=1, minor=3), record("c", "/x", major=1, minor=5), "device was 1:3, is 1:5"),
        (record("b", "/x", major=8, minor=1), record("b", "/x", major=7, minor=1), "device was 8:1, is 7:1"),
        (record("c", "/x"), record("b", "/x"), "type was character device, is block device"),
        (record("d", "/x"), record("l", "/x", target="y"), "type was directory, is link"),
        (record("p", "/x"), record("s", "/x"), "type was FIFO, is socket"),
        (
            record("f", "/x", xattrs="75736572=00ff 757365722e61="),
            record("f", "/x"),
            "extended attributes was user=00ff, user.a=, is none",
        ),
        (
            record("f", "/x", mtime=1000),
            record("f", "/x", mtime=999),
            "modification time was 1000.000000000, is 999.000000000",
        ),
    ],
)
def test_a_change_is_told_with_both_values(before: bytes, after: bytes, text: str) -> None:
    assert told(before, after) == [f"/x: {text}"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (record("d", "/x", size=4096), record("d", "/x", size=120)),
        (record("l", "/x", target="a", size=1), record("l", "/x", target="a", size=0)),
        (record("f", "/x", major=1), record("f", "/x", major=2)),
    ],
)
def test_what_says_nothing_about_a_path_of_this_type_does_not_count(before: bytes, after: bytes) -> None:
    """The size of a directory depends on the file system, for example."""
    assert told(before, after) == []


def test_nanoseconds_count_unless_the_builder_cannot_carry_them() -> None:
    before, after = record("f", "/x", nanoseconds=1), record("f", "/x", nanoseconds=20)
    assert told(before, after) == []
    assert told(before, after, whole_seconds=False) == [
        "/x: modification time was 1000.000000001, is 1000.000000020",
    ]


def test_times_are_those_of_the_image_and_not_of_a_container() -> None:
    """The engine overwrites /etc/hosts in a container, for example."""
    before, after = Tree(record("f", "/x", mtime=5)), Tree(record("f", "/x", mtime=6))

    def seventh(entry: Entry) -> tuple[int, int]:
        return (7, 0)

    def differences(mtime: Mtime, slim_mtime: Mtime | None) -> list[str]:
        found = compare_structure(before, after, ["/x"], mtime, slim_mtime=slim_mtime, whole_seconds=True)
        return [str(difference) for difference in found]

    assert differences(seventh, seventh) == []
    assert differences(seventh, None) == ["/x: modification time was 7.000000000, is 6.000000000"]
    assert differences(own_time, seventh) == ["/x: modification time was 5.000000000, is 7.000000000"]


def test_missing_and_extra_paths_are_named() -> None:
    assert compare({}, without="/link") == [("/link", "path")]
    assert compare({"/extra": record("f", "/extra")}) == [("/extra", "path")]
    assert told(record("f", "/x"), record("d", "/")) == [
        "/x: path was file, is missing",
        "/: path was absent, is directory",
    ]


def test_a_kept_path_that_the_original_lacks_hides_no_other() -> None:
    """A repair may ask for a path that only the app's own container had."""
    original, slim = Tree(record("f", "/a", size=1) + record("f", "/c")), Tree(record("f", "/a", size=2))
    found = compare_structure(original, slim, ["/a", "/b", "/c"], own_time, whole_seconds=True)
    assert [str(one) for one in found] == ["/a: size was 1, is 2", "/c: path was file, is missing"]


def test_names_that_no_longer_share_a_file_are_all_told() -> None:
    original = Tree(b"".join(record("f", path, inode=5, links=3) for path in ("/a", "/b", "/c")))
    slim = Tree(record("f", "/a", inode=1, links=2) + record("f", "/b", inode=1, links=2) + record("f", "/c", inode=2))
    found = compare_structure(original, slim, ["/a", "/b", "/c"], own_time, whole_seconds=True)
    assert [str(one) for one in found] == ["/a: hard links was one file: /a, /b, /c, is several"]


@pytest.mark.parametrize(
    ("kind", "links"),
    [
        ("f", 1),  # of two layers, each with its own numbers
        ("d", 2),
        ("l", 2),  # a builder writes each link anew
    ],
)
def test_only_names_of_one_regular_file_are_hard_links(kind: str, links: int) -> None:
    original, slim = (
        Tree(record(kind, "/a", inode=first, links=links) + record(kind, "/b", inode=second, links=links))
        for first, second in ((5, 5), (6, 7))
    )
    assert compare_structure(original, slim, ["/a", "/b"], own_time, whole_seconds=True) == ()


def test_contents_are_compared_by_digest() -> None:
    differences = compare_digests({"/a": "aa", "/b": "bb", "/c": "cc"}, [("/a", "aa"), ("/b", "b0"), ("/c", None)])
    assert [(difference.where, difference.actual) for difference in differences] == [
        ("/b", "sha256:b0…"),
        ("/c", "unreadable"),
    ]


def test_of_a_digest_the_first_16_digits_are_shown() -> None:
    before, after = ("0123456789abcdef" * 4, "fedcba9876543210" * 4)
    (difference,) = compare_digests({"/a": before}, [("/a", after)])
    assert str(difference) == "/a: content was sha256:0123456789abcdef…, is sha256:fedcba9876543210…"
    assert compare_digests({"/a": before}, [("/a", before.upper().lower())]) == ()


def test_a_difference_reads_as_a_sentence() -> None:
    assert str(Difference("/su", "mode", "4755", "0755")) == "/su: mode was 4755, is 0755"


def test_the_detail_follows_but_is_not_written_into_logs() -> None:
    """It quotes the app, and may hold a secret."""
    told = Difference("GET /", "status", "200", "500", "password=1234")
    assert str(told) == "GET /: status was 200, is 500: password=1234"
    assert "1234" not in repr(told)
    excerpt = Difference("GET /", "body", "one", "another", "- a\n+ b")
    assert str(excerpt) == "GET /: body was one, is another\n    - a\n    + b"
    assert str(Difference("GET /", "body", "one", "another", "+ b")).endswith("another\n    + b")


@pytest.mark.parametrize(
    ("size", "shown"),
    [(63, "aa" * 63), (64, "aa" * 64), (65, "65 bytes, sha256:")],
)
def test_an_attribute_of_at_most_64_bytes_is_shown_in_full(size: int, shown: str) -> None:
    (difference,) = told(record("f", "/x", xattrs=f"75736572={'aa' * size}"), record("f", "/x"))
    assert difference.startswith(f"/x: extended attributes was user={shown}")


def test_a_long_attribute_is_told_by_its_size_and_digest() -> None:
    """One may have 64 kB, and there may be many of them."""
    long, other = (record("f", "/ping", size=3, inode=9, xattrs=f"75736572={byte * 65_536}") for byte in ("aa", "ab"))
    (difference,) = compare_structure(Tree(long), Tree(other), ["/ping"], own_time, whole_seconds=True)
    assert difference.what == "extended attributes"
    assert difference.expected != difference.actual
    digest = hashlib.sha256(b"\xaa" * 65_536).hexdigest()
    assert difference.expected == f"user=65,536 bytes, sha256:{digest[:16]}…"


def test_only_files_that_may_be_equal_are_read_and_none_that_seems_endless() -> None:
    """A sparse file of terabytes is cheap to make."""
    before = Tree(
        record("f", "/equal", size=LARGEST)
        + record("f", "/huge", size=LARGEST + 1)
        + record("f", "/longer", size=LARGEST + 1)
        + record("f", "/other")
        + record("f", "/size", size=3)
    )
    after = Tree(
        record("f", "/equal", size=LARGEST)
        + record("f", "/huge", size=LARGEST + 1)
        + record("f", "/longer", size=LARGEST + 2)
        + record("l", "/other", target="equal")
        + record("f", "/size", size=4)
    )
    files, too_large = files_to_hash(before, after, ["/equal", "/huge", "/longer", "/other", "/size"])
    assert files == ["/equal"]
    assert [str(one) for one in too_large] == ["/huge: content was 17179869185 bytes, is too large to be compared"]
