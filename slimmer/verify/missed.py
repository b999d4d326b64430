"""What the slim image's app looked for in vain although the original has it: the look-ups that a repair mends.

The slim image runs under the probe, exercised as the original was. Whatever it asks for and does not find, while the
original's tree leads to something there, was dropped wrongly: the first run did not happen to ask for it. So was a file that
the app names where it differs: two runs of one app need not look for the same.
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
"""Entries of a dropped folder that come with it, when it was to be listed: more would be the whole image."""


MOST_NAMED = 20
"""Files of one verdict that come because the app names them."""

_PATH = re.compile(r"(?<![\w.:/~-])/[\w.+@%/-]*[\w+]")


def missed(original: Tree, kept: Container[str], log: AccessLog) -> Iterator[Finding]:
    """Findings for each access of the slim image's run (`log`) that failed, though the original has the path.

    What was to be made where the original has nothing yet lacked the folder for it. A path that is kept and yet was not
    found is not mended by keeping it: the app had removed it, or it lies behind a folder that it may not enter.
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
    """The path that was needed, and where it ends in the original: what was asked for, or the folder to make it in."""
    end = original.resolve(access.asked).end
    if end is not None or access.operation is not Operation.CREATE:
        return access.asked, end
    folder = parent(access.asked.rstrip("/"))
    return folder, original.resolve(folder).end


def _entries(original: Tree, end: str, access: Access, reason: Reason) -> Iterator[Finding]:
    """A folder that was opened in vain would have been listed next."""
    entry = original.get(end)
    if access.operation is Operation.OPEN and entry is not None and entry.is_directory:
        for position, child in enumerate(original.children(end)):
            if position == LISTED:
                return
            yield Finding(child.path, reason)


def named(original: Tree, kept: Container[str], differences: Iterable[Difference]) -> Iterator[Finding]:
    """Findings for each file that the slim image's app names in what it says otherwise than the original, which has it.

    "No such file or directory: '/etc/x'" says enough; where the original said it as well it is no such line.
    """
    lines = [line for one in differences for line in one.detail.splitlines() if not line.startswith("- ")]
    found = dict.fromkeys(path for line in lines for path in _PATH.findall(line))
    files = [path for path in found if _is_dropped_file(original, kept, path)]
    for path in files[:MOST_NAMED]:
        yield from reach(original, path, Reason(MISSED, "named by the slim image's app, which has it not"))


def _is_dropped_file(original: Tree, kept: Container[str], path: str) -> bool:
    end = original.resolve(path).end
    entry = None if end is None or end in kept else original.get(end)
    return entry is not None and entry.is_file
