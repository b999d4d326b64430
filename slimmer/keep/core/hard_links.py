"""Keep the other names that a kept program has in its folder, because many programs do what their name says.

A hard link costs no bytes. Examples are slapcat for slapd, gunzip for gzip, and git's commands. Files with setuid or setgid are left out.
"""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Iterator, Sequence

from slimmer.image.tree import Entry
from slimmer.keep.analyzer import BEYOND_OBSERVED, Follow, FunctionAnalyzer, Kept
from slimmer.keep.evidence import Evidence, reaches
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason

RULE = "hard-link"
NAMES = 1000
"""The most other names of one program that are kept."""


def hard_links(image: ImageView) -> Follow:
    """Keep the hard links to programs that were just kept, each program once."""
    seen: set[int] = set()

    def follow(added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        for path in added:
            entry = image.tree.get(path)
            if entry is None or not _is_program(entry) or entry.inode in seen:
                continue
            if reaches(kept.evidence(path), Evidence.SEEN):
                seen.add(entry.inode)
                yield from _others(image, entry)

    return follow


def _is_program(entry: Entry) -> bool:
    return (
        entry.is_file
        and entry.links > 1
        and bool(entry.mode & 0o111)
        and not entry.mode & (stat.S_ISUID | stat.S_ISGID)
    )


def _others(image: ImageView, program: Entry) -> Iterator[Finding]:
    left = NAMES
    for entry in image.tree.children(posixpath.dirname(program.path)):
        if entry.is_file and entry.inode == program.inode and entry.path != program.path and left > 0:
            left -= 1
            yield Finding(entry.path, Reason(RULE, f"another name for {program.path}", program.path))


ANALYZER = FunctionAnalyzer("hard-link", BEYOND_OBSERVED, {RULE: Evidence.STRUCTURAL}, follower=hard_links)
