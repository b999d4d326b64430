"""Find files that the slim image needs and lacks, so that a repair can add them.

The slim image runs under the probe and gets the same exercise as the original. If it looks for a path in vain that the original has,
that path was dropped wrongly: the first run did not happen to look for it. So was a file that the app names in a message that the
original does not write: two runs of one app need not look for the same files.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator

from slimmer.image.tree import Tree
from slimmer.keep.image_view import parent, reach
from slimmer.keep.keepset import MISSED, Finding, Reason
from slimmer.observe.log import Access, AccessLog, Operation
from slimmer.verify.structure import Difference

LISTED = 200
"""The number of entries that come with a dropped folder that the app lists: more could be the whole image."""

MOST_NAMED = 20
"""The number of files of one verdict that are added because the app names them."""

_PATH = re.compile(r"(?<![\w.:/~-])/[\w.+@%/-]*[\w+]")


def missed(original: Tree, kept: Container[str], log: AccessLog) -> Iterator[Finding]:
    """Yield findings for each access in the slim image's run (`log`) that failed, though the original has the path.

    If a path could not be created that the original does not have either, its folder was missing. A kept path that was not found
    yields nothing, since keeping it does not help: the app had removed it, or may not enter a folder on the way.
    """
    for access in log.accesses:
        if access.found:
            continue
        path, end = _wanted(original, access)
        if end is None or end in kept:
            continue
        reason = Reason(MISSED, f"missed on replay by {access.executable or 'an unknown process'}")
        yield from reach(original, path, reason)
        yield from _entries(original, end, access, reason)


def _wanted(original: Tree, access: Access) -> tuple[str, str | None]:
    """Return the path that was needed and its target in the original: the path itself, or the folder to create it in."""
    end = original.resolve(access.asked).end
    if end is not None or access.operation is not Operation.CREATE:
        return access.asked, end
    folder = parent(access.asked.rstrip("/"))
    return folder, original.resolve(folder).end


def _entries(original: Tree, end: str, access: Access, reason: Reason) -> Iterator[Finding]:
    """Yield the entries of a folder that the app tried to open: it would have listed them next."""
    entry = original.get(end)
    if access.operation is Operation.OPEN and entry is not None and entry.is_directory:
        for position, child in enumerate(original.children(end)):
            if position == LISTED:
                return
            yield Finding(child.path, reason)


def named(original: Tree, kept: Container[str], differences: Iterable[Difference]) -> Iterator[Finding]:
    """Yield findings for each file of the original that the slim image's app names in an answer or message that differs.

    "No such file or directory: '/etc/x'" says enough. If the original wrote that line too, it is not among the differences.
    """
    lines = [line for one in differences for line in one.detail.splitlines() if not line.startswith("- ")]
    found = dict.fromkeys(path for line in lines for path in _PATH.findall(line))
    files = [path for path in found if _is_dropped_file(original, kept, path)]
    for path in files[:MOST_NAMED]:
        yield from reach(original, path, Reason(MISSED, "the app logged that this file is missing"))


def _is_dropped_file(original: Tree, kept: Container[str], path: str) -> bool:
    end = original.resolve(path).end
    entry = None if end is None or end in kept else original.get(end)
    return entry is not None and entry.is_file
