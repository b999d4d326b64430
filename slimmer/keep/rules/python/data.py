"""Data files of a package whose code looks for files beside itself (__file__, importlib.resources, pkgutil.get_data)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from slimmer.image.tree import Entry, Tree

LIBRARY_LIMIT = 1 << 21
"""Bytes of a library package's data that are kept; of a package with more, only what lies in the package's own folder."""

APP_LIMIT = 1 << 23
"""The same for the app's own packages."""

ENTRIES_LIMIT = 5000
_CODE = (".py", ".pyc", ".pyi", ".pyx", ".pxd", ".so", ".c", ".h", ".cpp", ".hpp", ".exe", ".dll")
_SKIPPED = frozenset({"__pycache__", "tests", "test", "docs", "doc", "node_modules", ".git", "site-packages"})


def package_data(tree: Tree, folder: str, limit: int) -> Iterator[str]:
    """Files below a package's folder that are not code, within the bound; folders of other packages are theirs."""
    files = list(_files(tree, folder))
    if sum(entry.size for entry in files) > limit:
        files = [entry for entry in files if posixpath.dirname(entry.path) == folder]
    if sum(entry.size for entry in files) <= limit:
        yield from (entry.path for entry in files)


def _files(tree: Tree, folder: str) -> Iterator[Entry]:
    pending, left = [folder], ENTRIES_LIMIT
    while pending:
        here = pending.pop()
        entries = list(tree.children(here))
        left -= len(entries)
        if left < 0:
            return
        if here != folder and any(posixpath.basename(entry.path) == "__init__.py" for entry in entries):
            continue
        pending += [
            entry.path
            for entry in entries
            if entry.is_directory and posixpath.basename(entry.path) not in _SKIPPED and "-info" not in entry.path
        ]
        yield from (entry for entry in entries if entry.is_file and not entry.path.endswith(_CODE))
