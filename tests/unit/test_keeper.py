"""What the observed policy keeps of a tree, given a log."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Iterator

import pytest

from slimmer.errors import ObservationIncomplete
from slimmer.image.config import Healthcheck, ImageConfig
from slimmer.image.tree import Tree
from slimmer.keep.image_view import ImageView
from slimmer.keep.keeper import keep
from slimmer.keep.keepset import KeepSet
from slimmer.observe.log import Access, AccessLog, Operation
from tests.unit.tree_maker import make_tree


def access(operation: str, asked: str, *, found: bool = True, resolved: str = "", by: str = "/app") -> Access:
    return Access(Operation(operation), asked, resolved or (asked if found else ""), found, 1, by)


def read_nothing(paths: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
    return ((path, None) for path in paths)


def kept(tree: Tree, *accesses: Access, config: ImageConfig | None = None, home: str = "") -> KeepSet:
    image = config or ImageConfig("sha256:1", "amd64", "linux")
    started = access("exec", "/app", by="")
    return keep(ImageView(tree, AccessLog("sha256:1", (started, *accesses)), image, read_nothing, home))


def test_a_file_is_kept_with_all_that_leads_to_it_and_nothing_else() -> None:
    tree = make_tree("f /app\nl /lib -> usr/lib\nf /usr/lib/libc.so.6\nf /usr/lib/libm.so.6\nf /usr/share/doc/x")
    assert set(kept(tree, access("open", "/lib/libc.so.6", resolved="/usr/lib/libc.so.6"))) == {
        "/", "/app", "/lib", "/usr", "/usr/lib", "/usr/lib/libc.so.6",
    }  # fmt: skip


def test_stat_only_files_stay_when_one_path_is_a_prefix_of_another() -> None:
    tree = make_tree("f /app\nf /srv/a\nf /srv/ab\nf /srv/abc")
    result = kept(tree, access("look-up", "/srv/a"), access("look-up", "/srv/abc"))
    assert "/srv/a" in result
    assert "/srv/abc" in result
    assert "/srv/ab" not in result


def test_a_missing_path_keeps_nothing_but_the_place_of_a_created_one_stays() -> None:
    tree = make_tree("f /app\nd /var/cache/app\nd /var/lib/other\nd /opt/x")
    result = kept(
        tree,
        access("look-up", "/opt/x/none", found=False),
        access("create", "/var/cache/app/new", found=False),
    )
    assert "/var/cache/app" in result
    assert "/opt/x" not in result
    assert "/var/lib/other" not in result


def test_a_dangling_link_stays_when_it_was_met() -> None:
    tree = make_tree("f /app\nl /var/log/app.log -> /dev/stdout\nl /var/log/other.log -> /dev/stdout")
    result = kept(tree, access("create", "/var/log/app.log", found=False))
    assert "/var/log/app.log" in result
    assert "/var/log/other.log" not in result


def test_a_file_that_the_app_removed_is_kept_as_it_was() -> None:
    tree = make_tree("f /app\nf /etc/once\nf /etc/twice")
    result = kept(tree, access("change", "/etc/once"), access("open", "/etc/once", found=False))
    assert "/etc/once" in result
    assert "/etc/twice" not in result


def test_listing_for_names_keeps_the_entries_but_opening_one_is_enough() -> None:
    tree = make_tree("f /app\nf /plugins/a\nf /plugins/b\nf /lib/one\nf /lib/two")
    result = kept(
        tree,
        access("read-dir", "/plugins"),
        access("open", "/plugins/a", by="/another"),
        access("read-dir", "/lib"),
        access("open", "/lib/one"),
    )
    assert {"/plugins/a", "/plugins/b", "/lib/one"} <= set(result)
    assert "/lib/two" not in result


def test_listing_for_names_is_told_for_names_with_two_slashes_too() -> None:
    tree = make_tree("f /seen\nf /unseen")
    assert set(kept(tree, access("read-dir", "/"), access("open", "//seen"))) == {"/", "/seen"}


def test_paths_of_thousands_of_levels_do_not_fill_the_memory() -> None:
    """An app can make as many of them as it likes."""
    deep = [access("create", f"/tmp/{number}/{'a/' * 1000}x") for number in range(100)]
    tracemalloc.start()
    try:
        kept(make_tree("f /app"), access("read-dir", "/"), access("open", "/app"), *deep)
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


def test_a_directory_is_never_left_hollow() -> None:
    tree = make_tree(
        "f /app\nf /py/pkg/__init__.py\nf /py/pkg/sub/mod.py\nf /share/doc/a/x\nf /share/doc/b/y\nd /empty"
    )
    result = kept(tree, access("look-up", "/py/pkg"), access("look-up", "/share"), access("look-up", "/empty"))
    assert {"/py/pkg/__init__.py", "/share/doc/a/x", "/empty"} <= set(result)
    assert "/share/doc/b/y" not in result
    assert "/py/pkg/sub" not in result


def test_other_names_of_kept_files_stay_through_chains() -> None:
    tree = make_tree(
        "f /app\nf /usr/bin/python3.11\nl /usr/bin/python3 -> python3.11\nl /etc/alternatives/python -> /usr/bin/python3\n"
        "l /usr/bin/python -> /etc/alternatives/python\nf /usr/bin/perl\nl /usr/bin/perl5 -> perl"
    )
    result = kept(tree, access("exec", "/usr/bin/python3.11"))
    assert {"/usr/bin/python", "/etc/alternatives/python", "/usr/bin/python3"} <= set(result)
    assert "/usr/bin/perl5" not in result


def test_what_only_the_engine_reads_stays() -> None:
    tree = make_tree(
        "f /app\nf /etc/passwd\nf /etc/group\nf /etc/shadow\nd /srv/work\nf /data/seed/db\nd /home/me\nd /tmp\nd /proc\n"
        "f /usr/bin/dash\nl /usr/bin/sh -> dash\nl /bin -> usr/bin"
    )
    config = ImageConfig(
        "sha256:1", "amd64", "linux", working_dir="/srv/work", volumes=("/data",),
        healthcheck=Healthcheck(("CMD-SHELL", "true")),
    )  # fmt: skip
    result = kept(tree, config=config, home="/home/me")
    expected = {
        "/etc/passwd",
        "/etc/group",
        "/srv/work",
        "/data/seed/db",
        "/home/me",
        "/tmp",
        "/proc",
        "/bin/sh",
    }
    assert expected - {"/bin/sh"} <= set(result)
    assert "/usr/bin/dash" in result
    assert "/etc/shadow" not in result


def test_every_kept_path_says_why() -> None:
    tree = make_tree("f /app\nf /etc/app.conf")
    result = kept(tree, access("open", "/etc/app.conf", by="/usr/bin/node"))
    assert [str(reason) for reason in result.reasons["/etc/app.conf"]] == ["observed: opened by /usr/bin/node"]
    assert all(result.reasons[path] for path in result)


def test_what_the_probe_starts_is_the_engines_to_start() -> None:
    result = kept(make_tree("f /app\nf /bin/check"), access("exec", "/bin/check", by="(slimmer-probe)"))
    assert [str(reason) for reason in result.reasons["/bin/check"]] == ["observed: executed by the engine"]


def test_sockets_are_left_out_since_no_layer_can_hold_them() -> None:
    tree = make_tree("f /app\ns /run/app.sock\nf /run/pid")
    result = kept(tree, access("look-up", "/run/app.sock"), access("open", "/run/pid"))
    assert "/run/app.sock" not in result
    assert "/run/pid" in result


def test_an_empty_log_is_an_error() -> None:
    tree = make_tree("f /app")
    with pytest.raises(ObservationIncomplete):
        keep(ImageView(tree, AccessLog("sha256:1", ()), ImageConfig("i", "amd64", "linux"), read_nothing))


def test_a_tree_of_thousands_of_levels_is_closed_without_recursion() -> None:
    deep = "/srv" + "/d" * 3000
    tree = make_tree(f"f /app\nf {deep}/file\nd /hollow" + "/d" * 3000)
    result = kept(tree, access("open", f"{deep}/file"), access("look-up", "/hollow"))
    assert deep in result
    assert "/hollow" + "/d" * 3000 in result


def test_a_folder_that_nothing_can_fill_ends() -> None:
    tree = make_tree("f /app\ns /run/only/app.sock\nf /etc/a")
    assert "/run/only" in kept(tree, access("look-up", "/run/only"))
