"""Times of directories that the engine wrote into are lost; those of all others are the image's own."""

from __future__ import annotations

import pytest

from slimmer.image.engine_artifacts import own_times, read_image_tree
from slimmer.image.tree import Tree
from tests.unit.tree_maker import make_tree, record

FOLDER = "/.slimmer-of-this-run"
STARTED = 1_700_000_100
CREATED = "2023-11-14T22:13:20.25Z"
CREATED_SECOND = 1_700_000_000


def at(path: str, seconds: int, nanoseconds: int) -> bytes:
    head, rest = record("d", path, mode=0o755, mtime=seconds).split(b"\0", 1)
    return head.replace(b" %d 0 " % seconds, b" %d %d " % (seconds, nanoseconds), 1) + b"\0" + rest


def time_of(path: str, seconds: int, nanoseconds: int = 0) -> tuple[int, int]:
    tree = Tree(at(path, seconds, nanoseconds) + record("d", FOLDER, mode=0o755, ctime=STARTED))
    entry = tree.get(path)
    assert entry is not None
    return own_times(tree, FOLDER, CREATED, ["/data/volume"])(entry)


@pytest.mark.parametrize("path", ["/", "/etc", "/dev", "/data"])
def test_a_directory_that_was_written_into_gets_the_images_time(path: str) -> None:
    assert time_of(path, STARTED) == (CREATED_SECOND, 0)


def test_a_directory_that_was_not_keeps_its_own() -> None:
    assert time_of("/srv", STARTED, 5) == (STARTED, 5)
    assert time_of("/etc", CREATED_SECOND - 5000, 7) == (CREATED_SECOND - 5000, 7)


def test_an_image_made_in_the_same_second_has_no_time_of_its_own() -> None:
    tree = Tree(at("/", CREATED_SECOND, 629) + record("d", FOLDER, mode=0o755, ctime=CREATED_SECOND))
    root = tree.get("/")
    assert root is not None
    assert own_times(tree, FOLDER, CREATED)(root) == (CREATED_SECOND, 0)


def test_the_probes_own_folder_is_not_the_images() -> None:
    index = b"".join(make_tree(f"d {FOLDER}\nf /srv/page").records())
    assert [entry.path for entry in read_image_tree(index, FOLDER, CREATED).tree] == ["/", "/srv", "/srv/page"]


@pytest.mark.parametrize("owner", [0, 65534])
def test_the_engines_own_link_is_not_the_images(owner: int) -> None:
    """With userns-remap it belongs to the host's root, which the container does not know."""
    made = record("l", "/etc/mtab", target="/proc/mounts", uid=owner, gid=owner, ctime=STARTED)
    tree = read_image_tree(b"".join((record("d", "/"), made, record("d", FOLDER, ctime=STARTED))), FOLDER, CREATED).tree
    assert "/etc/mtab" not in tree


@pytest.mark.parametrize(
    "record_of",
    [
        record("f", "/etc/hosts", uid=65534, gid=65534, ctime=STARTED),
        record("l", "/etc/mtab", target="/proc/mounts", uid=7, gid=7, ctime=STARTED),
    ],
)
def test_what_others_own_is_the_images(record_of: bytes) -> None:
    tree = read_image_tree(
        b"".join((record("d", "/"), record_of, record("d", FOLDER, ctime=STARTED))), FOLDER, CREATED
    ).tree
    assert len(tree) == 2


def of_podman(*records: bytes) -> list[str]:
    """The paths of a tree that podman showed, without directories."""
    index = [record("d", path, mode=0o755) for path in ("/", "/etc", "/run", "/srv")]
    own = record("f", "/run/.containerenv", mode=0o644, ctime=STARTED)
    whole = b"".join((*index, own, *records, record("d", FOLDER, ctime=STARTED)))
    found = read_image_tree(whole, FOLDER, CREATED).tree
    return [entry.path for entry in found if not entry.is_directory]


@pytest.mark.parametrize("mode", [0o755, 0o644])
def test_files_that_podman_mounts_over_are_not_the_images(mode: int) -> None:
    assert of_podman(record("f", "/etc/hostname", mode=mode, ctime=STARTED)) == []


def test_accounts_that_podman_writes_for_an_image_without_any_are_not_the_images() -> None:
    made = (
        record("f", "/etc/group", mode=0o600, ctime=STARTED, size=8),
        record("f", "/etc/passwd", mode=0o600, ctime=STARTED, size=26),
    )
    assert of_podman(*made) == []
    own = (
        record("f", "/etc/group", mode=0o644, ctime=STARTED, size=8),
        record("f", "/etc/passwd", mode=0o600, ctime=STARTED, size=900),
    )
    assert of_podman(*own) == ["/etc/group", "/etc/passwd"]


def test_files_of_the_image_are_not_podmans() -> None:
    """They have contents, another mode, or an older time; or podman makes none of that name."""
    own = (
        record("f", "/etc/hostname", mode=0o644, ctime=STARTED, size=5),
        record("f", "/etc/hosts", mode=0o600, ctime=STARTED),
        record("f", "/etc/resolv.conf", mode=0o644, ctime=STARTED - 3600),
        record("f", "/srv/empty", mode=0o644, ctime=STARTED),
    )
    assert of_podman(*own) == ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/srv/empty"]


def test_moby_makes_no_such_files() -> None:
    made = record("f", "/etc/hostname", mode=0o644, ctime=STARTED)
    index = b"".join((record("d", "/"), record("d", "/etc"), made, record("d", FOLDER, ctime=STARTED)))
    assert "/etc/hostname" in read_image_tree(index, FOLDER, CREATED).tree
