"""Keep the entries of a directory that was listed for its names.

If a program lists a directory and then opens some of the entries, it wanted those, and they are kept already. If it opens none,
it wanted the names, as a scan for plug-ins, migrations or locales does. Then every entry stays. Processes that run the same
executable count as one program.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from slimmer.image.tree import Tree
from slimmer.keep.analyzer import EVERY_POLICY, FunctionAnalyzer
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, parent
from slimmer.keep.keepset import Finding, Reason
from slimmer.observe.log import AccessLog, Operation

RULE = "listed"


def listed(image: ImageView) -> Iterator[Finding]:
    """Yield every entry of each directory that a program listed in some run without touching an entry of it in that run."""
    for run in image.log.runs:
        yield from _listed(image, run)


def _listed(image: ImageView, run: AccessLog) -> Iterator[Finding]:
    for directory, executable in _name_seekers(run, _listers(image.tree, run)):
        reason = Reason(RULE, f"{executable or 'an unknown process'} listed {directory} and opened nothing in it")
        for entry in image.tree.children(directory):
            yield Finding(entry.path, reason)


def _listers(tree: Tree, log: AccessLog) -> dict[str, set[str]]:
    """Return the pristine directories that were listed, each with the executables that listed it."""
    listers: dict[str, set[str]] = defaultdict(set)
    for access in log.accesses:
        if access.operation is Operation.READ_DIR and access.found:
            end = tree.resolve(access.resolved or access.asked).end
            if end is not None:
                listers[end].add(access.executable)
    return listers


def _name_seekers(log: AccessLog, listers: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    """Yield each directory with each executable that listed it and touched nothing below it.

    An app may make paths that are thousands of directories deep. So only the folders of touched paths are held in memory,
    and of the directories above them only those that were listed.
    """
    folders = {
        (parent(path), access.executable)
        for access in log.accesses
        if access.found and access.operation is not Operation.READ_DIR
        for path in {access.asked, access.resolved or access.asked}
    }
    touched = {(above, by) for folder, by in folders for above in _upwards(folder) if by in listers.get(above, ())}
    waiting = {(directory, executable) for directory, names in listers.items() for executable in names}
    return iter(sorted(waiting - touched))


def _upwards(folder: str) -> Iterator[str]:
    """Yield a folder and every folder above it. A path may begin with two slashes: `//etc` means /etc."""
    while folder.strip("/"):
        yield folder
        folder = parent(folder)
    yield "/"


ANALYZER = FunctionAnalyzer("listed", EVERY_POLICY, {RULE: Evidence.LISTED}, listed)
