"""Works out what the words of a shell script stand for, from the script and the image's environment.

Expansions follow POSIX.1-2017, Shell Command Language, 2.6: parameters have the values that the script or the environment gives
them, or defaults (`${X:-/etc/x}`). What is known only at run time is a hole: arguments, output of commands, globs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from slimmer.keep.sources.named_paths import HOLE
from slimmer.keep.sources.syntax import text

if TYPE_CHECKING:
    from tree_sitter import Node

ALTERNATIVES = 4
"""The most values of one word that are considered. A variable may be assigned in several branches."""

LENGTH = 1024
"""The longest value, and the longest expression. The value of a longer one is unknown."""

_DEPTH = 12
_UNKNOWN = (HOLE,)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_GLOB = re.compile(r"(?<!\\)[*?]+")
_DEFAULTS = frozenset((":-", "-", ":=", "=", ":+", "+"))
_COMPLAINTS = frozenset((":?", "?"))
_OF_VARIABLES = frozenset(("simple_expansion", "expansion"))


class Words:
    """The values of the words of one script. The first value of a variable is the one from the environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._known = {name: (value,) for name, value in environment.items() if len(value) <= LENGTH}

    def define(self, name: str, values: Iterable[str]) -> None:
        """Remember values of a variable. A value that is only a hole is left out."""
        known = (value for value in values if value != HOLE)
        self._known[name] = tuple(dict.fromkeys((*self._known.get(name, ()), *known)))[:ALTERNATIVES]

    def split(self, node: Node) -> tuple[tuple[str, ...], ...]:
        """Return the fields that a word may become. `$COMMAND` without quotes is split at spaces (2.6.5)."""
        values = self.values(node)
        if node.type in _OF_VARIABLES:
            return tuple(tuple(value.split()) for value in values)
        return tuple((value,) for value in values)

    def values(self, node: Node, depth: int = _DEPTH) -> tuple[str, ...]:
        """Return what one word may stand for: at least one value."""
        if depth == 0 or node.end_byte - node.start_byte > LENGTH:
            return _UNKNOWN
        kind = node.type
        if kind in ("word", "number", "variable_name", "extglob_pattern"):
            return (self._plain(text(node)),)
        if kind == "raw_string":
            return (text(node)[1:-1],)
        if kind == "ansi_c_string":
            return (text(node)[2:-1],)
        if kind == "simple_expansion":
            return self._variable(text(node)[1:])
        if kind == "expansion":
            return self._expansion(node, depth - 1)
        if kind in ("string", "translated_string"):
            return self._string(node, depth - 1)
        if kind in ("concatenation", "command_name"):
            return _joined([self.values(child, depth - 1) for child in node.named_children])
        return _UNKNOWN

    def _plain(self, word: str) -> str:
        """Return the value of a word without quotes. A glob is a hole, a backslash escapes the next character, `~` is the home directory."""
        if word.startswith("~/"):
            word = self._variable("HOME")[0] + word[1:]
        return _ESCAPED.sub(r"\1", _GLOB.sub(HOLE, word))

    def _variable(self, name: str) -> tuple[str, ...]:
        return self._known.get(name) or _UNKNOWN

    def _expansion(self, node: Node, depth: int) -> tuple[str, ...]:
        """Return the values of `${NAME}`, also with a default. If it cuts or replaces something, they are unknown."""
        parts = [child for child in node.children if child.type not in ("${", "}")]
        if not parts or parts[0].type != "variable_name":
            return _UNKNOWN
        name = text(parts[0])
        if len(parts) == 1 or parts[1].type in _COMPLAINTS:
            return self._variable(name)
        if parts[1].type not in _DEFAULTS:
            return _UNKNOWN
        default = self.values(parts[2], depth) if len(parts) > 2 else ("",)
        if parts[1].type in (":=", "="):
            self.define(name, default)
        return tuple(dict.fromkeys((*self._known.get(name, ()), *default)))[:ALTERNATIVES]

    def _string(self, node: Node, depth: int) -> tuple[str, ...]:
        """Return the values of a text in double quotes, with its expansions. The nodes do not cover all of the text."""
        content, place = node.text or b"", node.start_byte + 1
        parts: list[tuple[str, ...]] = []
        inner = [child for child in node.named_children if child.type != "string_content"]
        for child in inner:
            parts += [(_literal(content[place - node.start_byte : child.start_byte - node.start_byte]),)]
            parts += [self.values(child, depth)]
            place = child.end_byte
        return _joined([*parts, (_literal(content[place - node.start_byte : -1]),)])


def _literal(content: bytes) -> str:
    """Return the value of a text in double quotes. There, a backslash escapes only $, `, ", itself and the end of a line (2.2.3)."""
    return re.sub(r'\\([$`"\\\n])', r"\1", content.decode(errors="surrogateescape"))


def _joined(parts: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Return all combinations of the parts' values, joined in order, up to the limit."""
    values: tuple[str, ...] = ("",)
    for part in parts:
        values = tuple(value + more for value in values for more in part)[:ALTERNATIVES]
        if any(len(value) > LENGTH for value in values):
            return _UNKNOWN
    return values
