"""Never leave a directory empty that held something in the image.

An empty directory can change what a program does: a Python package without its files imports as a namespace package, so the
code does not get the ImportError that it handles. Such a directory keeps the files and links directly in it. If it has only
folders, it keeps the first one by name, and the same applies to that one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slimmer.image.tree import Tree
from slimmer.keep.keepset import Finding, Reason

RULE = "not-hollow"


def nonempty_dirs(tree: Tree, directories: Iterable[str]) -> Iterator[Finding]:
    """Yield findings that fill these directories, in which nothing is kept."""
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
