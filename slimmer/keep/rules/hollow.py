"""Never leave a directory hollow: one that held something, and would now hold nothing.

A hollow folder says something else than the full one did: a Python package without its files imports as a namespace
package, and hides the ImportError that the code waits for. Such a folder keeps the files and links that lie directly in
it; where it has only folders, the first of them by name, treated alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slimmer.image.tree import Entry, Tree
from slimmer.keep.context import parent
from slimmer.keep.keepset import Finding, Reason


def hollow(tree: Tree, kept: Iterable[str]) -> Iterator[Finding]:
    """What fills the hollow directories among the kept paths."""
    paths = set(kept)
    filled = {parent(path) for path in paths if path != "/"}
    for path in sorted(paths - filled):
        entry = tree.get(path)
        if entry is not None and entry.is_directory:
            yield from _filling(tree, path)


def _filling(tree: Tree, directory: str) -> Iterator[Finding]:
    reason = Reason("not-hollow", f"{directory} is kept and was not empty")
    folders: list[Entry] = []
    found = False
    for entry in tree.children(directory):
        if entry.is_directory:
            folders.append(entry)
            continue
        found = True
        yield Finding(entry.path, reason)
    if not found and folders:
        yield Finding(folders[0].path, reason)
        yield from _filling(tree, folders[0].path)
