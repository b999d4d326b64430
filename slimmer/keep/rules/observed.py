"""Keep what the app looked at: the pristine file behind every access, and the way to it.

A look-up that found nothing keeps nothing (in the slim image it finds nothing again), except where a symbolic link was on
the way: the link itself may be what the app goes on to read or to write through.
"""

from __future__ import annotations

from collections.abc import Iterator

from slimmer.image.tree import Resolution, Tree
from slimmer.keep.context import Context, leading
from slimmer.keep.keepset import Finding, Reason
from slimmer.observe.log import Access, Operation

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
_BRINGS_INTO_BEING = {Operation.CREATE, Operation.WRITE, Operation.CHANGE}


def observed(context: Context) -> Iterator[Finding]:
    """One finding or more for each access; see the module."""
    for access in context.log.accesses:
        reason = Reason("observed", f"{_VERBS[access.operation]} by {access.executable or 'an unknown process'}")
        yield from _kept(context.tree, access, access.asked, reason)
        if access.resolved and access.resolved != access.asked:
            yield from _kept(context.tree, access, access.resolved, reason)


def _kept(tree: Tree, access: Access, path: str, reason: Reason) -> Iterator[Finding]:
    resolution = tree.resolve(path)
    if resolution.end is not None:
        yield Finding(resolution.end, reason)
    elif not (access.found or access.operation in _BRINGS_INTO_BEING or _passes_link(tree, resolution)):
        return
    yield from leading(resolution.way, path)


def _passes_link(tree: Tree, resolution: Resolution) -> bool:
    entries = (tree.get(step) for step in resolution.way)
    return any(entry is not None and entry.is_link for entry in entries)
