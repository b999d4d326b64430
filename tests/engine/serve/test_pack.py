"""`pack`: its tar as Python's tarfile reads it, and as the engine does, by `docker load` and by ADD."""

from __future__ import annotations

import io
import tarfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from math import floor
from pathlib import Path

import pytest

from slimmer.engine.connection import Engine
from slimmer.engine.resources import EngineResources
from slimmer.image.config import config_from_inspect
from slimmer.image.tree import Tree
from slimmer.observe.pristine import PristineImage
from slimmer.runs.image_mount import image_tree, open_pristine
from tests.engine.names import OWN
from tests.engine.serve import everything
from tests.engine.serve.everything import KINDS, THINGS, UNTIMELY, Seen, expected, is_hard, seen
from tests.engine.serve.serving import DEBIAN, Serve, served

PACKED = f"{OWN}-serve:packed"
TIMED = [(path, f"mtime={everything.SECOND}" if path in UNTIMELY else "") for path in expected(THINGS)]
"""Every path in the order in which it was made, which is not that of names; the engine's traces in times undone."""


def packed(pristine: PristineImage, pairs: Iterable[tuple[str, str]]) -> bytes:
    archive = io.BytesIO()
    pristine.pack(pairs, archive.write)
    return archive.getvalue()


def members(archive: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return tar.getmembers()


def as_seen(member: tarfile.TarInfo) -> Seen:
    time = Decimal(member.pax_headers.get("mtime", member.mtime))
    target = member.linkname if member.issym() else ""
    xattrs = [
        (name.removeprefix("SCHILY.xattr."), value.encode(errors="surrogateescape"))
        for name, value in member.pax_headers.items()
        if name.startswith("SCHILY.xattr.")
    ]
    return Seen(
        path="/" if member.name == "." else f"/{member.name}",
        mode=member.mode | KINDS[member.type],
        owner=(member.uid, member.gid),
        size=len(target.encode(errors="surrogateescape")) if target else member.size,
        mtime=(floor(time), int((time - floor(time)) * 10**9)),
        device=(member.devmajor, member.devminor),
        target=target,
        xattrs=tuple(sorted(xattrs)),
    )


@pytest.fixture(scope="module")
def archive(pristine: PristineImage) -> bytes:
    return packed(pristine, TIMED)


@contextmanager
def tree_of(scope: EngineResources, probe: Path, image: str) -> Iterator[tuple[Tree, PristineImage]]:
    config = config_from_inspect(scope.engine.api.inspect_image(image))
    with open_pristine(scope, config, image, probe, "again") as pristine:
        yield image_tree(pristine, config), pristine


def hard_links(tree: Tree) -> set[frozenset[str]]:
    together = defaultdict(set)
    for entry in tree:
        together[entry.inode].add(entry.path)
    return {frozenset(paths) for paths in together.values() if len(paths) > 1}


# ---------------------------------------------------------------------- as Python reads it


def test_the_tar_holds_every_path_as_it_is(archive: bytes) -> None:
    wanted = expected(THINGS)
    hard = {thing.path for thing in THINGS if is_hard(thing)}
    found = members(archive)
    assert [as_seen(member) for member in found if not member.islnk()] == [
        thing for path, thing in wanted.items() if path not in hard
    ]
    assert {f"/{member.name}": f"/{member.linkname}" for member in found if member.islnk()} == {
        thing.path: thing.link for thing in THINGS if is_hard(thing)
    }


def test_the_tar_holds_every_content(archive: bytes) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = {f"/{member.name}": tar.extractfile(member) for member in tar if member.isreg()}
        contents = {path: file.read() for path, file in files.items() if file}
    assert contents == {thing.path: thing.content for thing in THINGS if thing.kind == tarfile.REGTYPE}


def test_hard_links_carry_attributes_and_owner_again(archive: bytes) -> None:
    """An engine gives every member its owner, also a link; the kernel then takes capabilities and setuid away."""
    found = {member.name: member for member in members(archive)}
    first, link = found["files/capable"], found["files/capable-too"]
    assert link.islnk()
    assert (link.pax_headers, link.mode, link.uid, link.gid, link.mtime) == (
        first.pax_headers, first.mode, first.uid, first.gid, first.mtime,
    )  # fmt: skip


def test_the_same_paths_make_the_same_bytes(pristine: PristineImage, archive: bytes) -> None:
    assert packed(pristine, TIMED) == archive
    assert len(archive) % 512 == 0
    assert archive.endswith(bytes(1024))


def test_names_are_written_as_engines_write_them(pristine: PristineImage) -> None:
    archive = packed(pristine, [("/", "mtime=0"), ("/etc", "mtime=0"), ("/etc/own", "")])
    assert [archive[start : start + 9].rstrip(b"\0") for start in (0, 512, 1024)] == [b"./", b"etc/", b"etc/own"]
    assert archive[257:265] == b"ustar\x0000"


def test_no_user_names_and_no_other_times_are_told(archive: bytes) -> None:
    found = members(archive)
    assert {(member.uname, member.gname) for member in found} == {("", "")}
    records = {key for member in found for key in member.pax_headers if not key.startswith("SCHILY.xattr.")}
    assert records == {"path", "linkpath", "mtime", "uid", "gid"}


def test_a_hard_link_leads_to_what_was_packed_before(pristine: PristineImage) -> None:
    alone, both = ([("/files/zz-first", "")], [("/files/zz-first", ""), ("/files/first", "")])
    assert [(m.name, m.isreg(), m.size) for m in members(packed(pristine, alone))] == [("files/zz-first", True, 70_000)]
    assert [(m.name, m.linkname) for m in members(packed(pristine, both))] == [
        ("files/zz-first", ""),
        ("files/first", "files/zz-first"),
    ]
    assert members(packed(pristine, alone))[0].isreg()


def test_a_time_can_be_given(pristine: PristineImage) -> None:
    times = {"mtime=12": 12.0, "mtime=0": 0.0, "mtime=-5": -5.0, "mtime=99999999999": 99999999999.0}
    pairs = [("/files/nano", override) for override in times]
    assert [member.mtime for member in members(packed(pristine, pairs))] == list(times.values())


# ---------------------------------------------------------------------- as the engine reads it


def test_docker_load_gives_the_same_image_again(
    scope: EngineResources, engine: Engine, probe: Path, tree: Tree, archive: bytes, leftovers: None
) -> None:
    everything.load(engine, PACKED, archive, {"Cmd": ["/none"]})
    try:
        with tree_of(scope, probe, PACKED) as (again, pristine):
            wanted, got = expected(THINGS), {entry.path: seen(entry) for entry in again}
            hashes = dict(pristine.hash(list(everything.HASHED)))
    finally:
        engine.api.remove_image(PACKED, force=True)
    assert sorted(got) == sorted(wanted)
    assert [(got[path], thing) for path, thing in wanted.items() if path not in UNTIMELY and got[path] != thing] == []
    assert hard_links(again) == hard_links(tree)
    assert len(set(hashes.values())) == len(hashes)


def test_a_dockerfile_keeps_all_but_fractions_of_seconds_and_most_attributes(
    scope: EngineResources, engine: Engine, probe: Path, tree: Tree, archive: bytes, leftovers: None
) -> None:
    """ADD unpacks the tar and the engine packs it anew: then it takes whole seconds, and capabilities alone."""
    added(engine, archive)
    try:
        with tree_of(scope, probe, PACKED) as (again, _):
            got = {entry.path: seen(entry) for entry in again}
    finally:
        engine.api.remove_image(PACKED, force=True)
    wanted = {path: as_added(thing) for path, thing in expected(THINGS).items()}
    assert sorted(got) == sorted(wanted)
    assert [(got[path], thing) for path, thing in wanted.items() if path not in UNTIMELY and got[path] != thing] == []
    assert hard_links(again) == hard_links(tree)


def added(engine: Engine, archive: bytes) -> None:
    files = {"Dockerfile": b'FROM scratch\nADD rootfs.tar /\nCMD ["/none"]\n', "rootfs.tar": archive}
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    context.seek(0)
    answers = list(engine.api.build(fileobj=context, custom_context=True, tag=PACKED, rm=True, decode=True))
    assert not any("error" in answer for answer in answers), answers


def as_added(thing: Seen) -> Seen:
    xattrs = tuple(pair for pair in thing.xattrs if pair[0] == "security.capability")
    return replace(thing, mtime=(thing.mtime[0], 0), xattrs=xattrs)


# ---------------------------------------------------------------------- what no layer holds


def strange_members(strange: Serve, *paths: str) -> list[tarfile.TarInfo]:
    content, status = strange.ask("pack", *(field for path in paths for field in (path.encode(), b"")))
    assert status == "ok"
    return members(content)


def test_times_before_1970_are_kept(strange: Serve) -> None:
    (member,) = strange_members(strange, "/srv/nearly")
    assert as_seen(member).mtime == (-1, 750_000_000)
    assert member.pax_headers["mtime"] == "-0.250000000"


def test_an_empty_attribute_is_kept(strange: Serve) -> None:
    (member,) = strange_members(strange, "/srv/nearly")
    assert member.pax_headers["SCHILY.xattr.user.empty"] == ""


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/srv/socket", "/srv/socket: a socket cannot be packed"),
        ("/srv/old", "/srv/old: no tar can hold an attribute with this name: user.a=b"),
        ("/srv" + "/d" * 3000, "name too long"),
    ],
)
def test_what_no_tar_can_hold_is_an_error(strange: Serve, path: str, reason: str) -> None:
    assert strange.ask("pack", path.encode(), b"")[1].endswith(reason)
    assert strange_members(strange, "/srv/nearly")


def test_files_beyond_eight_gigabytes_are_announced_whole(scope: EngineResources, probe: Path) -> None:
    """Only the header is waited for: nine gigabytes of zeros take a while."""
    with served(scope, DEBIAN, probe, script="truncate -s 9G /huge", purpose="huge") as serve:
        serve.send("pack", b"/huge", b"mtime=0")
        start = serve.chunk()
        assert start[512:1024].rstrip(b"\0") == b"19 size=%d\n" % (9 << 30)
        assert tarfile.TarInfo.frombuf(start[1024:1536], "utf-8", "strict").name == "huge"
        serve.stream.close()
