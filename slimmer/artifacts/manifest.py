"""manifest.jsonl: a line of JSON for each path of the slim image, in the order of a walk, with the reasons why it is there.

Names come from an untrusted image and need not be UTF-8: JSON is written in ASCII, where such bytes are escaped surrogates
(os.fsdecode), and control characters are escapes.
"""

from __future__ import annotations

import itertools
import json
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from slimmer.image.tree import Entry, Tree
from slimmer.keep.keepset import KeepSet, Reason
from slimmer.versioned_json import items, number, reading, table, text

NAME = "manifest.jsonl"
HINT = "`slimmer build` and `slimmer keep` write one."
LINE_LIMIT = 1 << 24
"""Characters; a path has at most 4096 bytes, each extended attribute 64 kB (xattr(7))."""

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
    stat.S_IFSOCK: "socket",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One path of the slim image. `mode` is the permission bits; `size` and `sha256` are a regular file's.

    `mtime` is in seconds and nanoseconds; `target` is a symbolic link's; `device` is major and minor number;
    `xattrs` have their values in hex.
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


def manifest(
    tree: Tree, kept: KeepSet, digests: Mapping[str, str], mtime: Callable[[Entry], tuple[int, int]]
) -> Iterator[Line]:
    """The lines for what is kept of a tree. `digests`: SHA-256 in hex by path; `mtime`: the time a path has in the image."""
    for path in kept:
        entry = tree.get(path)
        if entry is not None:
            yield _line(entry, kept.reasons[path], digests.get(path, ""), mtime(entry))


def write_manifest(lines: Iterable[Line], file: TextIO) -> None:
    """Write one line after the other."""
    for line in lines:
        file.write(json.dumps(_to_json(line)) + "\n")


def read_manifest(file: TextIO) -> Iterator[Line]:
    """Read what write_manifest wrote, a line at a time. Raises UsageError, with the line's number, for anything else."""
    name = getattr(file, "name", "the manifest")
    for number_of_line in itertools.count(1):
        with reading(f"{name}, line {number_of_line}", "a line of a manifest", HINT):
            words = file.readline(LINE_LIMIT)
            line = _from_json(table(json.loads(words))) if words else None
        if line is None:
            return
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


def _to_json(line: Line) -> dict[str, Any]:
    """What every path has, and then only what this one has."""
    head = {
        "path": line.path,
        "type": line.kind,
        "mode": f"{line.mode:04o}",
        "uid": line.uid,
        "gid": line.gid,
        "mtime": f"{line.mtime[0]}.{line.mtime[1]:09d}",
    }
    special = {
        "size": line.size,
        "sha256": line.sha256 or None,
        "target": line.target or None,
        "device": line.device,
        "xattrs": dict(line.xattrs) or None,
    }
    reasons = [_reason(reason) for reason in line.reasons]
    return head | {key: value for key, value in special.items() if value is not None} | {"reasons": reasons}


def _reason(reason: Reason) -> dict[str, str]:
    words = {"rule": reason.rule, "detail": reason.detail}
    return words | ({"cause": reason.cause} if reason.cause else {})


def _from_json(data: Mapping[str, Any]) -> Line:
    seconds, _, nanoseconds = text(data["mtime"]).rpartition(".")
    return Line(
        path=text(data["path"]),
        kind=text(data["type"]),
        mode=int(text(data["mode"]), 8),
        uid=number(data["uid"]),
        gid=number(data["gid"]),
        mtime=(int(seconds), int(nanoseconds)),
        reasons=tuple(_reason_from_json(table(reason)) for reason in items(data["reasons"])),
        size=number(data["size"]) if "size" in data else None,
        sha256=text(data.get("sha256", "")),
        target=text(data.get("target", "")),
        device=_device(items(data["device"], 2)) if "device" in data else None,
        xattrs=tuple(sorted((text(name), text(value)) for name, value in table(data.get("xattrs", {})).items())),
    )


def _device(numbers: list[Any]) -> tuple[int, int]:
    return number(numbers[0]), number(numbers[1])


def _reason_from_json(data: Mapping[str, Any]) -> Reason:
    return Reason(text(data["rule"]), text(data["detail"]), text(data.get("cause", "")))
