"""Keep files of PostgreSQL that a statement may ask for: extensions, dictionaries, abbreviations of time zones.

The compiled parts of extensions are plug-ins (slimmer.keep.apps.plugins), but CREATE EXTENSION reads other files first. A migration runs
it once in the life of a database, so a run of the app does not show it. The folder with these files is the one where the server reads
files when it starts. Sources: PostgreSQL's manual, "Packaging Related Objects into an Extension", "Dictionaries" (of full text
search), "Date/Time Configuration Files".
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from slimmer.image.tree import Tree
from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.sources.named_paths import FOLDER_BYTES, whole_folder

RULE = "postgresql"
EXTENSION_BYTES = FOLDER_BYTES
"""The largest folder of extensions that is kept whole, in bytes. From a larger one, scripts that update old versions are left out."""

_SERVERS = frozenset(("postgres", "postmaster"))
_READ = re.compile(r"(/.{1,4000})/(?:extension/[^/]{1,255}\.control|timezonesets/[^/]{1,255})", re.DOTALL)
_FOLDERS = ("tsearch_data", "timezonesets")
_INSTALLS = re.compile(r"[^/]{1,250}\.control|(?:(?!--)[^/]){1,120}--(?:(?!--)[^/]){1,120}\.sql")


def postgresql(image: ImageView) -> Iterator[Finding] | None:
    """Yield a finding for each of the server's files that a statement may ask for. None if no server ran."""
    shared = _shared(image)
    return _files(image.tree, shared) if shared else None


def _files(tree: Tree, shared: Mapping[str, tuple[str, str]]) -> Iterator[Finding]:
    for folder, (path, server) in shared.items():
        reason = Reason(RULE, f"beside {path}, which {server} opened, for statements that ask for it", path)
        yield from _extensions(tree, f"{folder}/extension", reason)
        for name in _FOLDERS:
            yield from whole_folder(tree, f"{folder}/{name}", reason)


def _shared(image: ImageView) -> dict[str, tuple[str, str]]:
    """Return the folders of shared files (SHAREDIR), each with a file that was opened there, and the program that opened it."""
    found: dict[str, tuple[str, str]] = {}
    for access in image.log.accesses:
        match = _READ.fullmatch(access.resolved) if access.found else None
        if match is not None and posixpath.basename(access.executable) in _SERVERS:
            found.setdefault(match[1], (access.resolved, access.executable))
    return found


def _extensions(tree: Tree, folder: str, reason: Reason) -> Iterator[Finding]:
    entries = [entry for entry in tree.children(folder) if entry.is_file]
    if sum(entry.size for entry in entries) > EXTENSION_BYTES:
        entries = [entry for entry in entries if _INSTALLS.fullmatch(posixpath.basename(entry.path))]
    yield from (Finding(entry.path, reason) for entry in entries)


ANALYZER = FunctionAnalyzer("postgresql", BEYOND_OBSERVED, {RULE: Evidence.USED}, postgresql)
