"""The pristine tree: look-ups, walks and resolution as the kernel does it."""

from __future__ import annotations

import pytest

from slimmer.errors import ObservationIncomplete
from slimmer.image.path_index import PathIndex
from slimmer.image.tree import Tree, content_size
from tests.unit.tree_maker import make_tree, record

TREE = make_tree(
    """
    l /bin -> usr/bin
    f /usr/bin/dash
    l /usr/bin/sh -> dash
    f /usr/bin-old
    f /etc/app.conf
    l /etc/loop -> loop
    l /etc/current -> /opt/v2/../v1
    f /opt/v1/run
    d /opt/v2
    l /etc/dangling -> /nowhere/at/all
    """
)


def test_entries_come_in_the_order_of_a_walk_whatever_the_order_of_the_index() -> None:
    paths = [entry.path for entry in TREE]
    assert paths[0] == "/"
    assert paths.index("/usr/bin/sh") < paths.index("/usr/bin-old")
    assert paths.index("/usr/bin") < paths.index("/usr/bin/dash")


def test_a_prefix_of_a_name_is_not_its_parent() -> None:
    assert [entry.path for entry in TREE.below("/usr/bin")] == ["/usr/bin/dash", "/usr/bin/sh"]
    assert [entry.path for entry in TREE.children("/usr")] == ["/usr/bin", "/usr/bin-old"]


def test_children_of_the_root() -> None:
    assert [entry.path for entry in TREE.children("/")] == ["/bin", "/etc", "/opt", "/usr"]


@pytest.mark.parametrize(
    ("path", "end", "way"),
    [
        ("/bin/sh", "/usr/bin/dash", {"/", "/bin", "/usr", "/usr/bin", "/usr/bin/sh"}),
        ("/etc/current/run", "/opt/v1/run", {"/", "/etc", "/etc/current", "/opt", "/opt/v2", "/opt/v1"}),
        ("/etc/../etc/./app.conf", "/etc/app.conf", {"/", "/etc"}),
        ("/etc/loop", None, {"/", "/etc", "/etc/loop"}),
        ("/etc/dangling", None, {"/", "/etc", "/etc/dangling"}),
        ("/usr/bin/dash/x", None, {"/", "/usr", "/usr/bin"}),
        ("/", "/", set()),
    ],
)
def test_resolution(path: str, end: str | None, way: set[str]) -> None:
    resolution = TREE.resolve(path)
    assert resolution.end == end
    assert set(resolution.way) == way


@pytest.mark.parametrize("folder", ["/usr/bin", "/etc/app.conf", "/no/such", "/usr/bin/", "/"])
@pytest.mark.parametrize("is_in_order", [True, False])
def test_children_and_all_below_agree_with_the_paths(folder: str, is_in_order: bool) -> None:
    records = list(TREE.records())
    tree = Tree(b"".join(records if is_in_order else reversed(records)))
    beginning = folder.rstrip("/") + "/"
    below = [entry.path for entry in tree if entry.path.startswith(beginning) and entry.path != "/"]
    assert [entry.path for entry in tree.below(folder)] == below
    assert [entry.path for entry in tree.children(folder)] == [
        path for path in below if "/" not in path[len(beginning) :]
    ]


def test_what_is_below_a_directory_that_was_left_out_can_be_listed() -> None:
    tree = TREE.without(["/usr/bin"])
    assert [entry.path for entry in tree.children("/usr/bin")] == ["/usr/bin/dash", "/usr/bin/sh"]


def test_no_path_has_a_nul_byte() -> None:
    tree = make_tree("l /a -> b")
    assert "/a\0b" not in tree
    assert tree.resolve("/a\0b").end is None
    assert PathIndex(b"".join(tree.records())).find(b"/a\0b") is None


def test_files_are_found_by_their_suffixes_in_any_case() -> None:
    tree = make_tree("f /x/b.HTML\nf /x/a.css\nf /x/.css\nf /x/c.py\nd /x/d.css\nl /x/e.css -> a.css")
    assert list(tree.files_named({".css", ".html"})) == ["/x/a.css", "/x/b.HTML"]


def test_names_that_are_not_utf8_survive() -> None:
    name = b"/caf\xe9".decode(errors="surrogateescape")
    tree = Tree(record("d", "/") + record("f", name, xattrs="757365722e61=00ff"))
    entry = tree.get(name)
    assert entry is not None
    assert entry.xattrs == (("user.a", b"\x00\xff"),)


def test_left_out_paths_are_gone_and_records_make_an_equal_tree() -> None:
    tree = TREE.without(["/usr/bin/sh", "/not/there"])
    assert "/usr/bin/sh" not in tree
    assert len(tree) == len(TREE) - 1
    assert [entry.path for entry in Tree(b"".join(tree.records()))] == [entry.path for entry in tree]


@pytest.mark.parametrize("cut", [5, 20, 50])
def test_an_index_that_is_cut_short_is_an_error(cut: int) -> None:
    blob = b"".join(TREE.records())
    with pytest.raises(ObservationIncomplete):
        Tree(blob[:-cut])


def test_children_skip_whatever_lies_below_them() -> None:
    lines = [f"f /a/{number % 7}/{number:03}" for number in range(300)] + ["f /a-b", "f /b"]
    tree = make_tree("\n".join(lines))
    assert [entry.path for entry in tree.children("/")] == ["/a", "/a-b", "/b"]
    assert [entry.path for entry in tree.children("/a")] == [f"/a/{number}" for number in range(7)]
    assert all(entry.path in tree and tree.get(entry.path) == entry for entry in tree)


def test_a_target_that_ends_in_a_slash_must_be_a_directory() -> None:
    tree = make_tree("f /file\nd /folder\nl /to-file -> file/\nl /to-folder -> folder/")
    assert tree.resolve("/to-file").end is None
    assert tree.resolve("/to-folder").end == "/folder"


@pytest.mark.parametrize("mode", [0o1777, 0o2755, 0o4755, 0o7777])
def test_a_walk_passes_directories_with_setgid_and_sticky_bits(mode: int) -> None:
    tree = Tree(record("d", "/", mode=0o755) + record("d", "/tmp", mode=mode) + record("f", "/tmp/x"))
    assert tree.resolve("/tmp/x").end == "/tmp/x"
    assert tree.number(b"/tmp") is None
    assert tree.numbered(tree.number(b"/tmp/x") or 0) == "/tmp/x"


def test_a_name_that_nobody_can_look_up_is_told_and_not_in_the_tree() -> None:
    """As the probe writes it: without a type."""
    nothing = b"0 0 0 0 0 0 0 0 0 0 0\0/srv/.wh.x\0\0\0"
    index = record("d", "/") + record("d", "/srv") + nothing + record("f", "/srv/page")
    tree = Tree(index)
    assert [entry.path for entry in tree] == ["/", "/srv", "/srv/page"]
    assert [entry.path for entry in tree.children("/srv")] == ["/srv/page"]
    assert "/srv/.wh.x" not in tree
    assert tree.listed_only == tree.without(["/srv/page"]).listed_only == ("/srv/.wh.x",)
    assert b"".join(tree.records()) == index.replace(nothing, b"")


def test_many_links_to_one_that_leads_a_long_way_walk_that_way_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the rule for links asks: each link of the image is resolved, and an image may have a million."""
    long_way = [f"l /chain{step} -> {'d/../' * 100}{f'chain{step + 1}' if step < 37 else 'end'}" for step in range(38)]
    names = [f"/name{number}" for number in range(50)]
    tree = make_tree("\n".join(["d /d", "f /end", *long_way, *(f"l {name} -> chain0" for name in names)]))
    looked = 0
    find = PathIndex.find

    def counted(index: PathIndex, path: bytes) -> int | None:
        nonlocal looked
        looked += 1
        return find(index, path)

    monkeypatch.setattr(PathIndex, "find", counted)
    assert {tree.resolve(name).end for name in names} == {"/end"}
    assert looked < 2 * len(long_way) * 100


def test_a_chain_of_links_is_as_long_wherever_it_is_entered() -> None:
    """What is remembered of a link does not make the way to it shorter: the kernel follows 40 links, and no more."""
    tree = make_tree(
        "\n".join(["f /end", *(f"l /l{step:02} -> {f'l{step + 1:02}' if step < 44 else 'end'}" for step in range(45))])
    )
    for step in reversed(range(45)):
        assert (tree.resolve(f"/l{step:02}").end == "/end") == (45 - step <= 40)


def test_an_entry_that_no_probe_writes_is_an_error() -> None:
    good = record("f", "/a")
    with pytest.raises(ObservationIncomplete, match="twice"):
        Tree(good + record("f", "/b") + good)
    for odd in (b"x\0/b\0\0\0", record("f", "/b", xattrs="zz=1"), record("f", "b")):
        with pytest.raises(ObservationIncomplete):
            Tree(good + odd + record("f", "/c"))


def test_the_size_is_that_of_the_files_and_hard_links_count_once() -> None:
    records = [
        record("d", "/", size=4096),
        record("f", "/a", size=10, inode=7, links=2),
        record("f", "/b", size=10, inode=7, links=2),
        record("f", "/c", size=1 << 40, inode=8, mode=0o6755, xattrs="61=62"),
        record("f", "/d", size=5, inode=8, uid=4_000_000_000, gid=4_000_000_000, mtime=-(10**15)),
        record("l", "/e", size=3, target="a b"),
        record("c", "/f", size=9),
    ]
    tree = Tree(b"".join(records))
    assert tree.content_size == content_size(tree) == 10 + (1 << 40) + 5
    assert tree.without(["/a", "/c"]).content_size == 15
    assert Tree(b"").content_size == 0


def test_files_with_setid_bits_are_files_and_pipes_are_none() -> None:
    kinds = {"f": 0o2644, "p": 0o644, "d": 0o2755, "c": 0o644, "b": 0o644, "s": 0o755, "l": 0o777}
    records = [record(kind, f"/{kind}.py", mode=mode) for kind, mode in kinds.items()]
    assert list(Tree(b"".join(records)).files_named({".py"})) == ["/f.py"]
