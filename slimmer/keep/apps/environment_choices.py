"""Keep what other values of the image's own environment choose.

An entry point enables the modules that a variable lists (APACHE_EXTENSIONS="rewrite headers") by opening `mods-available/rewrite.load`. Who runs
the image sets the variable to something else. If the run used entries of a folder whose names are words of a variable's value, then the small
files of the same kind in that folder stay, up to FILES and BYTES: configuration in its text, and the modules that it loads
(`LoadModule …/mod_expires.so`, `extension=intl.so`), unless they need many more libraries.

Only variables of the image count (ENV), and only entries outside of packages and of the folders for commands and libraries, where any
word may have a namesake.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

from slimmer.image.tree import Entry
from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer
from slimmer.keep.apps.web_server.directives import CONFIG_LIMIT, Configuration, read_configuration
from slimmer.keep.ecosystems import dependency_folders
from slimmer.keep.evidence import Evidence
from slimmer.keep.folders import NO_CHOICES
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.native.code_reader import CodeReader
from slimmer.keep.native.library_needs import LibraryNeeds
from slimmer.keep.native.library_search import LibrarySearch
from slimmer.keep.sources.limits import within_limits
from slimmer.keep.sources.reading import read_files
from slimmer.observe.log import PROBE, Operation

RULE = "environment-choice"
FILES, BYTES, FILE_BYTES = 500, 4 << 20, 64 << 10
"""The most files of one kind that stay in a folder, their bytes, and the largest of them."""

MODULE_BYTES, NEEDED_BYTES = 1 << 20, 4 << 20
"""The largest module that stays because configuration that may be chosen loads it, and the most bytes of further libraries that it may need."""

_FOLDERS, _WORDS = 32, 500
_WORD = re.compile(r"[A-Za-z][\w+.-]{1,63}")
_SETTINGS = frozenset(
    ("path", "home", "lang", "language", "tz", "term", "shell", "user", "hostname", "pwd", "editor", "gpg_key")
)
_COMMON = frozenset(
    (
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "none",
        "null",
        "default",
        "auto",
        "all",
        "root",
        "localhost",
        "utf-8",
        "noninteractive",
    )
)


def environment_choices(image: ImageView) -> Iterator[Finding] | None:
    """Yield what other values of the image's variables choose. None if no variable chose anything."""
    words = _words(image.env)
    chosen = _chosen(image, words) if words else {}
    return _findings(image, chosen) if chosen else None


def _words(env: Mapping[str, str]) -> dict[str, str]:
    """Return the words in the values of the environment's variables, in lower case, each with the variable."""
    words: dict[str, str] = {}
    for name, value in env.items():
        if name.lower() in _SETTINGS or name.startswith("LC_") or len(words) >= _WORDS:
            continue
        for word in re.split(r"[\s,;:|]+", value[:4096]):
            if _WORD.fullmatch(word) and word.lower() not in _COMMON:
                words.setdefault(word.lower(), name)
    return words


def _chosen(image: ImageView, words: Mapping[str, str]) -> dict[tuple[str, str], tuple[str, str]]:
    """Return pairs of a folder and a suffix of which an entry was used by name, with that entry and the variable."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    wanted = (Operation.OPEN, Operation.LOOK_UP, Operation.READ_LINK)
    for access in image.log.accesses:
        if not access.found or access.operation not in wanted or access.executable == PROBE:
            continue
        stem, suffix = posixpath.splitext(posixpath.basename(access.asked))
        variable = words.get(stem.lower()) if suffix else None
        if variable is None:
            continue
        entry = image.end(access.resolved or access.asked)
        if entry is not None and entry.is_file and _is_choice(entry.path) and len(found) < _FOLDERS:
            found.setdefault((posixpath.dirname(entry.path), suffix), (entry.path, variable))
    return found


def _is_choice(path: str) -> bool:
    folder = posixpath.dirname(path)
    return folder not in NO_CHOICES and dependency_folders().isdisjoint(folder.split("/"))


def _findings(image: ImageView, chosen: Mapping[tuple[str, str], tuple[str, str]]) -> Iterator[Finding]:
    for (folder, suffix), (path, variable) in sorted(chosen.items()):
        reason = Reason(RULE, f"another value of {variable} may choose it, as this one chose {path}", path)
        alike = (entry for entry in image.tree.children(folder) if _is_alike(entry, suffix))
        entries = within_limits(alike, FILES, BYTES) or []
        yield from (Finding(entry.path, reason) for entry in entries)
        companions = list(_companions(image, entries, suffix))
        yield from (Finding(entry.path, reason) for entry in companions)
        yield from _modules(image, [entry.path for entry in (*entries, *companions)], variable)


def _is_alike(entry: Entry, suffix: str) -> bool:
    return entry.is_file and entry.size <= FILE_BYTES and posixpath.splitext(entry.path)[1] == suffix


def _companions(image: ImageView, entries: Iterable[Entry], suffix: str) -> Iterator[Entry]:
    """Yield files with the same stem and another suffix: a module's settings beside the line that loads it."""
    for entry in entries:
        stem = entry.path.removesuffix(suffix)
        found = image.tree.get(f"{stem}.conf") if suffix != ".conf" else None
        if found is not None and found.is_file and found.size <= FILE_BYTES:
            yield found


def _modules(image: ImageView, paths: Iterable[str], variable: str) -> Iterator[Finding]:
    """Yield the modules that these files load, unless they are large or need large libraries.

    A relative name stands for a file in one of the folders from which shared objects were opened.
    """
    opened = _libraries(image)
    folders = sorted({posixpath.dirname(path) for path in opened})[:_FOLDERS]
    loaders: dict[str, str] = {}
    for path, configuration in read_files(image, read_configuration, Configuration, paths, CONFIG_LIMIT):
        names = (name for one in configuration.directives for name in one.arguments if name.endswith(".so"))
        for name in names:
            places = (name,) if name.startswith("/") else (posixpath.join(folder, name) for folder in folders)
            ends = (image.end(place) for place in places)
            entry = next((end for end in ends if end is not None and end.is_file), None)
            if entry is not None and entry.size <= MODULE_BYTES and len(loaders) < FILES:
                loaders.setdefault(entry.path, path)
    if not loaders:
        return
    reader = CodeReader(image)
    needs = LibraryNeeds(image, reader, LibrarySearch(image), opened, NEEDED_BYTES)
    for code in needs.modest(reader.read(sorted(loaders)).values()):
        loader = loaders[code.path]
        reason = Reason(RULE, f"loaded by {loader}, which another value of {variable} may choose", loader)
        yield Finding(code.path, reason)


def _libraries(image: ImageView) -> frozenset[str]:
    """Return the real paths of the shared objects that were opened."""
    opened = (a for a in image.log.accesses if a.operation is Operation.OPEN and a.found and ".so" in a.asked)
    ends = (image.end(access.resolved or access.asked) for access in opened)
    return frozenset(entry.path for entry in ends if entry is not None)


ANALYZER = FunctionAnalyzer("environment-choice", BEYOND_OBSERVED, {RULE: Evidence.USED}, environment_choices)
