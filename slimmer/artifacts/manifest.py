"""manifest.jsonl: a head, and one line of JSON for each path of the slim image with its reasons, in the order of a walk.

Names come from an untrusted image and need not be UTF-8. JSON is written in ASCII, where such bytes are escaped surrogates
(os.fsdecode), and control characters are escaped.
"""

from __future__ import annotations

import heapq
import itertools
import json
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal, TextIO, cast

from msgspec import UNSET, Meta, Struct, UnsetType, field, to_builtins

from slimmer.image.added_file import AddedFile
from slimmer.image.tree import Entry, Tree
from slimmer.keep.core.package_data import RULE
from slimmer.keep.keepset import KeepSet, Reason, walk_order
from slimmer.versioned_json import Format, Name, Number, Version, convert, parse, reading

NAME = "manifest.jsonl"
HINT = "`slimmer build` and `slimmer keep` write one."
LINE_LIMIT = 1 << 24
"""The most characters of a line. A path has at most 4096 bytes, and each extended attribute 64 kB (xattr(7))."""

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
    stat.S_IFSOCK: "socket",
}


Kind = Literal["file", "directory", "link", "fifo", "character device", "block device", "socket", "unknown"]


@dataclass(frozen=True, slots=True)
class Line:
    """One path of the slim image. `mode` has the permission bits; `size` and `sha256` are for regular files.

    `mtime` is in seconds and nanoseconds; `target` is for symbolic links; `device` is the major and minor number; the values of `xattrs`
    are in hex. `added` is true if slimmer wrote it itself.
    """

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    mtime: tuple[int, int]
    reasons: tuple[Reason, ...]
    size: int | None = None
    sha256: str = ""
    target: str = ""
    device: tuple[int, int] | None = None
    xattrs: tuple[tuple[str, str], ...] = ()
    added: bool = False


def manifest(
    tree: Tree,
    kept: KeepSet,
    digests: Mapping[str, str],
    mtime: Callable[[Entry], tuple[int, int]],
    added: Sequence[AddedFile] = (),
) -> Iterator[Line]:
    """Yield the lines for the kept paths of a tree and the added files, in the order of a walk.

    `digests` has the SHA-256 in hex by path; `mtime` returns the time of a path in the image.
    """
    own = (
        _line(entry, kept.reasons[path], digests.get(path, ""), mtime(entry))
        for path in kept
        if (entry := tree.get(path)) is not None
    )
    more = (
        replace(_line(one.entry, (Reason(RULE, one.detail),), one.sha256, one.entry.mtime), added=True) for one in added
    )
    return heapq.merge(own, more, key=lambda line: walk_order(line.path))


class ManifestHead(Struct, frozen=True):
    """The first line of a manifest: `image` is the ID of the original."""

    image: Name


class ManifestReason(Struct, frozen=True, omit_defaults=True):
    """The reason for a path: the rule, a detail for people, and the kept path that caused it, if there is one."""

    rule: Name
    detail: Name
    cause: Name = ""


class ManifestLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A path of the slim image, with its reasons. Fields that do not apply to its type are left out."""

    path: Name
    type: Kind
    mode: Annotated[
        str, Meta(pattern="^[0-7]{1,7}$", description="Permission bits in octal, with setuid, setgid, sticky.")
    ]
    uid: Number
    gid: Number
    mtime: Annotated[
        str, Meta(pattern=r"^-?[0-9]{1,20}\.[0-9]{1,9}$", description="Seconds since 1970, with nine digits.")
    ]
    size: Annotated[Number, Meta(description="Bytes of a regular file.")] | UnsetType = UNSET
    sha256: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$", description="Of a regular file's content, in hex.")] = ""
    target: Annotated[Name, Meta(description="Of a symbolic link.")] = ""
    device: Annotated[tuple[Number, Number], Meta(description="Major and minor number of a device.")] | UnsetType = (
        UNSET
    )
    xattrs: dict[Name, Annotated[str, Meta(pattern="^([0-9a-f]{2})*$", description="In hex.")]] = field(
        default_factory=dict
    )
    added: Annotated[bool, Meta(description="slimmer wrote the file. The others are the original's.")] = False
    reasons: tuple[ManifestReason, ...]


FORMAT = Format("slimmer-manifest", Version(1, 1), ManifestHead)
"""The version applies to the head and the lines."""


def write_manifest(image_id: str, lines: Iterable[Line], file: TextIO) -> None:
    """Write the head, with the ID of the original image, and then the lines."""
    file.write(json.dumps({**FORMAT.head, "image": image_id}) + "\n")
    for line in lines:
        file.write(json.dumps(to_builtins(_to_json(line))) + "\n")


def read_manifest(file: TextIO) -> Iterator[Line]:
    """Read what write_manifest wrote, one line at a time. The head may be missing, as in slimmer 0.1.

    Raises UsageError, with the line number, for anything else, for another version, and for a duplicate path.
    """
    name = getattr(file, "name", "the manifest")
    seen: set[str] = set()
    for number in itertools.count(1):
        with reading(f"{name}, line {number}", "a line of a manifest", HINT):
            words = file.readline(LINE_LIMIT)
            if not words:
                return
            data = parse(words)
            if number == 1 and isinstance(data, Mapping) and "format" in data:
                FORMAT.read(data)
                continue
            line = _from_json(convert(data, ManifestLine))
            if line.path in seen:
                raise ValueError("$.path: an earlier line has the same path")
            seen.add(line.path)
        yield line


def _line(entry: Entry, reasons: tuple[Reason, ...], digest: str, mtime: tuple[int, int]) -> Line:
    is_device = stat.S_ISCHR(entry.mode) or stat.S_ISBLK(entry.mode)
    return Line(
        path=entry.path,
        kind=KINDS.get(stat.S_IFMT(entry.mode), "unknown"),
        mode=stat.S_IMODE(entry.mode),
        uid=entry.uid,
        gid=entry.gid,
        mtime=mtime,
        reasons=reasons,
        size=entry.size if entry.is_file else None,
        sha256=digest,
        target=entry.target,
        device=entry.device if is_device else None,
        xattrs=tuple((name, value.hex()) for name, value in entry.xattrs),
    )


def _to_json(line: Line) -> ManifestLine:
    return ManifestLine(
        path=line.path,
        type=cast(Kind, line.kind),
        mode=f"{line.mode:04o}",
        uid=line.uid,
        gid=line.gid,
        mtime=f"{line.mtime[0]}.{line.mtime[1]:09d}",
        size=UNSET if line.size is None else line.size,
        sha256=line.sha256,
        target=line.target,
        device=UNSET if line.device is None else line.device,
        xattrs=dict(line.xattrs),
        added=line.added,
        reasons=tuple(ManifestReason(reason.rule, reason.detail, reason.cause) for reason in line.reasons),
    )


def _from_json(line: ManifestLine) -> Line:
    seconds, _, nanoseconds = line.mtime.partition(".")
    return Line(
        path=line.path,
        kind=line.type,
        mode=int(line.mode, 8),
        uid=line.uid,
        gid=line.gid,
        mtime=(int(seconds), int(nanoseconds)),
        reasons=tuple(Reason(reason.rule, reason.detail, reason.cause) for reason in line.reasons),
        size=None if line.size is UNSET else line.size,
        sha256=line.sha256,
        target=line.target,
        device=None if line.device is UNSET else line.device,
        xattrs=tuple(sorted(line.xattrs.items())),
        added=line.added,
    )
