"""Folders of plug-ins: the plug-ins and index files that stay of one, and the folders that code names which never ran.

A program that a script names is kept though it did not run, with its libraries. Nothing shows which plug-ins they load. So if such code
imports a function that opens libraries, and names a folder of plug-ins by its absolute path, the plug-ins of that folder stay, BYTES for
all such folders together. Code that ran is left out: the run shows what it loads (slimmer.keep.apps.plugins).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container, Iterator, Sequence

from slimmer.image.tree import Entry, Tree
from slimmer.keep.analyzer import Kept
from slimmer.keep.core.observed import was_observed
from slimmer.keep.ecosystems import extension_folders
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.native.code_reader import Code, CodeFollow, CodeReader
from slimmer.keep.native.library_needs import NEEDED_BYTES, LibraryNeeds
from slimmer.keep.native.library_search import LibrarySearch
from slimmer.keep.sources.limits import within_limits

RULE = "plug-ins"
FOLDER_FILES, FOLDER_BYTES = 300, 8 << 20
"""The largest plug-in folder that is kept."""

BYTES = 8 << 20
"""The most bytes of folders that only names lead to."""

_SEVERAL = 2
_INDEX_BYTES = 1 << 18
_INDEX_SUFFIXES = (".cache", ".la", ".conf", ".index", ".idx", ".list", ".json", ".ini", ".xml", ".mgk", ".dat")
_INDEX_ABOVE = (".cache",)
_CONFIGURED = frozenset(("gconv", "security", "apache2", "httpd", "nginx", "lighttpd"))
"""Folders of character sets, and of modules that a configuration names."""

_LIBRARIES = re.compile(r"/(?:usr/)?(?:local/)?lib(?:x?32|64)?(?:/\w{1,20}-linux-\w{1,20})?")
_SHARED_OBJECT = re.compile(r".{1,250}\.so(?:\.[0-9.]{1,20})?", re.DOTALL)


def may_be_plugins(folder: str) -> bool:
    """Return False for folders in which a loader looks for libraries, and for those that another analyzer decides on."""
    is_configured = any(name in _CONFIGURED or extension_folders().fullmatch(name) for name in folder.split("/"))
    return not is_configured and not _LIBRARIES.fullmatch(folder)


def is_shared_object(path: str) -> bool:
    """Return True if the name is that of a shared object, with or without a version."""
    return _SHARED_OBJECT.fullmatch(posixpath.basename(path)) is not None


def objects(tree: Tree, folder: str) -> Iterator[Entry]:
    """Yield the shared objects in a folder."""
    return (entry for entry in tree.children(folder) if entry.is_file and is_shared_object(entry.path))


def is_plugin(code: Code, search: LibrarySearch) -> bool:
    """Return True for a plug-in that lies outside the folders in which a loader looks for libraries."""
    return code.elf.is_plugin and not search.is_standard(posixpath.dirname(code.path), code.elf)


def fitting(
    tree: Tree, folder: str, like: Code, detail: str, reader: CodeReader, needs: LibraryNeeds
) -> Iterator[Finding]:
    """Yield the plug-ins of a folder that fit to the code `like` and do not need too many libraries, and the index files."""
    entries = within_limits(objects(tree, folder), FOLDER_FILES, FOLDER_BYTES)
    if entries is None:
        return
    reason = Reason(RULE, detail, like.path)
    codes = reader.read(entry.path for entry in entries).values()
    yield from (Finding(code.path, reason) for code in needs.modest(code for code in codes if code.elf.fits(like.elf)))
    index = Reason(RULE, f"beside the plug-ins in {folder}, an index perhaps", like.path)
    for place, suffixes in ((folder, _INDEX_SUFFIXES), (posixpath.dirname(folder), _INDEX_ABOVE)):
        for entry in tree.children(place):
            if entry.is_file and entry.path.endswith(suffixes) and entry.size <= _INDEX_BYTES:
                yield Finding(entry.path, index)


def named_folders(image: ImageView, reader: CodeReader, search: LibrarySearch, opened: Container[str]) -> CodeFollow:
    """Follow code that never ran to the folders of plug-ins that it names. `opened`: the real paths of the shared objects that were opened."""
    return _NamedFolders(image, reader, search, opened).follow


class _NamedFolders:
    def __init__(self, image: ImageView, reader: CodeReader, search: LibrarySearch, opened: Container[str]) -> None:
        self._image, self._tree, self._reader, self._search = image, image.tree, reader, search
        self._needs = LibraryNeeds(image, reader, search, opened, NEEDED_BYTES)
        self._left = BYTES
        self._seen: set[str] = set()

    def follow(self, codes: Sequence[Code], added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        """Yield the plug-ins of each folder, once."""
        for code in codes:
            for name in code.elf.folder_names if not was_observed(code.path, kept) else ():
                end = self._image.end(posixpath.normpath(name))
                if end is not None and end.is_directory and end.path not in self._seen:
                    self._seen.add(end.path)
                    yield from self._folder(end.path, code)

    def _folder(self, folder: str, code: Code) -> Iterator[Finding]:
        entries = list(objects(self._tree, folder)) if may_be_plugins(folder) else []
        size = sum(entry.size for entry in entries)
        if len(entries) < _SEVERAL or size > min(self._left, FOLDER_BYTES):
            return
        found = self._reader.read(entry.path for entry in entries).values()
        if all(is_plugin(one, self._search) for one in found):
            self._left -= size
            detail = f"a plug-in in {folder}, which {code.path} names"
            yield from fitting(self._tree, folder, code, detail, self._reader, self._needs)
