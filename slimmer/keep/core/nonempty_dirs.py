"""Never leave a directory empty that held something in the image.

An empty directory can change what a program does: a Python package without its files imports as a namespace package, so the
code does not get the ImportError that it handles. Such a directory keeps the files and links directly in it. If it has only
folders, it keeps the first one by name, and the same applies to that one.

Folders named like versions or dates (`api/2014-09-01`, `api/2015-03-01`) are an exception: a program takes the newest that it finds, so
the first one alone would change what it does. All of them stay if they are small. Otherwise the directory stays empty, and the program
says what it misses. The databases of package managers are another: no app reads them, and scanners would find packages that are gone. The
rule package-data says what takes their place.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

from slimmer.image.packages import database_files
from slimmer.image.tree import Entry, Tree
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.sources.limits import within_limits

RULE = "not-hollow"
VERSIONS_FILES, VERSIONS_BYTES = 200, 2 << 20
"""The most files of all versions together that stay."""

_SEVERAL = 2
_VERSION = re.compile(
    r"v?[0-9]{1,8}(?:[._-][0-9]{1,8}){0,5}(?:[._-]?(?:a|b|rc|alpha|beta|preview)[0-9]{0,4})?", re.IGNORECASE
)


def are_versions(folders: Sequence[Entry]) -> bool:
    """Return True if these folders hold versions of the same thing: there are several, and each is named like a version or a date."""
    return len(folders) >= _SEVERAL and all(_VERSION.fullmatch(posixpath.basename(one.path)) for one in folders)


def nonempty_dirs(tree: Tree, directories: Iterable[str]) -> Iterator[Finding]:
    """Yield findings that fill these directories, in which nothing is kept."""
    databases = database_files(tree)
    for path in directories:
        yield from _filling(tree, path, databases)


def _filling(tree: Tree, directory: str, databases: frozenset[str]) -> Iterator[Finding]:
    reason = Reason(RULE, f"{directory} is kept and was not empty")
    while directory:
        entries = [entry for entry in tree.children(directory) if entry.path not in databases]
        files = [entry for entry in entries if not entry.is_directory]
        folders = [entry for entry in entries if entry.is_directory]
        if not files and are_versions(folders):
            yield from (Finding(entry.path, reason) for entry in _all_versions(tree, directory))
            return
        chosen = files or folders[:1]
        yield from (Finding(entry.path, reason) for entry in chosen)
        directory = "" if files or not folders else folders[0].path


def _all_versions(tree: Tree, directory: str) -> Sequence[Entry]:
    return within_limits(tree.below(directory), VERSIONS_FILES, VERSIONS_BYTES) or ()
