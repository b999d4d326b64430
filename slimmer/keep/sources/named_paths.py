"""Files and folders that an app names in its source: views, static files, data, programs.

A text in the source counts if it leads to something in the image. A file is kept by itself. A folder is kept with its contents
up to FOLDER_FILES and FOLDER_BYTES, because any of its files may be a page that a client asks for.
Names with unknown parts (`views/${name}.ejs`, `migrations/*.sql`, `src/**/*.{js,ts}`) stand for all files that match.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from itertools import islice, takewhile

from slimmer.image.tree import Tree
from slimmer.keep.ecosystems import dependency_folders
from slimmer.keep.evidence import Evidence
from slimmer.keep.folders import SYSTEM
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.sources.globs import Glob, globs
from slimmer.keep.sources.limits import within_limits
from slimmer.keep.sources.load_path import LoadPath, library_folders
from slimmer.keep.sources.records import within_limits_or_main

RULE = "named-path"
PROGRAM = "program"
RULES: Mapping[str, Evidence] = {RULE: Evidence.SEEN, PROGRAM: Evidence.USED}
"""The rules of this module's findings, for the analyzers that use it."""

FOLDER_FILES = 2000
FOLDER_BYTES = 10 << 20
GLOBS = 300
"""The most patterns that span folders, of all sources of a language. Each may cost a walk through a folder."""

HOLE = "\0"
"""Stands for a part of a text that is known only at run time."""

_TEXT_LIMIT = 1024
_SYSTEM_DEPTH, _LOOKED_AT = 2, 50
"""A folder of the author lies deeper than this in the system's folders (/usr/share/shop), and so many of its paths are looked at."""

ZONES = "/usr/share/zoneinfo"
ZONE = re.compile(
    r"(?:Africa|America|Antarctica|Asia|Atlantic|Australia|Etc|Europe|Indian|Pacific)(?:/[\w+-]{1,40}){1,2}"
)
"""Names of time zones in tzdata(5). Code that sets TZ to one has the C library read it."""

_LIBRARY = re.compile(r"lib[\w.+-]{1,80}\.so(?:\.[0-9]{1,6}){0,3}", re.ASCII)
_COMMAND = re.compile(r"(?:^|[|;&(`]|\$\()\s{0,9}(?:exec\s{1,9}|sudo\s{1,9})?([\w./+-]{1,200})")


def is_library_name(text: str) -> bool:
    """Return True if a text is the name of a native library, as scripts hand it to dlopen: libmagic.so.1."""
    return _LIBRARY.fullmatch(text) is not None


class Base(StrEnum):
    """The folder that a path in a source is relative to."""

    FOLDER = "folder of the source"
    WORKING = "working directory"
    ANY = "either"


@dataclass(frozen=True, slots=True)
class Value:
    """The value of an expression that may be a path: a text, perhaps with holes, and the folder that it is relative to.

    `default` is true if a part of it counts only where something else is missing: `env.MODE || "production"`.
    """

    path: str
    base: Base = Base.ANY
    default: bool = False


UNKNOWN = Value(HOLE)


def joined(values: Sequence[Value], separator: str, limit: int = _TEXT_LIMIT) -> Value:
    """Join texts. Only the first may say what the result is relative to. The result is unknown if it is longer than `limit`."""
    if not values:
        return UNKNOWN
    path = separator.join(
        value.path if index == 0 or value.base is Base.ANY else HOLE for index, value in enumerate(values)
    )
    if separator and values[0].base is not Base.ANY:
        path = path.lstrip("/")
    return Value(path, values[0].base, any(value.default for value in values)) if len(path) <= limit else UNKNOWN


@dataclass(frozen=True, slots=True)
class Mention:
    """A text in a source that may name a path. `sure` is true if the source uses it as a path, so that it may be just a folder's name."""

    path: str
    base: Base
    sure: bool
    place: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A command line that a source starts. If `shell` is false, no shell reads it, and it is just the name of a program."""

    line: str
    shell: bool = True
    place: str = ""


class NamedPaths:
    """Looks up the paths that sources name in one image. It remembers folders, so that each is walked once."""

    def __init__(self, image: ImageView) -> None:
        self._image, self._tree = image, image.tree
        self._working = image.absolute()
        self._done: set[tuple[str, str]] = set()
        self._globs = 0
        self._of_author: dict[str, bool] = {}

    def findings(self, source: str, mentions: tuple[Mention, ...], root: str) -> Iterator[Finding]:
        """Yield findings for these mentions in a source, and for the folders on the way.

        `root` is the folder of the app or package that the source belongs to.
        """
        for mention in mentions:
            if is_library_name(mention.path):
                reason = Reason(RULE, f"a library that {source} names{mention.place}", source)
                for path in self._libraries.find(mention.path):
                    yield from reach(self._tree, path, reason)
            if 0 < len(mention.path) <= _TEXT_LIMIT:
                for path in self._places(source, mention, root):
                    yield from self._at(path, mention, source, root)

    @cached_property
    def _libraries(self) -> LoadPath:
        return LoadPath(self._tree, library_folders(self._image))

    def programs(self, source: str, commands: tuple[Command, ...]) -> Iterator[Finding]:
        """Yield the programs that a source starts, and the shell for commands that need one."""
        for command in commands:
            reason = Reason(PROGRAM, f"started by {source}{command.place}", source)
            if command.shell:
                yield from reach(self._tree, "/bin/sh", reason)
            yield from self._started(command.line[:_TEXT_LIMIT], reason)

    def matching(self, glob: Glob, reason: Reason) -> Iterator[Finding]:
        """Yield the files that a glob matches, without those in dependencies. Nothing if they exceed the bounds on a folder.

        After GLOBS globs that span folders, nothing more is looked for.
        """
        end = self._tree.resolve(glob.folder).end
        self._globs += 1
        if end is None or self._globs > GLOBS:
            return
        found = glob.matches(self._tree, end, _left_out())
        yield from (Finding(entry.path, reason) for entry in within_limits(found, FOLDER_FILES, FOLDER_BYTES) or ())

    def usual_folders(self, source: str, names: frozenset[str], root: str) -> Iterator[Finding]:
        """Yield folders with these names beside a source or in its root. Frameworks look there by convention."""
        for name in sorted(names):
            yield from self.findings(
                source, (Mention(name, Base.FOLDER, True), Mention(f"{root}/{name}", Base.ANY, True)), root
            )

    def _started(self, line: str, reason: Reason) -> Iterator[Finding]:
        for name in dict.fromkeys(match[1] for match in _COMMAND.finditer(line)):
            is_relative = "/" in name and not name.startswith("/")
            found = None if is_relative else self._image.which(name)
            if found is not None:
                yield from reach(self._tree, found, reason)

    def _places(self, source: str, mention: Mention, root: str) -> Iterator[str]:
        """Yield the paths that a mention may stand for, each once."""
        if mention.path.startswith("/") and mention.base is Base.ANY:
            yield posixpath.normpath(mention.path)
            return
        if mention.base is Base.ANY and ZONE.fullmatch(mention.path):
            yield f"{ZONES}/{mention.path}"
        bases = {
            Base.FOLDER: (posixpath.dirname(source),),
            Base.WORKING: (self._working,),
            Base.ANY: (posixpath.dirname(source), self._working, root),
        }[mention.base]
        yield from dict.fromkeys(posixpath.normpath(f"{base}/{mention.path}") for base in bases)

    def _at(self, path: str, mention: Mention, source: str, root: str) -> Iterator[Finding]:
        reason = Reason(RULE, f"named by {source}{mention.place}", source)
        entry = self._image.end(path)
        if (
            entry is not None and entry.is_file
        ):  # each source leads to it, also if another one that names it does not stay
            yield from reach(self._tree, path, reason)
            return
        if (path, root) in self._done:
            return
        self._done.add((path, root))
        if HOLE in path or (entry is None and "*" in path):
            for glob in globs(path, HOLE):
                yield from self._fitting(glob, reason, root, mention.base)
            return
        if entry is None:
            return
        if entry.is_directory and (mention.sure or "/" in mention.path) and self._is_part(entry.path, source, root):
            yield from reach(self._tree, path, reason)
            yield from whole_folder(self._tree, entry.path, Reason(RULE, f"in {path}, {reason.detail}", source))

    def _is_part(self, folder: str, source: str, root: str) -> bool:
        """Return True if a folder is a part of the app: not the whole app, not the system's, and not a folder of dependencies."""
        parts = folder.strip("/").split("/")
        if not parts[0] or parts[-1] in _left_out() or (len(parts) == 1 and f"/{parts[0]}" in SYSTEM):
            return False
        around = (source, root + "/", self._working + "/")
        if any(place.startswith(folder + "/") for place in around):
            return False
        if f"/{parts[0]}" not in SYSTEM or folder.startswith((root + "/", self._working + "/")):
            return True
        return len(parts) > _SYSTEM_DEPTH and self._belongs_to_author(folder)

    def _belongs_to_author(self, folder: str) -> bool:
        """Return True if a folder among the system's has files, and the first of them belong to no package: the author copied them there."""
        if folder not in self._of_author:
            inside = islice(self._tree.below(folder), _LOOKED_AT)
            files = [entry.path for entry in inside if entry.is_file]
            known = (
                any(self._image.packages.known()) if files else False
            )  # without packages, nothing tells whose files these are
            self._of_author[folder] = known and not any(self._image.packages.owners(files).values())
        return self._of_author[folder]

    def _fitting(self, glob: Glob, reason: Reason, root: str, base: Base) -> Iterator[Finding]:
        """Yield the files that a path with holes may stand for: those below a known folder whose names match."""
        end = self._image.end(glob.folder)
        if end is None or not self._may_hold(end.path, root, base):
            return
        if glob.is_flat and (glob.has_name or self._is_part(end.path, reason.cause, root)):
            yield from fitting(self._tree, glob.folder, HOLE.join(glob.pieces), reason)
        elif not glob.is_flat and (
            self._is_part(end.path, reason.cause, root) or (glob.has_name and base is not Base.ANY)
        ):
            yield from self.matching(glob, reason)

    def _may_hold(self, folder: str, root: str, base: Base) -> bool:
        """Return True if a folder may hold files of the app. A source that names its own folder means it, however high it lies."""
        parts = folder.strip("/").split("/")
        if base is Base.ANY or not parts[0]:
            return len(parts) > 1
        return f"/{parts[0]}" not in SYSTEM or len(parts) > 1


def fitting(tree: Tree, folder: str, pattern: str, reason: Reason) -> Iterator[Finding]:
    """Yield the files of a folder whose names begin and end like a pattern with holes.

    If they exceed the bounds on a folder, yield the main ones (slimmer.keep.sources.records).
    """
    end = tree.resolve(folder).end
    if end is None:
        return
    start, last = pattern.split(HOLE)[0], pattern.split(HOLE)[-1]
    names = tree.file_names(end)
    first = bisect_left(names, start)
    near = takewhile(lambda name: name.startswith(start), islice(names, first, None))
    found = (tree.get(posixpath.join(end, name)) for name in near if name.endswith(last))
    entries = within_limits_or_main((entry for entry in found if entry is not None), FOLDER_FILES, FOLDER_BYTES)
    yield from (Finding(entry.path, reason) for entry in entries)


def whole_folder(tree: Tree, folder: str, reason: Reason, size: int = FOLDER_BYTES) -> Iterator[Finding]:
    """Yield the contents of a real folder without dependencies. Nothing if they exceed the bounds."""
    left_out = _left_out()
    inside = (entry for entry in tree.below(folder) if left_out.isdisjoint(entry.path[len(folder) :].split("/")))
    yield from (Finding(entry.path, reason) for entry in within_limits(inside, FOLDER_FILES, size) or ())


@cache
def _left_out() -> frozenset[str]:
    """Return the names of folders that a named folder is kept without: installed libraries, and the history of the sources."""
    return dependency_folders() | {".git"}
