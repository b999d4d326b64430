"""Finds the shell scripts of an image, and follows them to commands, sourced files, and files that they name.

A file is a script if a shell opened it, if another script calls or sources it, or if other code starts it and its first line names a
shell. A file that is only similar to a script that a shell opened also counts (slimmer.keep.apps.sibling_files), and
so does one beside it with the same suffix whose first line names a shell: a page that a server runs. Other scripts that are kept
for other reasons, because they were seen or fill a folder, are not followed. The image's ENTRYPOINT, CMD and HEALTHCHECK are read like
scripts, and so are crontabs that a cron daemon opened, and other files that name commands (slimmer.keep.languages.shell.command_files).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from slimmer.image.tree import Entry
from slimmer.keep.analyzer import Kept
from slimmer.keep.apps.sibling_files import models
from slimmer.keep.evidence import Evidence, reaches
from slimmer.keep.image_view import ImageView, suffix_of
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.language import Lead, Origin, Resolver, Text
from slimmer.keep.languages.shell.command_files import kind_of
from slimmer.keep.languages.shell.command_line import Kind
from slimmer.keep.languages.shell.crontab import is_crontab, is_system_crontab
from slimmer.keep.languages.shell.places import Places
from slimmer.keep.languages.shell.reader import Dialect, Script, command_text
from slimmer.keep.native import locales, time_zones
from slimmer.keep.sources.language_analyzer import opened_by
from slimmer.keep.sources.syntax import is_source

ID = "shell"

_MULTICALL = re.compile(r"busybox(?:\.[a-z]{1,20})?|toybox")
_CRONS = re.compile(r"(?:an)?a?cron|f?crond|dcron|supercronic|yacron|busybox(?:\.[a-z]{1,20})?")
_FIRST_LINE = re.compile(
    rb"#![ \t]*(?:\S{0,200}/)?(?:env[ \t]+(?:-S[ \t]+)?)?(?:\S{0,200}/)?(?:[bdz]?a?|k|mk)sh(?:[ \t\r\n]|$)"
    rb"|#![ \t]*\S{0,200}/busybox[ \t]"
)
_SUFFIXES = frozenset(
    (".sh", ".bash", ".ash", ".dash", ".ksh", ".zsh", ".inc", ".env", ".rc", ".conf", ".func", ".functions", "")
)
"""Suffixes of files that are scripts if a shell opens them."""


class ShellResolver(Resolver[Script]):
    """The shell in one image."""

    def __init__(self, image: ImageView, opened: frozenset[str]) -> None:
        self._image, self._tree = image, image.tree
        self._opened = opened
        self._applets = opened_by(image, _MULTICALL)
        self._crontabs = frozenset(path for path in opened_by(image, _CRONS) if is_crontab(path))
        self._places = Places(image)
        self._texts: frozenset[str] = frozenset()
        self._read_by_shell: set[str] = set()  # scripts that need no first line
        self._kinds = {(posixpath.dirname(path), suffix) for path in opened if (suffix := suffix_of(path))}
        self._has_zones = False

    @property
    def variables(self) -> Mapping[str, str]:
        """The image's environment."""
        return {"HOME": self._image.home, **self._image.env}

    def texts(self) -> Sequence[Text]:
        """Return the image's own commands."""
        config = self._image.config
        commands = {"the image's command": config.command}
        check = config.healthcheck.test if config.healthcheck and not config.healthcheck.disabled else ()
        if check[:1] == ("CMD-SHELL",):
            commands["the image's health check"] = (*(config.shell or ("/bin/sh", "-c")), *check[1:2])
        elif check[:1] == ("CMD",):
            commands["the image's health check"] = check[1:]
        self._texts = frozenset(commands)
        return [Text(name, command_text(argv), Dialect.COMMAND) for name, argv in commands.items() if argv]

    def takes(self, path: str, kept: Kept, *, opened: bool) -> bool:
        """Return True for scripts and crontabs that were opened, for files similar to them, and for programs that other code starts."""
        if path in self._crontabs or self._is_opened_script(path):
            return True
        if kind_of(path):
            return reaches(kept.evidence(path), Evidence.SEEN)
        if any(model in self._opened for model in models(path, kept)):
            self._read_by_shell.add(path)
            return True
        if not self._image.is_executable(path):
            return (path in self._applets and path.endswith(".sh")) or self._is_beside_opened(path)
        return opened or path in self._applets or Evidence.USED in kept.evidence(path)

    def accepts(self, path: str) -> bool:
        """Return True for every file except libraries and empty files, because a script may have any name."""
        entry = self._tree.get(path)
        return entry is not None and entry.size > 2 and ".so" not in posixpath.basename(path)

    def is_data(self, entry: Entry) -> bool:
        """Return False, because a script needs no suffix, wherever it lies."""
        return False

    def recognizes(self, path: str, content: bytes) -> bool:
        """Return True if the first line names a shell, or if there is none and a shell read the file as a script."""
        if not is_source(content):
            return False
        if path in self._crontabs or kind_of(path):
            return True
        if content.startswith(b"#!"):
            return _FIRST_LINE.match(content) is not None
        return path in self._read_by_shell or self._is_opened_script(path)

    def origin(self, path: str) -> Origin:
        """Return APP, because every script is read for everything that it names."""
        return Origin.APP

    def dialect(self, path: str) -> str:
        """Return the kind of crontab or of another file that names commands, or SCRIPT for other files."""
        if path not in self._crontabs:
            return kind_of(path) or Dialect.SCRIPT
        return Dialect.SYSTEM_CRONTAB if is_system_crontab(path) else Dialect.CRONTAB

    def leads(self, layer: Mapping[str, Script]) -> Iterator[Lead | Finding]:
        """Yield all time zones if a script chooses one, and then where each script leads."""
        chooser = next((source for source, script in layer.items() if script.chooses_zone), None)
        if chooser is not None and not self._has_zones:
            self._has_zones = True
            yield from time_zones.zones(
                self._tree, Reason(time_zones.RULE, f"{chooser} sets TZ to what it is told", chooser)
            )
        for source, script in layer.items():
            yield from self._script(source, script)

    def _script(self, source: str, script: Script) -> Iterator[Lead | Finding]:
        path = "" if source in self._texts else source
        folders = tuple(dict.fromkeys((*self._image.config.search_path, *script.folders)))
        for use, place in ((used.use, used.place) for used in script.uses):
            reason = Reason(ID, f"{use.kind.verb} by {source}{place}", path)
            for lead in self._places.used(use, path, folders, reason):
                if use.kind not in (Kind.PROGRAM, Kind.MODULE):
                    self._read_by_shell.add(self._tree.resolve(lead.path).end or lead.path)
                yield lead
        for named in script.named:
            yield from self._places.named(named, path, source)
        for zone in script.zones:
            yield from time_zones.zone(self._tree, zone, Reason(time_zones.RULE, f"{source} sets TZ to it", path))
        for name in script.locales:
            yield from locales.named_locale(self._tree, name, Reason(locales.RULE, f"{source} chooses {name}", path))

    def _is_beside_opened(self, path: str) -> bool:
        return path not in self._opened and (posixpath.dirname(path), suffix_of(path)) in self._kinds

    def _is_opened_script(self, path: str) -> bool:
        return path in self._opened and suffix_of(path) in _SUFFIXES
