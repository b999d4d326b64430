"""Keep files that are similar to those that the app opened: the other templates, static files, catalogues and migrations.

An app that computes file names (a page's template, a language's catalogue) opens other files when it is asked for other pages.
The log does not show that a name was computed, so two signs stand for it:

- The app opened a file below a folder named templates, static, locales or the like. Everything below that folder stays, up to
  NAMED_FILES and NAMED_BYTES. If there is more, or if the folder belongs to a library, only the files with the same suffix
  in the same folder stay, and the other translations of a message catalogue (xx/LC_MESSAGES/name.mo).
- The app opened two or more files with the same suffix in one of its folders. The other files with that suffix stay.

In each folder, files of one kind stay up to KIND_FILES and KIND_BYTES. Of more, those of the root, of English and of the environment's
languages stay, besides what was seen (slimmer.keep.sources.records). Code is left
to the rules of its language, except for migrations and scripts for browsers. The system's own folders are left out, and so are
settings beside an app's manifest, which are read by fixed names.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

from slimmer.image.tree import Entry
from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer, Kept
from slimmer.keep.ecosystems import code_suffixes, dependency_folders, manifests
from slimmer.keep.evidence import Evidence
from slimmer.keep.folders import APPS, SYSTEM
from slimmer.keep.image_view import ImageView, suffix_of
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.sources.limits import within_limits
from slimmer.keep.sources.records import languages_of, within_limits_or_main
from slimmer.observe.log import Operation
from slimmer.unproven import Kind, option

RULE = "like-files"
NAMED_FILES, NAMED_BYTES = 500, 5 << 20
"""The largest folder with a telling name (templates, static, locales …) that is kept whole."""

KIND_FILES, KIND_BYTES = 200, 2 << 20
"""The most files of one kind that are kept in one folder."""

_SEVERAL = 2
_TELLING = re.compile(
    r"(?:e?mail[_-]?)?(?:templates?|views?|partials?|layouts?)|e?mails|pages|static(?:files)?|public|assets|css|images?|img|icons?"
    r"|fonts?|media|themes?|locales?|i18n|l10n|lang(?:uage)?s?|translations?|messages|migrations?|fixtures|seeds?"
)
_FOR_BROWSERS = re.compile(r"static(?:files)?|public|assets|css|js|pages|dist|themes?")
_MIGRATIONS = re.compile(r"migrations?|migrate|versions|seeds?|fixtures")
_NATIVE_CODE = frozenset((".so", ".node", ".a", ".o"))
_OTHER_CODE = frozenset((".lua", ".go"))
"""Code of languages that no analyzer follows."""

_BROWSER_CODE = frozenset((".js", ".mjs", ".map"))
_SETTINGS = frozenset((".json", ".yml", ".yaml", ".toml", ".lock", ".cfg", ".ini", ".txt", ".md", ".conf"))
_LEFT_OUT = frozenset(("__pycache__", "bower_components"))
"""Folders that do not count as the app's own, besides those of dependencies."""

_CATALOGUE = re.compile(r"(/.{1,3000})/[A-Za-z]{2,3}(?:[_@-][\w@.-]{1,30})?/(LC_MESSAGES/[^/]{1,255}\.mo)", re.DOTALL)


def sibling_files(image: ImageView) -> Iterator[Finding] | None:
    """Yield a finding for each file that is similar to those that were opened. None if no such file was opened."""
    likeness = _Likeness(image)
    opened = sorted(likeness.opened().items())
    return (found for folder, kinds in opened for found in likeness.findings(folder, kinds)) if opened else None


def models(path: str, kept: Kept) -> Iterator[str]:
    """Return the opened files because of which this similar path is kept."""
    return (reason.cause for reason in kept.reasons(path) if reason.rule == RULE)


Kinds = dict[str, dict[str, str]]
"""For each suffix, the files that were opened, each with the program that opened it."""


class _Likeness:
    def __init__(self, image: ImageView) -> None:
        self._image, self._tree = image, image.tree
        self._working = image.absolute()
        self._languages = languages_of(image.env)
        self._whole: dict[str, bool] = {}

    def opened(self) -> dict[str, Kinds]:
        """Return the app's data files that were opened, by folder."""
        folders: dict[str, Kinds] = {}
        for access in self._image.log.accesses:
            if access.operation is not Operation.OPEN or not access.found:
                continue
            entry = self._image.end(access.resolved or access.asked)
            if entry is not None and entry.is_file and self._is_app(entry.path) and _is_data(entry.path):
                folder, name = posixpath.split(entry.path)
                folders.setdefault(folder, {}).setdefault(suffix_of(name), {}).setdefault(entry.path, access.executable)
        return folders

    def findings(self, folder: str, kinds: Kinds) -> Iterator[Finding]:
        """Yield findings for files that are similar to those that were opened in one folder."""
        telling = list(_telling(folder))
        own = [place for place in telling if not _is_library(place.split("/"))]
        for place in own:
            if place not in self._whole:
                yield from self._all_of(place, *next(iter(next(iter(kinds.values())).items())))
            if self._whole[place]:
                return
        is_library = _is_library(folder.split("/"))
        for suffix, files in kinds.items():
            if telling or (len(files) >= _SEVERAL and not is_library and not self._is_setting(folder, suffix)):
                path, executable = next(iter(files.items()))
                yield from self._kind(folder, suffix, path, executable)
                yield from self._translations(path, executable)

    def _all_of(self, folder: str, path: str, executable: str) -> Iterator[Finding]:
        """Yield everything in a folder with a telling name, unless that is too much. Notes in `_whole` if it was kept."""
        inside = (entry for entry in self._tree.below(folder) if _is_part(entry, folder))
        entries = within_limits(inside, NAMED_FILES, NAMED_BYTES)
        self._whole[folder] = entries is not None
        if entries is None:
            what = (
                f"the app opened files in it, and it is too large to be kept whole ({NAMED_FILES:,} files, "
                f"{NAMED_BYTES >> 20} MB): the others may be missing"
            )
            self._image.unproven.note(Kind.LIMIT, folder, what, option("--include", folder))
        yield from _all(entries or (), _reason(f"in {folder}, as", path, executable))

    def _kind(self, folder: str, suffix: str, path: str, executable: str) -> Iterator[Finding]:
        alike = (entry for entry in self._tree.children(folder) if entry.is_file and suffix_of(entry.path) == suffix)
        entries = within_limits_or_main(alike, KIND_FILES, KIND_BYTES, self._languages) if suffix else ()
        yield from _all(entries, _reason(f"a {suffix} file like", path, executable))

    def _translations(self, path: str, executable: str) -> Iterator[Finding]:
        """Yield the same message catalogue in other languages."""
        match = _CATALOGUE.fullmatch(path)
        if match is None:
            return
        places = (self._tree.get(f"{language.path}/{match[2]}") for language in self._tree.children(match[1]))
        entries = within_limits((entry for entry in places if entry is not None), KIND_FILES, KIND_BYTES)
        yield from _all(entries or (), _reason("a translation like", path, executable))

    def _is_app(self, path: str) -> bool:
        """Return True if a path is in a folder where apps are usually installed, or in the working directory."""
        if self._working != "/" and path.startswith(self._working + "/"):
            return self._working.count("/") > 1 or self._working not in SYSTEM
        return path not in SYSTEM or path in APPS

    def _is_setting(self, folder: str, suffix: str) -> bool:
        return suffix in _SETTINGS and any(posixpath.join(folder, name) in self._tree for name in manifests())


def _all(entries: Iterable[Entry], reason: Reason) -> Iterator[Finding]:
    return (Finding(entry.path, reason) for entry in entries)


def _reason(detail: str, path: str, executable: str) -> Reason:
    return Reason(RULE, f"{detail} {path}, which {executable or 'an unknown process'} opened", path)


def _telling(folder: str) -> Iterator[str]:
    """Yield this folder and those above it that have a telling name (pages, texts, migrations), outermost first."""
    place = ""
    for name in folder.strip("/").split("/")[:64]:
        place = f"{place}/{name}"
        if _TELLING.fullmatch(name.lower()):
            yield place


def _is_data(path: str) -> bool:
    """Return True if an app may open such a file by a computed name: it is not code, and not in a hidden folder."""
    parts = path.split("/")[1:]
    if any(part.startswith(".") for part in parts):
        return False
    suffix = suffix_of(path)
    if not any(suffix in code for code in (code_suffixes(), _NATIVE_CODE, _OTHER_CODE)):
        return True
    folders = [part.lower() for part in parts[:-1]]
    if suffix in _BROWSER_CODE and any(_FOR_BROWSERS.fullmatch(name) for name in folders):
        return not _is_library(folders)
    return suffix not in _NATIVE_CODE and _MIGRATIONS.fullmatch(folders[-1] if folders else "") is not None


def _is_part(entry: Entry, folder: str) -> bool:
    """Return True if an entry below a folder is part of it: data or a directory, and not below a folder of dependencies."""
    parts = entry.path[len(folder) + 1 :].split("/")
    return not _is_library(parts) and (not entry.is_file or _is_data(entry.path))


def _is_library(folders: Sequence[str]) -> bool:
    """Return True if one of these folder names is the name of a folder for installed libraries."""
    return not (_LEFT_OUT.isdisjoint(folders) and dependency_folders().isdisjoint(folders))


ANALYZER = FunctionAnalyzer("like-files", BEYOND_OBSERVED, {RULE: Evidence.USED}, sibling_files)
