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
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from slimmer.image.tree import Tree
from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer
from slimmer.keep.apps.web_server.follower import SERVERS
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding
from slimmer.keep.native.code_reader import CodeReader
from slimmer.keep.native.library_needs import NEEDED_BYTES, LibraryNeeds, opened_objects
from slimmer.keep.native.library_search import LibrarySearch
from slimmer.keep.native.plugin_folders import RULE, fitting, is_plugin, is_shared_object, may_be_plugins, objects

_FOLDERS = 32


def plugins(image: ImageView) -> Iterator[Finding] | None:
    """Yield findings for the plug-ins beside those that were loaded, and their index files. None if no plug-in was loaded."""
    loaded = _loaded(image)
    return _beside(image, loaded) if loaded else None


def _beside(image: ImageView, loaded: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    reader, search, programs = CodeReader(image), LibrarySearch(image), opened_objects(image)
    codes = reader.read(path for paths in loaded.values() for path in paths)
    needs = LibraryNeeds(image, reader, search, programs, NEEDED_BYTES)
    for folder, paths in sorted(loaded.items())[:_FOLDERS]:
        found = [codes[path] for path in paths if path in codes and is_plugin(codes[path], search)]
        if not any(code.elf.is_named_as_plugin for code in found):
            linked = _linked(reader, (*paths, *(programs[path] for path in paths)))
            found = [code for code in found if code.elf.soname not in linked]
        if found:
            detail = f"a plug-in beside {found[0].path}, which was loaded"
            yield from fitting(image.tree, folder, found[0], detail, reader, needs)


def _loaded(image: ImageView) -> dict[str, list[str]]:
    """Return the shared objects that were opened, by folder. Folders without any other shared objects are left out."""
    folders: dict[str, list[str]] = defaultdict(list)
    for path, executable in opened_objects(image).items():
        folder, name = posixpath.split(path)
        is_configured = SERVERS.fullmatch(posixpath.basename(executable)) is not None
        if is_shared_object(name) and not is_configured and may_be_plugins(folder):
            folders[folder].append(path)
    return {folder: paths for folder, paths in folders.items() if len(paths) < _count(image.tree, folder)}


def _linked(reader: CodeReader, paths: Iterable[str]) -> frozenset[str]:
    """Return the names of the libraries that these programs and objects are linked with."""
    return frozenset(name for code in reader.read(paths).values() for name in code.elf.needed)


def _count(tree: Tree, folder: str) -> int:
    return sum(1 for entry in objects(tree, folder))


ANALYZER = FunctionAnalyzer("plug-ins", BEYOND_OBSERVED, {RULE: Evidence.USED}, plugins)
