"""Keep what PostgreSQL reads of its own when a statement asks for it: extensions, dictionaries, abbreviations of time zones.

The compiled parts of extensions are plug-ins (slimmer.keep.apps.plugins); what CREATE EXTENSION reads first lies elsewhere. A
migration runs it once in the life of a database, so that no run of the app shows it. The folder with all of that is known by what a
start reads there. Sources: PostgreSQL's manual, "Packaging Related Objects into an Extension", "Dictionaries" (of full text
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
"""Bytes of the folder of extensions that is kept whole; of a larger one, the scripts that update old ones are left out."""

_SERVERS = frozenset(("postgres", "postmaster"))
_READ = re.compile(r"(/.{1,4000})/(?:extension/[^/]{1,255}\.control|timezonesets/[^/]{1,255})", re.DOTALL)
_FOLDERS = ("tsearch_data", "timezonesets")
_INSTALLS = re.compile(r"[^/]{1,250}\.control|(?:(?!--)[^/]){1,120}--(?:(?!--)[^/]){1,120}\.sql")


def postgresql(image: ImageView) -> Iterator[Finding] | None:
    """A finding for each file of the server's that a statement may ask for."""
    shared = _shared(image)
    return _files(image.tree, shared) if shared else None


def _files(tree: Tree, shared: Mapping[str, tuple[str, str]]) -> Iterator[Finding]:
    for folder, (path, server) in shared.items():
        reason = Reason(RULE, f"beside {path}, which {server} opened, for statements that ask for it", path)
        yield from _extensions(tree, f"{folder}/extension", reason)
        for name in _FOLDERS:
            yield from whole_folder(tree, f"{folder}/{name}", reason)


def _shared(image: ImageView) -> dict[str, tuple[str, str]]:
    """The folders of shared files (SHAREDIR), each with a file there that was opened, and who opened it."""
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
