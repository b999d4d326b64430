"""Never leave a directory hollow: one that held something, and would now hold nothing.

A hollow folder says something else than the full one did: a Python package without its files imports as a namespace
package, and hides the ImportError that the code waits for. Such a folder keeps the files and links that lie directly in
it; where it has only folders, the first of them by name, treated alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slimmer.image.tree import Tree
from slimmer.keep.keepset import Finding, Reason

RULE = "not-hollow"


def nonempty_dirs(tree: Tree, directories: Iterable[str]) -> Iterator[Finding]:
    """Findings that fill these directories, in which nothing is kept."""
    for path in directories:
        yield from _filling(tree, path)


def _filling(tree: Tree, directory: str) -> Iterator[Finding]:
    reason = Reason(RULE, f"{directory} is kept and was not empty")
    while directory:
        entries = list(tree.children(directory))
        files = [entry for entry in entries if not entry.is_directory]
        folders = [entry for entry in entries if entry.is_directory]
        chosen = files or folders[:1]
        yield from (Finding(entry.path, reason) for entry in chosen)
        directory = "" if files or not folders else folders[0].path
