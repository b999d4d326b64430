"""Follow shell scripts: the commands that they call, what they source, and the files that they name.

Scripts are those that a shell was seen to open, what those call or source in their turn, and scripts that another rule
found to be started by something. A script that is only there to fill a folder, or that was merely looked at, says nothing.
A file that is like those which a shell opened (slimmer.keep.apps.sibling_files) is taken for a script as well.
Texts of the image's configuration count as well: ENTRYPOINT, CMD and HEALTHCHECK in shell form, and crontabs that a cron
opened. Commands are sought on the image's PATH and in folders that the script adds to it. Bounds: SCRIPT_LIMIT for a
script, SCRIPTS_LIMIT for all of them; folders that a script names are kept within the bounds of named paths.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

from slimmer.keep.analyzer import Follow, Kept
from slimmer.keep.apps.sibling_files import RULE as LIKE
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.languages.shell.command_line import Kind, Use
from slimmer.keep.languages.shell.crontab import is_crontab
from slimmer.keep.languages.shell.source import SCRIPT_LIMIT, Script, read_command, read_crontab, read_script
from slimmer.keep.native.time_zones import zones
from slimmer.keep.sources.language_analyzer import opened_by
from slimmer.keep.sources.named_paths import HOLE, Base, Mention, NamedPaths, fitting
from slimmer.keep.sources.named_paths import RULE as NAMED
from slimmer.keep.sources.syntax import is_source
from slimmer.sandbox.readers import Read
from slimmer.sandbox.sandbox import Job

RULE = "shell"
SCRIPTS_LIMIT = 16 << 20
"""Bytes of scripts that a run parses; what is found beyond is kept, but not looked into."""

_SHELLS = re.compile(r"(?:b?a|rba|da|l?k|m?k|pdk|z|hu)?sh(?:\.[a-z]{1,20})?")
_MULTICALL = re.compile(r"busybox(?:\.[a-z]{1,20})?|toybox")
_CRONS = re.compile(r"(?:an)?a?cron|f?crond|dcron|supercronic|yacron|busybox(?:\.[a-z]{1,20})?")
_FIRST_LINE = re.compile(
    rb"#![ \t]*(?:\S{0,200}/)?(?:env[ \t]+(?:-S[ \t]+)?)?(?:\S{0,200}/)?(?:[bdz]?a?|k|mk)sh(?:[ \t\r\n]|$)"
    rb"|#![ \t]*\S{0,200}/busybox[ \t]"
)
_SUFFIXES = frozenset(
    (".sh", ".bash", ".ash", ".dash", ".ksh", ".zsh", ".inc", ".env", ".rc", ".conf", ".func", ".functions", "")
)
_ZONE = re.compile(rb"(?<![\w$])TZ=[\"']?\$")


def shell(image: ImageView) -> Follow:
    """What the scripts of shells lead to; see the module. Costs nothing without scripts."""
    return _Scripts(image).follow


class _Scripts:
    def __init__(self, image: ImageView) -> None:
        self._image, self._tree = image, image.tree
        self._opened = opened_by(image, _SHELLS)
        self._applets = opened_by(image, _MULTICALL)
        self._crontabs = frozenset(path for path in opened_by(image, _CRONS) if is_crontab(path))
        self._environment = dict(entry.partition("=")[::2] for entry in image.config.env)
        self._environment.setdefault("HOME", image.home)
        self._working = posixpath.normpath(posixpath.join("/", image.config.working_dir))
        self._named = NamedPaths(image)
        self._seen: set[str] = set()
        self._sourced: set[str] = set()
        self._alike: set[str] = set()
        self._budget = SCRIPTS_LIMIT
        self._begun = False
        self._zoned: str | None = None  # the script that chooses a time zone; "" once that was answered

    def follow(self, fresh: Sequence[str], kept: Kept) -> Iterator[Finding]:
        """Findings for all that fresh scripts lead to, breadth first, one round trip for each layer."""
        layer: dict[str, None] = {}
        if not self._begun:
            self._begun = True
            yield from self._configured(layer)
        layer.update((path, None) for path in fresh if self._is_used(path, kept) and self._is_new(path))
        while layer:
            scripts = list(self._read(layer))
            yield from self._zones()
            layer = {}
            for path, script in scripts:
                yield from self._leads(path, path, script, layer)

    def _zones(self) -> Iterator[Finding]:
        """All time zones, for a script that chooses one at run time."""
        if self._zoned:
            source, self._zoned = self._zoned, ""
            yield from zones(self._tree, Reason("time-zones", f"{source} sets TZ to what it is told", source))

    def _is_used(self, path: str, kept: Kept) -> bool:
        if path in self._crontabs or (path in self._opened and _looks_like_script(path)):
            return True
        if self._is_like_a_script(path, kept):
            self._alike.add(path)
            return True
        if not self._is_executable(path):
            return path in self._applets and path.endswith(".sh")
        return path in self._opened or path in self._applets or Evidence.USED in kept.evidence(path)

    def _is_like_a_script(self, path: str, kept: Kept) -> bool:
        """Whether it is kept for its likeness to a script that a shell opened, such as another page of a CGI folder."""
        return any(reason.rule == LIKE and reason.cause in self._opened for reason in kept.reasons(path))

    def _is_executable(self, path: str) -> bool:
        entry = self._tree.get(path)
        return entry is not None and entry.is_file and bool(entry.mode & 0o111)

    def _is_new(self, path: str) -> bool:
        """Whether a real path may be a script that was not looked into yet; notes that it is now."""
        entry = self._tree.get(path)
        if path in self._seen or entry is None or not entry.is_file or not 2 < entry.size <= SCRIPT_LIMIT:
            return False
        if ".so" in posixpath.basename(path) or self._budget < entry.size:
            return False
        self._seen.add(path)
        self._budget -= entry.size
        return True

    def _read(self, paths: Iterable[str]) -> Iterator[tuple[str, Script]]:
        jobs: dict[Read, list[Job]] = {read_crontab: [], read_script: []}
        order: list[str] = []
        for path, content in self._image.read(paths):
            if not content or not is_source(content):
                continue
            if self._zoned is None and _ZONE.search(content):
                self._zoned = path
            if path in self._crontabs:
                jobs[read_crontab].append(Job(path, content, (path, self._environment)))
            elif self._is_script(path, content):
                jobs[read_script].append(Job(path, content, (self._environment,)))
            order.append(path)
        found = {path: script for reader, some in jobs.items() for path, script in self._scripts(reader, some)}
        yield from ((path, found[path]) for path in order if path in found)

    def _scripts(self, reader: Read, jobs: Sequence[Job]) -> Iterator[tuple[str, Script]]:
        """What scripts say; nothing for those that cannot be read."""
        found = self._image.sandbox.facts(reader, Script, jobs)
        yield from ((job.path, script or Script()) for job, script in zip(jobs, found, strict=True))

    def _is_script(self, path: str, content: bytes) -> bool:
        """Whether a shell runs this: its first line says so, or a shell read it and it does not look like data."""
        if content.startswith(b"#!"):
            return _FIRST_LINE.match(content) is not None
        if path in self._sourced or path in self._alike:
            return True
        return path in self._opened and _looks_like_script(path)

    def _configured(self, layer: dict[str, None]) -> Iterator[Finding]:
        """What the image's own commands lead to."""
        config = self._image.config
        commands = [("the image's command", config.command)]
        check = config.healthcheck.test if config.healthcheck and not config.healthcheck.disabled else ()
        if check[:1] == ("CMD-SHELL",):
            commands.append(("the image's health check", (*(config.shell or ("/bin/sh", "-c")), *check[1:2])))
        elif check[:1] == ("CMD",):
            commands.append(("the image's health check", check[1:]))
        jobs = [Job(source, _words(argv), (self._environment,)) for source, argv in commands]
        for source, script in self._scripts(read_command, jobs):
            yield from self._leads("", source, script, layer)

    def _leads(self, path: str, source: str, script: Script, layer: dict[str, None]) -> Iterator[Finding]:
        """Findings for one script; what is to be looked into next joins the layer. `path` is "" for a configuration."""
        folders = tuple(dict.fromkeys((*self._image.config.search_path, *script.folders)))
        for use, place in ((used.use, used.place) for used in script.uses):
            reason = Reason(RULE, f"{use.kind} by {source}{place}", path)
            if use.kind in (Kind.FOLDER, Kind.RUN):
                reason = Reason(RULE, f"run by {source}{place}", path)
            for finding in self._found(use, path, folders, reason):
                yield finding
                if finding.reason is reason and self._is_new(finding.path):
                    layer[finding.path] = None
                    if use.kind is not Kind.PROGRAM:
                        self._sourced.add(finding.path)
        for named in script.named:
            yield from self._at(named.path, path, Reason(NAMED, f"named by {source}{named.place}", path), named.whole)

    def _found(self, use: Use, path: str, folders: Sequence[str], reason: Reason) -> Iterator[Finding]:
        if use.kind is Kind.FOLDER:
            yield from fitting(self._tree, use.value, HOLE, reason)
            return
        head, hole, rest = use.value.partition(HOLE)
        if hole and head:
            yield from self._globbed(use.value, reason)
            return
        places = list(self._beside(path, rest) if hole else self._relative(path, use.value))
        if "/" not in use.value:
            on_path = [posixpath.join(folder, use.value) for folder in folders]
            places = on_path if use.kind is Kind.PROGRAM else [*places, *on_path]
        found = next((place for place in places if self._is_there(place, use.kind)), None)
        if found is not None:
            yield from reach(self._tree, found, reason)

    def _is_there(self, place: str, kind: Kind) -> bool:
        entry = self._tree.get(self._tree.resolve(place).end or "")
        return entry is not None and entry.is_file and (kind is not Kind.PROGRAM or bool(entry.mode & 0o111))

    def _relative(self, path: str, name: str) -> Iterator[str]:
        """Where a name leads: from the working directory or, since a script may change that, from its own folder."""
        yield posixpath.normpath(posixpath.join(self._working, name))
        if path:
            yield posixpath.normpath(posixpath.join(posixpath.dirname(path), name))

    def _beside(self, path: str, rest: str) -> Iterator[str]:
        """Where a name with an unknown beginning may lead, "/lib.sh" of `$HERE/lib.sh`.

        Such beginnings are mostly the script's own folder, the one above it, or the working directory.
        """
        if HOLE in rest or not rest.startswith("/") or not rest.strip("/."):
            return
        folder = posixpath.dirname(path)
        for base in dict.fromkeys((folder, posixpath.dirname(folder), self._working) if path else (self._working,)):
            yield posixpath.normpath(base + rest)

    def _at(self, name: str, path: str, reason: Reason, whole: bool) -> Iterator[Finding]:
        """A path that a script names without running it."""
        head, hole, rest = name.partition(HOLE)
        if hole and head:
            yield from self._globbed(name, reason)
        elif hole:
            found = next((place for place in self._beside(path, rest) if self._is_there(place, Kind.RUN)), None)
            yield from reach(self._tree, found, reason) if found is not None else ()
        elif whole or not name.startswith("/"):
            base = Base.ANY if name.startswith("/") else Base.WORKING
            mention = Mention(name, base, False, reason.detail.removeprefix(f"named by {path}"))
            yield from self._named.findings(path, (mention,), posixpath.dirname(path) or "/")
        elif self._tree.resolve(name).end is not None:
            yield from reach(self._tree, name, reason)

    def _globbed(self, pattern: str, reason: Reason) -> Iterator[Finding]:
        """Files that a glob may stand for, in folders that are no system's own for programs and libraries."""
        folder, name = posixpath.split(pattern)
        if folder.startswith("/") and HOLE not in folder and folder.strip("/") and not _is_crowded(folder):
            yield from fitting(self._tree, folder, name, reason)


def _words(argv: Sequence[str]) -> bytes:
    return b"".join(os.fsencode(word) + b"\0" for word in argv)


def _looks_like_script(path: str) -> bool:
    return posixpath.splitext(path)[1].lower() in _SUFFIXES


def _is_crowded(folder: str) -> bool:
    """Whether a folder holds all sorts of things, of which a glob does not mean each."""
    return (
        re.fullmatch(r"(?:/usr(?:/local)?|/var|)/(?:s?bin|lib[^/]{0,6}(?:/[^/]{1,80})?|share|etc|tmp|run)/?", folder)
        is not None
    )
