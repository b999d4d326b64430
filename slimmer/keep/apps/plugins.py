"""Keep plug-in folders: if the app loaded one plug-in of a folder, it may load the others for other input.

Examples are coders of an image library, modules of a database, drivers, and engines of a crypto library. A plug-in is a shared object
that was opened, lies outside the folders in which a loader looks for libraries, and has no name with a version, as libraries for linking
have. "libx.so" may be either: it is a plug-in unless the program that opened it, or an object beside it, is linked with it. The other
plug-ins in its folder stay, up to FOLDER_FILES and FOLDER_BYTES, and so do index files in that folder and the one above. A plug-in
that needs more than NEEDED_BYTES of libraries that the app did not open is left out: nothing shows that the app uses what it is for.

Other analyzers handle folders whose modules a configuration names (web servers, PAM), character sets, and languages' extension modules.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from slimmer.image.tree import Entry, Tree
from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer
from slimmer.keep.apps.web_server.follower import SERVERS
from slimmer.keep.ecosystems import extension_folders
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.native.code_reader import Code, CodeReader
from slimmer.keep.native.library_needs import NEEDED_BYTES, LibraryNeeds, opened_objects
from slimmer.keep.native.library_search import LibrarySearch
from slimmer.keep.sources.limits import within_limits

RULE = "plug-ins"
FOLDER_FILES, FOLDER_BYTES = 300, 8 << 20
"""The largest plug-in folder that is kept."""

_FOLDERS = 32
_INDEX_BYTES = 1 << 18
_INDEX_SUFFIXES = (".cache", ".la", ".conf", ".index", ".idx", ".list", ".json", ".ini", ".xml", ".mgk", ".dat")
_INDEX_ABOVE = (".cache",)
_CONFIGURED = frozenset(("gconv", "security", "apache2", "httpd", "nginx", "lighttpd"))
"""Folders of character sets, and of modules that a configuration names."""

_LIBRARIES = re.compile(r"/(?:usr/)?(?:local/)?lib(?:x?32|64)?(?:/\w{1,20}-linux-\w{1,20})?")
_SHARED_OBJECT = re.compile(r".{1,250}\.so(?:\.[0-9.]{1,20})?", re.DOTALL)


def plugins(image: ImageView) -> Iterator[Finding] | None:
    """Yield findings for the plug-ins beside those that were loaded, and their index files. None if no plug-in was loaded."""
    loaded = _loaded(image)
    return _beside(image, loaded) if loaded else None


def _beside(image: ImageView, loaded: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    reader, search, programs = CodeReader(image), LibrarySearch(image), opened_objects(image)
    codes = reader.read(path for paths in loaded.values() for path in paths)
    needs = LibraryNeeds(image, reader, search, programs, NEEDED_BYTES)
    for folder, paths in sorted(loaded.items())[:_FOLDERS]:
        found = [codes[path] for path in paths if path in codes and _is_plugin(codes[path], search)]
        if not any(code.elf.is_named_as_plugin for code in found):
            linked = _linked(reader, (*paths, *(programs[path] for path in paths)))
            found = [code for code in found if code.elf.soname not in linked]
        if found:
            yield from _folder(image.tree, folder, found[0], reader, needs)


def _loaded(image: ImageView) -> dict[str, list[str]]:
    """Return the shared objects that were opened, by folder. Folders without any other shared objects are left out."""
    folders: dict[str, list[str]] = defaultdict(list)
    for path, executable in opened_objects(image).items():
        folder, name = posixpath.split(path)
        is_configured = SERVERS.fullmatch(posixpath.basename(executable)) or _has_own_rule(folder)
        if _SHARED_OBJECT.fullmatch(name) and not is_configured and not _LIBRARIES.fullmatch(folder):
            folders[folder].append(path)
    return {folder: paths for folder, paths in folders.items() if len(paths) < _count(image.tree, folder)}


def _has_own_rule(folder: str) -> bool:
    """Return True if another analyzer decides which shared objects of a folder are needed."""
    return any(name in _CONFIGURED or extension_folders().fullmatch(name) for name in folder.split("/"))


def _linked(reader: CodeReader, paths: Iterable[str]) -> frozenset[str]:
    """Return the names of the libraries that these programs and objects are linked with."""
    return frozenset(name for code in reader.read(paths).values() for name in code.elf.needed)


def _count(tree: Tree, folder: str) -> int:
    return sum(1 for entry in _objects(tree, folder))


def _objects(tree: Tree, folder: str) -> Iterator[Entry]:
    entries = (entry for entry in tree.children(folder) if entry.is_file)
    return (entry for entry in entries if _SHARED_OBJECT.fullmatch(posixpath.basename(entry.path)))


def _is_plugin(code: Code, search: LibrarySearch) -> bool:
    return code.elf.is_plugin and not search.is_standard(posixpath.dirname(code.path), code.elf)


def _folder(tree: Tree, folder: str, example: Code, reader: CodeReader, needs: LibraryNeeds) -> Iterator[Finding]:
    """Yield the other plug-ins of a folder that do not need too many libraries, and the index files."""
    others = within_limits(_objects(tree, folder), FOLDER_FILES, FOLDER_BYTES)
    if others is None:
        return
    reason = Reason(RULE, f"a plug-in beside {example.path}, which was loaded", example.path)
    codes = reader.read(entry.path for entry in others).values()
    yield from (
        Finding(code.path, reason) for code in needs.modest(code for code in codes if code.elf.fits(example.elf))
    )
    index = Reason(RULE, f"beside the plug-ins in {folder}, an index perhaps", example.path)
    for place, suffixes in ((folder, _INDEX_SUFFIXES), (posixpath.dirname(folder), _INDEX_ABOVE)):
        for entry in tree.children(place):
            if entry.is_file and entry.path.endswith(suffixes) and entry.size <= _INDEX_BYTES:
                yield Finding(entry.path, index)


ANALYZER = FunctionAnalyzer("plug-ins", BEYOND_OBSERVED, {RULE: Evidence.USED}, plugins)
