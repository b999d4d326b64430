"""Keep what the app looked at: the pristine file behind every access, and the links and directories on the way to it.

A look-up that found nothing keeps nothing, because it finds nothing in the slim image either. If a symbolic link was on the way,
the link stays: the app may go on to read it or to write through it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache

from slimmer.image.tree import Resolution, Tree
from slimmer.keep.analyzer import EVERY_POLICY, FunctionAnalyzer, Kept
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, leading
from slimmer.keep.keepset import REASONS, Finding, Reason
from slimmer.observe.log import Access, Operation

RULE = "observed"

_VERBS = {
    Operation.EXEC: "executed",
    Operation.OPEN: "opened",
    Operation.READ_DIR: "listed",
    Operation.LOOK_UP: "looked up",
    Operation.READ_LINK: "read as a link",
    Operation.CREATE: "created, or its place needed,",
    Operation.WRITE: "written",
    Operation.CHANGE: "changed",
}
_NEEDS_FOLDER = {Operation.CREATE, Operation.WRITE, Operation.CHANGE}


def observed(image: ImageView) -> Iterator[Finding]:
    """Yield the findings for each access, as the module's docstring says."""
    reason_of, seen = cache(_reason), Counter[tuple[str, ...]]()
    for access in image.log.accesses:
        reason = reason_of(access.operation, access.by)
        for path in dict.fromkeys((access.asked, access.resolved or access.asked)):
            resolution = image.tree.resolve(path)
            if resolution.end is not None:
                yield Finding(resolution.end, reason)
            elif not _matters(image.tree, access, resolution):
                continue
            seen[resolution.way] += 1
            if seen[resolution.way] <= REASONS:  # a folder may hold thousands of files, and needs no more reasons
                yield from leading(resolution.way, path)


def was_observed(path: str, kept: Kept) -> bool:
    """Return True if the app looked at a kept path itself."""
    return any(reason.rule == RULE for reason in kept.reasons(path))


def _reason(operation: Operation, by: str) -> Reason:
    return Reason(RULE, f"{_VERBS[operation]} by {by}")


def _matters(tree: Tree, access: Access, resolution: Resolution) -> bool:
    """Return True if the links and directories on the way to a path stay, although the image has nothing at its end."""
    return access.found or access.operation in _NEEDS_FOLDER or _passes_link(tree, resolution)


def _passes_link(tree: Tree, resolution: Resolution) -> bool:
    entries = (tree.get(step) for step in resolution.way)
    return any(entry is not None and entry.is_link for entry in entries)


ANALYZER = FunctionAnalyzer("observed", EVERY_POLICY, {RULE: Evidence.SEEN}, observed)
