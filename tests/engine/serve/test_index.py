"""`index`, held against the image as it was made, and against `docker export`."""

from __future__ import annotations

import stat
import tarfile
from collections import defaultdict
from pathlib import Path

import docker

from slimmer.engine.resources import EngineResources
from slimmer.image.config import config_from_inspect
from slimmer.image.tree import Tree
from slimmer.runs.image_mount import image_tree, open_pristine
from tests.engine.export import ENGINE_MADE, export
from tests.engine.serve.everything import THINGS, UNTIMELY, expected, is_hard, seen
from tests.engine.serve.serving import DEBIAN, Serve, entries, lines, served

ABYSS = """
mount -t tmpfs none /mnt
cp $probe /mnt/slimmer-probe
touch /mnt/file
perl -e 'chdir "/mnt"; for (1..9000) { mkdir "d"; chdir "d" or die }'
exec chroot /mnt /slimmer-probe serve
"""


def test_the_index_shows_the_image_as_it_was_made(tree: Tree) -> None:
    wanted, got = expected(THINGS), {entry.path: seen(entry) for entry in tree}
    assert sorted(got) == sorted(wanted)
    assert [(got[path], thing) for path, thing in wanted.items() if path not in UNTIMELY and got[path] != thing] == []


def test_hard_links_share_an_inode_and_nothing_else_does(tree: Tree) -> None:
    """Also in a VOLUME, whose contents the engine would have copied, file by file."""
    together = defaultdict(set)
    for entry in tree:
        together[entry.inode].add(entry.path)
    shared = {frozenset(paths) for paths in together.values() if len(paths) > 1}
    assert shared == {frozenset({thing.path, thing.link}) for thing in THINGS if is_hard(thing)}
    assert all(tree.get(path).links == len(paths) for paths in shared for path in paths)  # type: ignore[union-attr]


def test_the_index_comes_in_the_order_of_a_walk(serve: Serve) -> None:
    blob, _ = serve.ask("index")
    paths = blob.split(b"\0")[1::4]
    assert paths == sorted(paths, key=lambda path: path.replace(b"/", b"\0"))
    assert paths[0] == b"/"


def test_the_index_equals_an_export(scope: EngineResources, probe: Path) -> None:
    """A real distribution, looked at by `docker export` and Python's tarfile."""
    client = docker.from_env(timeout=120)
    exported = export(client, DEBIAN)
    client.close()
    debian = config_from_inspect(scope.engine.api.inspect_image(DEBIAN))
    with open_pristine(scope, debian, DEBIAN, probe, "debian") as pristine:
        tree = image_tree(pristine, debian)
        hashes = dict(pristine.hash([entry.path for entry in tree if entry.is_file]))
    named = {entry.path[1:]: entry for entry in tree.below("/") if entry.path[1:] not in ENGINE_MADE}
    assert sorted(named) == sorted(exported)
    for entry in named.values():
        other = exported[entry.path[1:]]
        assert (stat.S_IMODE(entry.mode), entry.uid, entry.gid) == (stat.S_IMODE(other.mode), *other.owner), entry.path
        if entry.path not in UNTIMELY:
            assert entry.mtime[0] == other.mtime, entry.path
        if other.kind == tarfile.LNKTYPE:
            assert tree.get(f"/{other.link}").inode == entry.inode  # type: ignore[union-attr]
        else:
            digest = hashes.get(entry.path, "")
            assert (entry.target, digest) == (other.link, other.digest), entry.path


def test_strange_things_are_told_as_they_are(strange: Serve) -> None:
    index = entries(strange)
    assert stat.S_ISSOCK(index["/srv/socket"].mode)
    assert index["/srv/old"].mtime == (-315619200, 250_000_000)
    assert index["/srv/nearly"].mtime == (-1, 750_000_000)
    assert index["/srv/old"].xattrs == (("user.a=b", b"v"),)
    assert index["/srv/nearly"].xattrs == (("user.empty", b""),)
    assert index["/srv/huge"].size == 9 << 30


def test_paths_longer_than_the_kernel_takes_are_told(strange: Serve) -> None:
    assert entries(strange)["/srv" + ("/" + "d" * 100) * 60 + "/bottom"].is_file


def test_what_is_mounted_does_not_show(strange: Serve) -> None:
    index = entries(strange)
    assert index["/srv/mount"].is_directory
    assert [path for path in index if path.startswith(("/srv/mount/", "/proc/", "/sys/"))] == []


def test_a_tree_without_end_is_an_error_and_not_the_end(scope: EngineResources, probe: Path) -> None:
    """It lies in a file system of its own, which goes with the container: engines cannot remove so deep a tree."""
    with served(scope, DEBIAN, probe, script=ABYSS, purpose="abyss") as serve:
        blob, status = serve.ask("index")
        assert status.startswith("directories lie more than 8192 deep: /d/d/d")
        assert blob.split(b"\0")[1 + 4 * 8000] == b"/d" * 8000
        assert lines(serve.ask("read", b"/file")) == [b"0"]
