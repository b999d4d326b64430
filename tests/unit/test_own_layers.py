"""Which paths of an image come from the layers that stay whole."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence

import pytest

from slimmer.image import own_layers as module
from slimmer.image.layer_border import Border, Found
from slimmer.image.own_layers import LayerReader, OwnLayers, own_layers
from slimmer.image.tree import Tree
from tests.unit.tree_maker import make_tree, record


def layer(*names: str) -> bytes:
    """A layer with these entries; those that end with a slash are directories."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name in names:
            member = tarfile.TarInfo(name.rstrip("/"))
            member.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            tar.addfile(member)
    return file.getvalue()


def own(tree: Tree, *layers: bytes, below: int = 1, instructions: Sequence[str] = ()) -> OwnLayers:
    reader = LayerReader(tree)
    places = [reader.read([data]) for data in layers]
    return own_layers(tree, Border(below, Found.NUMBER, ""), places, instructions)


def paths(tree: Tree, *layers: bytes, below: int = 1) -> dict[str, int]:
    """The paths that stay, each with the number of its layer."""
    return {path: one.number for path, one in own(tree, *layers, below=below).paths(tree)}


def test_what_the_upper_layers_have_stays_and_the_topmost_version_counts() -> None:
    tree = make_tree("f /base\nf /etc/conf\nf /srv/app\nd /srv/empty")
    base, middle = layer("base", "etc/", "etc/conf"), layer("srv/", "srv/app", "srv/empty/", "etc/conf")
    assert paths(tree, base, middle, layer("./srv/app")) == {"/srv": 2, "/srv/app": 3, "/srv/empty": 2, "/etc/conf": 2}


def test_a_file_that_a_later_layer_deleted_does_not_stay() -> None:
    tree = make_tree("f /base\nd /srv")
    whiteouts = layer("srv/", "srv/.wh.gone", "srv/.wh..wh..opq")
    assert paths(tree, layer("base"), layer("srv/", "srv/gone"), whiteouts) == {"/srv": 3}


def test_a_folder_that_became_a_link_takes_its_files_with_it() -> None:
    tree = make_tree("f /base\nf /new/file\nl /old -> new")
    assert paths(tree, layer("base", "new/", "new/file"), layer("old/"), layer("old")) == {"/old": 3}


def test_an_entry_below_a_link_of_the_base_stays_where_the_link_leads() -> None:
    tree = make_tree("l /lib -> usr/lib\nf /usr/lib/own.so\nf /usr/lib/base.so")
    assert paths(tree, layer("lib", "usr/lib/base.so"), layer("lib/own.so")) == {"/usr/lib/own.so": 2}


@pytest.mark.parametrize("name", ["../../etc/conf", "/etc/conf", "./etc//conf", "etc/x/../conf"])
def test_odd_names_mean_what_they_mean_to_an_engine(name: str) -> None:
    assert paths(make_tree("f /base\nf /etc/conf"), layer("base"), layer(name)) == {"/etc/conf": 2}


def test_files_and_sizes_are_those_that_the_image_shows() -> None:
    entries = [record("d", "/", mode=0o755), record("f", "/a", size=10)]
    entries += [record("f", path, size=100, links=2, inode=7) for path in ("/b", "/c")]
    tree = Tree(b"".join(entries))
    found = own(
        tree, layer("base"), layer("a", "b", "c", "gone"), layer("a"), instructions=("FROM", "RUN x", "COPY a /")
    )
    assert [(one.number, one.instruction, one.files, one.size) for one in found.layers] == [
        (3, "COPY a /", 1, 10),
        (2, "RUN x", 2, 100),
    ]
    assert (found.total, found.files, found.size) == (3, 3, 110)


def test_a_name_that_comes_many_times_counts_once() -> None:
    tree = make_tree("f /a")
    assert own(tree, layer(*["a"] * 500), below=0).files == 1


def test_no_layers_with_more_entries_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ENTRIES", 10)
    with pytest.raises(ValueError, match="more than 10 entries"):
        own(make_tree("f /a"), layer(*["a"] * 6), layer(*["a"] * 6))
