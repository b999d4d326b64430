"""An image with every kind of thing that an image can hold, written without slimmer: a layer from Python's tarfile.

It comes to the engine by `docker load`, which unpacks all of it: nanoseconds, attributes and devices, too.
"""

from __future__ import annotations

import hashlib
import io
import json
import stat
import struct
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from slimmer.engine.connection import Engine
from slimmer.image.tree import Entry
from tests.engine.names import OWN

CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)
"""cap_net_bind_service+ep (linux/capability.h, struct vfs_cap_data)."""

ACL = struct.pack("<I" + "HHI" * 5, 2, 1, 6, 2**32 - 1, 2, 6, 1000, 4, 4, 2**32 - 1, 16, 6, 2**32 - 1, 32, 4, 2**32 - 1)
"""user::rw-, user:1000:rw-, group::r--, mask::rw-, other::r-- (linux/posix_acl_xattr.h)."""

KINDS = {
    tarfile.REGTYPE: stat.S_IFREG, tarfile.SYMTYPE: stat.S_IFLNK, tarfile.DIRTYPE: stat.S_IFDIR,
    tarfile.FIFOTYPE: stat.S_IFIFO, tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK,
}  # fmt: skip
SECOND = 1_500_000_000
IMAGE = f"{OWN}-serve:latest"
UNTIMELY = {"/", "/etc", "/dev"}
"""The engine writes into these folders of every container, which changes their times."""


@dataclass(frozen=True)
class Thing:
    """One path of the image. A hard link's `link` is the other path, and all else is that path's."""

    path: str
    kind: bytes = tarfile.REGTYPE
    mode: int = 0o644
    owner: tuple[int, int] = (0, 0)
    content: bytes = b""
    mtime: tuple[int, int] = (SECOND, 0)
    link: str = ""
    device: tuple[int, int] = (0, 0)
    xattrs: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """What a path looks like, however it was looked at."""

    path: str
    mode: int
    owner: tuple[int, int]
    size: int
    mtime: tuple[int, int]
    device: tuple[int, int]
    target: str
    xattrs: tuple[tuple[str, bytes], ...]


def expected(things: Iterable[Thing]) -> dict[str, Seen]:
    """What an index of these things must show."""
    by_path = {thing.path: thing for thing in things}
    return {path: _expected(path, by_path[thing.link] if is_hard(thing) else thing) for path, thing in by_path.items()}


def is_hard(thing: Thing) -> bool:
    return thing.kind == tarfile.LNKTYPE


def _expected(path: str, thing: Thing) -> Seen:
    size = len(thing.link.encode(errors="surrogateescape")) if thing.kind == tarfile.SYMTYPE else len(thing.content)
    mode = thing.mode | KINDS[thing.kind]
    xattrs = tuple(sorted(thing.xattrs.items()))
    return Seen(path, mode, thing.owner, size, thing.mtime, thing.device, thing.link, xattrs)


def seen(entry: Entry) -> Seen:
    """An entry of slimmer's index in the same form; the sizes of directories say nothing."""
    size = 0 if entry.is_directory else entry.size
    owner = (entry.uid, entry.gid)
    return Seen(entry.path, entry.mode, owner, size, entry.mtime, entry.device, entry.target, entry.xattrs)


def layer(things: Iterable[Thing]) -> bytes:
    """A layer of these things in this order. What unpacks a hard link gives its owner and all else anew."""
    archive, by_path = io.BytesIO(), {thing.path: thing for thing in things}
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for thing in by_path.values():
            tar.addfile(_member(thing, by_path[thing.link] if is_hard(thing) else thing), io.BytesIO(thing.content))
    return archive.getvalue()


def _member(named: Thing, thing: Thing) -> tarfile.TarInfo:
    member = tarfile.TarInfo(named.path[1:] or ".")
    member.type, member.mode, member.size = named.kind, thing.mode, len(named.content)
    member.uid, member.gid = thing.owner
    member.devmajor, member.devminor = thing.device
    member.linkname = named.link[1:] if is_hard(named) else named.link
    member.mtime = thing.mtime[0]
    records = {f"SCHILY.xattr.{name}": value.decode(errors="surrogateescape") for name, value in thing.xattrs.items()}
    if thing.mtime[1]:
        records["mtime"] = "{}.{:09}".format(*thing.mtime)
    member.pax_headers = records
    return member


def load(engine: Engine, tag: str, content: bytes, config: Mapping[str, Any]) -> None:
    """An image of one layer, by `docker load`."""
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(content).hexdigest()}"]}
    description = {"architecture": engine.architecture, "os": "linux", "config": config, "rootfs": rootfs}
    files = {
        "config.json": json.dumps(description).encode(),
        "layer.tar": content,
        "manifest.json": json.dumps([{"Config": "config.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]).encode(),
    }
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    answers = list(engine.api.load_image(archive.getvalue()))
    assert not any("error" in answer for answer in answers), answers


def _folder(path: str, mode: int = 0o755, **more: Any) -> Thing:
    return Thing(path, tarfile.DIRTYPE, mode, **more)


def _link(path: str, target: str, **more: Any) -> Thing:
    return Thing(path, tarfile.SYMTYPE, 0o777, link=target, **more)


def _hard(path: str, other: str) -> Thing:
    return Thing(path, tarfile.LNKTYPE, link=other)


def _deep(levels: int, length: int) -> list[Thing]:
    paths = ["/deep"]
    for _ in range(levels):
        paths.append(f"{paths[-1]}/{'d' * length}")
    return [*map(_folder, paths), Thing(f"{paths[-1]}/bottom", content=b"here")]


CAFE = b"caf\xe9".decode(errors="surrogateescape")
HASHED = {f"/hash/{size}": bytes(i * 7 % 251 for i in range(size)) for size in range(301)}
HASHED["/hash/large"] = bytes(range(251)) * 4200

THINGS = [
    _folder("/"),
    _folder("/data", mtime=(SECOND, 5)),
    Thing("/data/one", content=b"shared", mtime=(SECOND, 7)),
    _hard("/data/two", "/data/one"),
    _folder("/etc"),
    Thing("/etc/own", content=b"the image's own\n"),
    _folder("/files"),
    Thing("/files/acl", mode=0o664, content=b"a", xattrs={"system.posix_acl_access": ACL}),
    Thing("/files/capable", mode=0o755, content=b"c", xattrs={"security.capability": CAPABILITY}),
    _hard("/files/capable-too", "/files/capable"),
    Thing("/files/empty"),
    Thing("/files/first", content=b"x" * 70_000),
    Thing("/files/marked", xattrs={"user.b": b"0", "user.a": bytes(range(256)), "user.\u00e9": b"=\n"}),
    Thing("/files/nano", mtime=(SECOND, 123_456_789)),
    Thing("/files/owned", mode=0o600, owner=(1000, 4242)),
    Thing("/files/owned-by-many", owner=(3_000_000_000, 2_500_000)),
    Thing("/files/secret", mode=0o000, content=b"only root reads this"),
    Thing("/files/setgid", mode=0o2755, owner=(0, 42)),
    Thing("/files/setuid", mode=0o4755, content=b"s"),
    _folder("/files/sticky", mode=0o1777),
    _hard("/files/zz-first", "/files/first"),
    _folder("/hash"),
    *(Thing(path, content=content) for path, content in HASHED.items()),
    _folder("/links"),
    _link("/links/dangling", "nowhere"),
    _link("/links/own", "/etc/own"),
    _link("/links/long", "../" * 40 + "t" * 200),
    _hard("/links/long-too", "/links/long"),
    _link("/links/out", "../../../../../.."),
    _link("/links/root", "/"),
    _link("/links/utf", CAFE),
    _folder("/names"),
    Thing("/names/" + "n" * 255, content=b"long"),
    Thing("/names/a b"),
    Thing("/names/a.b"),
    _folder("/names/a"),
    Thing("/names/a/b", content=b"sorted by its bytes"),
    Thing("/names/new\nline"),
    _folder("/names/" + CAFE),
    Thing("/names/" + CAFE + "/" + CAFE * 40),
    _folder("/special"),
    Thing("/special/block", tarfile.BLKTYPE, 0o660, owner=(0, 6), device=(7, 300)),
    Thing("/special/char", tarfile.CHRTYPE, 0o666, device=(1, 3)),
    Thing("/special/fifo", tarfile.FIFOTYPE, 0o620),
    *_deep(30, 99),
]
