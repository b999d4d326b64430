"""Makes small trees for tests, in the probe's index format, from lines such as `d 755 /etc` or `l /bin -> usr/bin`."""

from __future__ import annotations

import os

from slimmer.image.tree import Tree

TYPES = {"d": 0o040000, "f": 0o100000, "l": 0o120000, "s": 0o140000, "p": 0o010000, "c": 0o020000, "b": 0o060000}


def record(kind: str, path: str, *, mode: int = 0o644, target: str = "", xattrs: str = "", **numbers: int) -> bytes:
    """One index entry; numbers are uid, gid, size, mtime, nanoseconds, links, inode, ctime, major, minor."""
    get = numbers.get
    head = (
        f"{TYPES[kind] | mode:o} {get('uid', 0)} {get('gid', 0)} {get('size', 0)} {get('mtime', 1000)} "
        f"{get('nanoseconds', 0)} {get('links', 1)} {get('inode', 1)} {get('ctime', 1000)} {get('major', 0)} {get('minor', 0)}"
    )
    return b"\0".join((head.encode(), os.fsencode(path), os.fsencode(target), xattrs.encode())) + b"\0"


def make_tree(text: str) -> Tree:
    """A tree from lines `KIND PATH` or `l PATH -> TARGET`; parents are made as needed."""
    records: dict[str, bytes] = {"/": record("d", "/", mode=0o755)}
    for line in text.strip().splitlines():
        kind, path = line.strip().split(" ", 1)
        path, _, target = path.partition(" -> ")
        for position in [i for i, c in enumerate(path) if c == "/" and i > 0]:
            records.setdefault(path[:position], record("d", path[:position], mode=0o755))
        mode = 0o777 if kind == "l" else 0o755 if kind == "d" else 0o644
        records[path] = record(kind, path, mode=mode, target=target)
    return Tree(b"".join(records.values()))
