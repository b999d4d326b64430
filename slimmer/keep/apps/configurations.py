"""Keep the programs and files that configurations name: checks of a monitoring agent, handlers of a mail server, a subsystem of sshd.

A server reads its configuration when it starts, and starts the programs in it for the first request only. Configurations are texts that a
program opened and that lie in /etc, have a suffix of configurations, or are named by the image's command. An absolute path in one counts
if it leads to a program, or to a file of up to FILE_BYTES. Lines that are comments do not count.

Scripts, the configurations of web servers and data that lists users, shells or kinds of files have other rules, or need none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer
from slimmer.keep.ecosystems import code_suffixes, dependency_folders
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, reach, suffix_of
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.sources.reading import read_files
from slimmer.observe.log import PROBE, Operation
from slimmer.sandbox.readers import reader

RULE = "configuration"
CONFIG_BYTES = 1 << 17
"""The largest configuration that is read, in bytes."""

FILE_BYTES, FILES_BYTES, PROGRAMS_BYTES = 1 << 20, 4 << 20, 16 << 20
"""The largest file that stays because a configuration names it, and the most bytes of such files, and of programs."""

_CONFIGS, _PATHS = 500, 2000
_SUFFIXES = frozenset(
    (".conf", ".cfg", ".cnf", ".cf", ".ini", ".toml", ".yaml", ".yml", ".json", ".xml", ".rc", ".properties")
)
_FOLDERS = re.compile(
    r"/(?:usr/(?:local/)?)?(?:lib[^/]{0,4}|share|include)/|/(?:proc|sys|dev)/|/var/lib/(?:dpkg|apk|rpm)/"
)
"""Folders of packages. What lies there is no configuration of the author."""

_LISTS = re.compile(
    r"/etc/(?:passwd|group|g?shadow|subuid|subgid|shells|services|protocols|mime\.types|mailcap|ld\.so\..*|hosts|fstab|mtab"
    r"|(?:pam\.d|security|ssl|fonts|alternatives|terminfo|X11|apt|dpkg|java-[^/]*)/.*|[^/]*\.(?:pem|crt|key|d/README))-?",
    re.DOTALL,
)
_PATH = re.compile(r"(?<![\w.$%*~}\\/-])/(?:[\w+@-][\w.+@-]{0,250}/){0,30}[\w+@-][\w.+@-]{0,250}")
_COMPILED = re.compile(r"(?<=[^/])\.(?:db|cdb|lmdb|dir|pag)$")
"""Tables that were compiled from a text beside them: /etc/aliases.db from /etc/aliases (postmap(1))."""

_COMMENT = re.compile(r"\s*(?:#|;|//|--\s|<!--)")


@dataclass(frozen=True, slots=True)
class NamedPaths:
    """The absolute paths that a text names, each once, in their order."""

    paths: tuple[str, ...] = ()


@reader
def read_paths(content: bytes) -> NamedPaths:
    """Read the absolute paths in a configuration, without those in comments. Data that is no text names none."""
    if b"\0" in content:
        return NamedPaths()
    lines = (line for line in content.decode("utf-8", "replace").splitlines() if not _COMMENT.match(line))
    found = dict.fromkeys(match[0] for line in lines for match in _PATH.finditer(line[:4096]))
    return NamedPaths(tuple(found)[:_PATHS])


def configurations(image: ImageView) -> Iterator[Finding] | None:
    """Yield the programs and small files that opened configurations name. None if no configuration was opened."""
    opened = _opened(image)
    return _named(image, opened) if opened else None


def _opened(image: ImageView) -> list[str]:
    found: dict[str, None] = {}
    words = frozenset(image.config.command)
    for access in image.log.accesses:
        if not access.found or access.operation is not Operation.OPEN or access.executable == PROBE:
            continue
        path = _COMPILED.sub("", access.resolved or access.asked)
        if path in found or not _is_configuration(path, words):
            continue
        entry = image.end(path)
        if entry is not None and entry.is_file and 0 < entry.size <= CONFIG_BYTES and len(found) < _CONFIGS:
            found[entry.path] = None
    return list(found)


def _is_configuration(path: str, words: frozenset[str]) -> bool:
    suffix = suffix_of(path)
    if (suffix in code_suffixes() and suffix not in _SUFFIXES) or _LISTS.fullmatch(path):
        return False
    if path in words:
        return True
    if _FOLDERS.match(path) or not dependency_folders().isdisjoint(path.split("/")):
        return False
    return path.startswith("/etc/") or suffix in _SUFFIXES


def _named(image: ImageView, configurations: Sequence[str]) -> Iterator[Finding]:
    room = {True: PROGRAMS_BYTES, False: FILES_BYTES}
    seen: set[str] = set()
    for source, named in read_files(image, read_paths, NamedPaths, configurations, CONFIG_BYTES):
        reason = Reason(RULE, f"named in {source}", source)
        for path in named.paths:
            entry = image.end(path)
            if entry is None or not entry.is_file or entry.path == source:
                continue
            is_program = bool(entry.mode & 0o111)
            if entry.path not in seen:
                seen.add(entry.path)
                room[is_program] -= entry.size
            if room[is_program] >= 0 and (is_program or entry.size <= FILE_BYTES):
                yield from reach(image.tree, path, reason)


ANALYZER = FunctionAnalyzer("configuration", BEYOND_OBSERVED, {RULE: Evidence.USED}, configurations)
