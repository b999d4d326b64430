"""What the observed policy keeps of a tree, given a log."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Iterator, Sequence

import pytest

from slimmer.errors import ObservationIncomplete
from slimmer.image.config import Healthcheck, ImageConfig
from slimmer.image.tree import Tree
from slimmer.keep.analyzer import EVERY_POLICY, Analyzer, FunctionAnalyzer, Kept
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView
from slimmer.keep.keeper import keep, keep_with
from slimmer.keep.keepset import Finding, KeepSet, Reason
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


def test_versions_stay_together_or_not_at_all() -> None:
    versions = "f /api/ec2/2014-09-01/a\nf /api/ec2/2016-11-15/a\nd /api/ec2"
    tree = make_tree(f"f /app\n{versions}")
    result = set(kept(tree, access("exec", "/app"), access("look-up", "/api/ec2")))
    assert {"/api/ec2/2014-09-01/a", "/api/ec2/2016-11-15/a"} <= result
    many = "\n".join(f"f /api/s3/2014-09-01/{number}" for number in range(300))
    tree = make_tree(f"f /app\n{many}\nf /api/s3/2015-01-01/a\nf /other/x/y\nf /other/z/y")
    result = set(kept(tree, access("exec", "/app"), access("look-up", "/api/s3"), access("look-up", "/other")))
    assert {path for path in result if path.startswith("/api/s3/")} == set()
    assert "/other/x/y" in result


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


@pytest.mark.parametrize(
    "accesses",
    [
        (),
        (access("look-up", "/"),),
        (access("open", "/nowhere", found=False), access("open", "/gone", resolved="/gone")),
    ],
)
def test_a_log_without_any_file_of_the_image_is_an_error(accesses: tuple[Access, ...]) -> None:
    tree = make_tree("f /app")
    with pytest.raises(ObservationIncomplete) as caught:
        keep(ImageView(tree, AccessLog("sha256:1", accesses), ImageConfig("i", "amd64", "linux"), read_nothing))
    assert caught.value.message == "the run recorded no access to any file of the image"
    assert caught.value.hint.startswith("Does the app start at all?")


def test_one_access_to_a_file_of_the_image_is_enough() -> None:
    tree = make_tree("f /app\nf /bin/sh")
    log = AccessLog("sha256:1", (access("open", "/nowhere", found=False), access("exec", "/bin/sh", by="")))
    assert "/bin/sh" in keep(ImageView(tree, log, ImageConfig("i", "amd64", "linux"), read_nothing))


def test_a_tree_of_thousands_of_levels_is_closed_without_recursion() -> None:
    deep = "/srv" + "/d" * 3000
    tree = make_tree(f"f /app\nf {deep}/file\nd /hollow" + "/d" * 3000)
    result = kept(tree, access("open", f"{deep}/file"), access("look-up", "/hollow"))
    assert deep in result
    assert "/hollow" + "/d" * 3000 in result


def test_a_folder_that_nothing_can_fill_ends() -> None:
    tree = make_tree("f /app\ns /run/only/app.sock\nf /etc/a")
    assert "/run/only" in kept(tree, access("look-up", "/run/only"))


class Scripted:
    """An analyzer that finds `seeds`, then of each path in `leads` the paths to which it leads. It notes what it is asked."""

    policies = EVERY_POLICY

    def __init__(self, id: str, seeds: str = "", **leads: str) -> None:
        self.id, self._seeds, self._leads = id, seeds.split(), leads
        self.rules = {id: Evidence.USED}
        self.asked: list[str] = []
        self.evidence: dict[str, frozenset[Evidence]] = {}

    def start(self, image: ImageView) -> Scripted:
        return self

    def seeds(self) -> Iterator[Finding]:
        return (Finding(path, Reason(self.id)) for path in self._seeds)

    def follow(self, added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        self.asked += added
        for path in added:
            self.evidence[path] = kept.evidence(path)
            for found in self._leads.get(path.rpartition("/")[2], "").split():
                yield Finding(found, Reason(self.id, f"beside {path}", path))


NOTHING = FunctionAnalyzer("nothing", EVERY_POLICY, {}, lambda image: None)


def kept_by(tree: Tree, *analyzers: Analyzer, extra: Iterable[Finding] = ()) -> KeepSet:
    log = AccessLog("sha256:1", (access("exec", "/app", by=""),))
    image = ImageView(tree, log, ImageConfig("sha256:1", "amd64", "linux"), read_nothing)
    return keep_with(analyzers, {"first": Evidence.ENGINE}, image, extra)


def test_what_was_followed_is_followed_in_its_turn_by_every_analyzer() -> None:
    tree = make_tree("f /app\nf /a\nf /b\nf /c\nf /d")
    first, second = Scripted("first", "/app", b="/c"), Scripted("second", app="/a", a="/b")
    result = kept_by(tree, first, NOTHING, second)
    assert set(result) == {"/", "/app", "/a", "/b", "/c"}
    assert result.reasons["/c"] == (Reason("first", "beside /b", "/b"),)


def test_each_path_is_asked_about_once() -> None:
    tree = make_tree("f /app\nf /a\nf /b\nf /srv/x\nd /srv/deep")
    first, second = Scripted("first", "/app /srv/deep", app="/a", a="/app"), Scripted("second", "/app", app="/b /a")
    kept_by(tree, first, second)
    paths = ["/", "/a", "/app", "/b", "/srv", "/srv/deep"]
    assert (sorted(first.asked), sorted(second.asked)) == (paths, paths)


def test_reasons_come_in_the_order_of_the_analyzers_and_extra_findings_last() -> None:
    tree = make_tree("f /app\nf /a")
    analyzers = Scripted("second", "/app"), Scripted("first", "/app")
    result = kept_by(tree, *analyzers, extra=[Finding("/app", Reason("missed"))])
    assert [reason.rule for reason in result.reasons["/app"]] == ["second", "first", "missed"]


def test_what_a_repair_adds_is_followed_too() -> None:
    tree = make_tree("f /app\nf /a\nf /b")
    assert "/b" in kept_by(tree, Scripted("first", a="/b"), extra=[Finding("/a", Reason("missed"))])


def test_what_fills_a_hollow_directory_is_followed_too() -> None:
    tree = make_tree("f /app\nf /srv/hollow/file\nf /lib\nf /lib2/x/y")
    result = kept_by(tree, Scripted("first", "/srv/hollow", file="/lib /lib2"))
    assert {"/srv/hollow/file", "/lib", "/lib2/x/y"} <= set(result)


def test_a_directory_that_following_fills_gets_nothing_else() -> None:
    tree = make_tree("f /app\nf /srv/a\nf /srv/b")
    result = kept_by(tree, Scripted("first", "/app /srv", app="/srv/b"))
    assert {"/srv", "/srv/b"} <= set(result)
    assert "/srv/a" not in result


def test_a_hollow_directory_that_cannot_be_filled_keeps_no_other_from_being_filled() -> None:
    tree = make_tree("f /app\ns /run/a/socket\nd /run/b\nf /run/c/file\nf /run/d/e/file")
    result = kept_by(tree, Scripted("first", "/run/a /run/b /run/c /run/d"))
    assert {"/run/a", "/run/b", "/run/c/file", "/run/d/e/file"} <= set(result)
    assert "/run/a/socket" not in result


def test_an_analyzer_learns_the_evidence_of_each_path() -> None:
    first = Scripted("first", "/app")
    kept_by(make_tree("f /app"), first)
    assert first.evidence["/app"] == {Evidence.ENGINE}, "the one that the keeper was told"
