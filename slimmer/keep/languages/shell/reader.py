"""Reads a shell script for its command lines, the paths that it names, and the folders that it adds to PATH."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from slimmer.keep.language import Source
from slimmer.keep.languages.shell.command_files import KINDS, script_of
from slimmer.keep.languages.shell.command_line import Kind, Use, uses
from slimmer.keep.languages.shell.crontab import commands_of
from slimmer.keep.languages.shell.words import ALTERNATIVES, Words
from slimmer.keep.sources.named_paths import HOLE
from slimmer.keep.sources.syntax import Found, Grammar, find, text

if TYPE_CHECKING:
    from tree_sitter import Node

SCRIPT_LIMIT = 1 << 17
"""The most bytes of a script that are parsed. For some broken texts, the time grows with the square of the length: 1.6 s for this many."""

_WORDS = 256
_NAMED = 2000
_TEXTS = 200
_NESTED = 3
_GRAMMAR = Grammar(
    "tree_sitter_bash",
    functions=frozenset(("function_definition",)),
    wanted=frozenset(
        (
            "command",
            "variable_assignment",
            "for_statement",
            "file_redirect",
            "unary_expression",
            "binary_expression",
            "function_definition",
        )
    ),
    leaves=frozenset(("comment", "raw_string", "ansi_c_string", "word", "regex", "heredoc_content")),
)
_EVALUATED = frozenset(
    ("word", "string", "raw_string", "concatenation", "simple_expansion", "expansion", "number", "ansi_c_string")
)
_SPEAKERS = frozenset(("echo", "printf", "rm", "rmdir", "mkdir", "unset", "read"))
"""Commands whose arguments are texts, or paths that they make or remove. These are no reason to keep anything."""

_LOOKERS = frozenset(
    ("cd", "pushd", "test", "[", "chown", "chmod", "chgrp", "ls", "stat", "du", "df", "mount", "touch")
)
"""Commands that need the files and folders that their arguments name, but not the contents of those folders."""

_ZONE = re.compile(rb"(?<![\w$])TZ=[\"']?\$")
_ZONES = re.compile(rb"(?<![\w$])(?:CRON_)?TZ=[\"']?:?([A-Za-z][\w/+-]{1,60})")
_LOCALES = re.compile(rb"(?<![\w$])(?:LANG|LC_[A-Z]{1,20})=[\"']?([A-Za-z][\w@.-]{1,60})")
_LITERALS = 100


class Dialect(StrEnum):
    """The ways to read the content of a source (`Source.dialect`)."""

    SCRIPT = ""
    COMMAND = "command"
    """A command line that no shell reads, such as an image's ENTRYPOINT: its words, each followed by a NUL."""

    CRONTAB = "crontab"
    SYSTEM_CRONTAB = "system-crontab"


@dataclass(frozen=True, slots=True)
class Named:
    """A path that a script names. `whole` is true if the script may also mean the contents of the folder with this name."""

    path: str
    whole: bool
    place: str


@dataclass(frozen=True, slots=True)
class Used:
    """Something that a script uses. `place` names the function around it (" in start()"); "" outside of functions."""

    use: Use
    place: str


@dataclass(frozen=True, slots=True)
class Script:
    """The facts of one script. Each entry occurs once, in order.

    `folders` are those that it adds to PATH. `chooses_zone` is true if it sets TZ to a value that is known only at run time.
    `zones` and `locales` are the values of TZ, and of LANG and LC_…, that it names.
    """

    uses: tuple[Used, ...] = ()
    named: tuple[Named, ...] = ()
    folders: tuple[str, ...] = ()
    chooses_zone: bool = False
    zones: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()


@dataclass
class _Found:
    """The facts of a script, as collected so far."""

    uses: dict[Use, str] = field(default_factory=dict)
    named: dict[Named, None] = field(default_factory=dict)
    folders: dict[str, None] = field(default_factory=dict)

    def script(self, content: bytes) -> Script:
        """Return everything collected, as facts, with what the content of the source assigns to TZ, LANG and LC_…."""
        uses = tuple(Used(use, place) for use, place in self.uses.items())
        chooses_zone = _ZONE.search(content) is not None
        zones, locales = _literals(_ZONES, content), _literals(_LOCALES, content)
        return Script(uses, tuple(self.named), tuple(self.folders), chooses_zone, zones, locales)


def command_text(argv: Iterable[str]) -> bytes:
    """Return a command line as the content of a source of the dialect COMMAND."""
    return b"".join(os.fsencode(word) + b"\0" for word in argv)


def read(source: Source) -> Script:
    """Return the facts of a source, including those of texts that it passes to a shell or to eval."""
    if source.dialect == Dialect.COMMAND:
        return _read_command(source.content, source.variables)
    if source.dialect in KINDS:
        return _read(script_of(source.content, source.dialect), source.variables).script(source.content)
    script = source.content
    if source.dialect in (Dialect.CRONTAB, Dialect.SYSTEM_CRONTAB):
        script = commands_of(script, system=source.dialect == Dialect.SYSTEM_CRONTAB)
    return _read(script, source.variables).script(source.content)


def _read_command(content: bytes, environment: Mapping[str, str]) -> Script:
    """Return the facts of a command line that no shell reads. Each of its words is followed by a NUL."""
    argv = [os.fsdecode(word) for word in content.split(b"\0")[:-1]]
    found = _Found()
    for use in uses(argv, shell=False):
        if use.kind is not Kind.TEXT:
            found.uses.setdefault(use, "")
            continue
        inner = _read(use.value.encode(errors="surrogateescape"), environment)
        found.uses.update(inner.uses)
        found.named.update(inner.named)
        found.folders.update(inner.folders)
    return found.script(content)


def _literals(pattern: re.Pattern[bytes], content: bytes) -> tuple[str, ...]:
    """Return the different values that a variable gets in a script, in order: at most _LITERALS."""
    found = dict.fromkeys(match[1].decode() for match in islice(pattern.finditer(content), _LITERALS))
    return tuple(found)


def _read(content: bytes, environment: Mapping[str, str]) -> _Found:
    script = _Found()
    words = Words(environment)
    texts: list[tuple[bytes, str, int]] = [(content, "", 0)]
    for number in range(_TEXTS):
        if number >= len(texts):
            break
        text_of, place, depth = texts[number]
        reader = _Reader(script, words, place)
        reader.read(text_of[:SCRIPT_LIMIT])
        if depth < _NESTED:
            texts += [(code, where, depth + 1) for code, where in reader.texts]
    return script


class _Reader:
    def __init__(self, script: _Found, words: Words, place: str) -> None:
        self._script, self._words, self._place = script, words, place
        self._functions: set[str] = set()
        self.texts: dict[tuple[bytes, str], None] = {}

    def read(self, content: bytes) -> None:
        """Read the assignments first, because a function may use a variable that is assigned further down."""
        found = list(find(_GRAMMAR, content))
        for node in (one.node for one in found):
            if node.type == "variable_assignment":
                self._assignment(node)
            elif node.type == "for_statement":
                values = [value for part in node.children_by_field_name("value") for value in self._words.values(part)]
                self._words.define(text(node.child_by_field_name("variable")), values)
            elif node.type == "function_definition":
                self._functions.add(text(node.child_by_field_name("name")))
        for one in found:
            self._take(one)

    def _assignment(self, node: Node) -> None:
        name, value = text(node.child_by_field_name("name")), node.child_by_field_name("value")
        if not name or value is None:
            return
        if value.type == "array":
            for argv in self._lines(value.named_children[:_WORDS]):
                if argv and HOLE not in argv[0]:
                    self._words.define(name, [argv[0]])
            return
        values = self._words.values(value)
        if name == "PATH":
            folders = (folder for one in values for folder in one.split(":"))
            self._script.folders.update(
                (folder, None) for folder in folders if folder[:1] == "/" and HOLE not in folder
            )
        else:
            self._words.define(name, values)

    def _take(self, found: Found) -> None:
        node, place = found.node, found.place or self._place
        if node.type == "command":
            self._command(node, place)
        elif node.type == "file_redirect":
            self._name(node.children_by_field_name("destination"), place, whole=False)
        elif node.type in ("unary_expression", "binary_expression"):
            self._name(node.named_children, place, whole=False)
        elif node.type == "for_statement":
            self._name(node.children_by_field_name("value"), place, whole=False)

    def _command(self, node: Node, place: str) -> None:
        name = node.child_by_field_name("name")
        if name is None or not name.named_child_count:
            return
        first = name.named_child(0) if name.named_child_count == 1 else name
        arguments = node.children_by_field_name("argument")[:_WORDS]
        lines = list(self._lines([part for part in (first, *arguments) if part is not None]))
        for argv in lines:
            if argv and argv[0] not in self._functions:
                self._uses(argv, place)
        program = posixpath.basename(lines[0][0]) if lines and lines[0] else ""
        if program not in _SPEAKERS:
            self._name(arguments, place, whole=program not in _LOOKERS)

    def _lines(self, nodes: Sequence[Node]) -> Iterator[tuple[str, ...]]:
        """Yield the command lines that these words may become: one with the first value of each, one with the second, and so on."""
        choices = [self._words.split(node) for node in nodes]
        for number in range(min(ALTERNATIVES, max(map(len, choices), default=0))):
            chosen = (choice[min(number, len(choice) - 1)] for choice in choices)
            yield tuple(word for words in chosen for word in words)[:_WORDS]

    def _uses(self, argv: Sequence[str], place: str) -> None:
        for use in uses(argv):
            if use.kind is Kind.TEXT:
                if use.value.strip(HOLE + " "):
                    self.texts.setdefault((use.value.encode(errors="surrogateescape"), place))
            elif use.value.strip(HOLE):
                self._script.uses.setdefault(use, place)

    def _name(self, nodes: Sequence[Node], place: str, *, whole: bool) -> None:
        values = (value for node in nodes if node.type in _EVALUATED for value in self._words.values(node))
        for value in values:
            path = value.partition("=")[2] if value.startswith("-") else value
            if len(self._script.named) < _NAMED and ("/" in path or "." in path) and path.strip(HOLE + "/."):
                self._script.named.setdefault(Named(path, whole, place))
