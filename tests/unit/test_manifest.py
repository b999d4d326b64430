"""The manifest and the tree file give back what was written, whatever the image's names are."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
import zstandard

from slimmer.artifacts.manifest import manifest, read_manifest, write_manifest
from slimmer.artifacts.tree_file import read_tree, write_tree
from slimmer.errors import UsageError
from slimmer.image.tree import Entry, Tree
from slimmer.keep.keepset import KeepSet, Reason
from tests.unit.tree_maker import record

ODD = os.fsdecode(b"/srv/caf\xe9\n\x1b[31m\xf0\x9f\x90\xb3")
TREE = Tree(
    b"".join(
        [
            record("d", "/", mode=0o755),
            record("d", "/srv", mode=0o1777, uid=7, gid=8),
            record("f", ODD, mode=0o4755, size=12, mtime=77, xattrs="757365722e61=00ff"),
            record("l", "/srv/link", mode=0o777, target=ODD),
            record("c", "/srv/null", mode=0o666),
            record("f", "/srv/dropped"),
        ]
    )
)
WHY = Reason("opened", os.fsdecode(b"by /bin/caf\xe9"))


def mtime(entry: Entry) -> tuple[int, int]:
    return (entry.mtime[0], 5)


def lines_of(*paths: str) -> str:
    kept = KeepSet(dict.fromkeys(paths, (WHY,)))
    file = io.StringIO()
    write_manifest("sha256:1", manifest(TREE, kept, {ODD: "ab" * 32}, mtime), file)
    return file.getvalue()


def test_every_kept_path_has_a_line_in_the_order_of_a_walk() -> None:
    text = lines_of("/srv/null", "/srv/link", ODD, "/srv", "/")
    assert text.isascii()
    assert "\x1b" not in text
    assert [json.loads(line)["path"] for line in text.splitlines()[1:]] == ["/", "/srv", ODD, "/srv/link", "/srv/null"]


def test_a_line_says_what_the_path_is_and_why_it_stays() -> None:
    [file] = map(json.loads, lines_of(ODD).splitlines()[1:])
    assert file == {
        "path": ODD,
        "type": "file",
        "mode": "4755",
        "uid": 0,
        "gid": 0,
        "mtime": "77.000000005",
        "size": 12,
        "sha256": "ab" * 32,
        "xattrs": {"user.a": "00ff"},
        "reasons": [{"rule": "opened", "detail": WHY.detail}],
    }
    [link, device] = map(json.loads, lines_of("/srv/link", "/srv/null").splitlines()[1:])
    assert (link["type"], link["target"], "size" in link) == ("link", ODD, False)
    assert (device["type"], device["device"]) == ("character device", [0, 0])


def test_the_manifest_can_be_read_back() -> None:
    kept = KeepSet(dict.fromkeys(("/", "/srv", ODD, "/srv/link", "/srv/null"), (WHY,)))
    lines = list(manifest(TREE, kept, {ODD: "ab" * 32}, mtime))
    file = io.StringIO()
    write_manifest("sha256:1", lines, file)
    file.seek(0)
    assert list(read_manifest(file)) == lines


@pytest.mark.parametrize("text", ["nonsense", "{}", "[]", '{"path": "/", "type": "file", "mode": "9"}'])
def test_what_is_no_manifest_is_refused_with_the_line(text: str) -> None:
    file = io.StringIO(lines_of("/") + text + "\n")
    with pytest.raises(UsageError, match="line 3"):
        list(read_manifest(file))


def written_tree(path: Path) -> bytes:
    with path.open("wb") as file:
        write_tree(TREE, "sha256:abc", file)
    return path.read_bytes()


def test_a_tree_can_be_read_back(tmp_path: Path) -> None:
    written_tree(tmp_path / "tree")
    with (tmp_path / "tree").open("rb") as file:
        image, tree = read_tree(file)
    assert image == "sha256:abc"
    assert list(tree) == list(TREE)


def test_a_tree_is_one_json_document_in_ascii(tmp_path: Path) -> None:
    written_tree(tmp_path / "tree")
    with (tmp_path / "tree").open("rb") as file, zstandard.open(file, "rt", encoding="ascii") as text:
        document = json.loads(text.read())
    assert (document["format"], document["version"], len(document["entries"])) == ("slimmer-tree", "1.0", len(TREE))
    assert document["entries"][2][1] == ODD


def packed(text: str) -> bytes:
    return zstandard.compress(text.encode())


HEAD = '{"format": "slimmer-tree", "version": 1, "image": "x", "entries": [\n'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        packed(""),
        packed("{}"),
        packed(HEAD),
        packed(HEAD + '["a", "b"]\n]}\n'),
        packed(HEAD + '["40755 0 0 0 0 0 1 1 1 0 0", "/", "", ""],\n'),
        packed(HEAD.replace("1", "2") + "]}\n"),
        packed(HEAD.replace("slimmer-tree", "other") + "]}\n"),
        packed(HEAD + '["\\u0000", "", "", ""]\n]}\n'),
    ],
)
def test_what_is_no_tree_is_refused(content: bytes) -> None:
    with pytest.raises(UsageError):
        read_tree(io.BytesIO(content))


def test_a_tree_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    content = written_tree(tmp_path / "tree")
    with pytest.raises(UsageError):
        read_tree(io.BytesIO(content[:-5]))
