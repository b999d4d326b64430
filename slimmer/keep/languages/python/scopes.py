"""The scopes of a source: functions, branches that never run in a container, and handlers of missing modules.

Scopes are ranges of bytes that nest like the tree. Nodes and scopes are walked in the order of the source, and nothing climbs from a
node to its parents: that takes time that grows with the depth, and hostile sources nest deep.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from slimmer.keep.languages.python.facts import MAIN
from slimmer.keep.languages.python.grammar import Captures, captures, head

if TYPE_CHECKING:
    from tree_sitter import Node

_QUERY = """
(function_definition) @function
(if_statement) @if
(elif_clause) @if
(try_statement) @try
(import_statement) @import
(import_from_statement) @import
"""
_NEVER = re.compile(
    r"(?:typing\.|t\.)?TYPE_CHECKING$"
    r"|(?:sys\.platform|os\.name|platform\.system\(\))\s{0,9}(?:==\s{0,9}|\.startswith\(\s{0,9})"
    r"""['"](?:win|nt\b|ce\b|darwin|mac|java|os2|riscos|cygwin|Win|Darwin|Java)"""
)
_MAIN = re.compile(r"""__name__\s{0,9}==\s{0,9}['"]__main__['"]""")
_MISSING = re.compile(r"except\s{0,9}(?::|[\w.,(\s]{0,200}\b(?:ImportError|ModuleNotFoundError|Exception)\b)")
_TRIED = 8
"""The most imports in the body of a `try` that counts as trying out a module."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A range of bytes, from `start` to before `end`.

    `where` is the function; "" for the module itself. In a handler of ImportError, `tried` are the imports that failed. `skipped` is true if
    the code never runs on Linux, or only for a type checker.
    """

    start: int
    end: int
    where: str = ""
    tried: tuple[Node, ...] = ()
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Scopes:
    """The scopes and the import statements of a source, both in the order of the source."""

    scopes: tuple[Scope, ...]
    imports: tuple[Node, ...]

    def locate(self, nodes: Iterable[Node]) -> Iterator[tuple[Node, Scope]]:
        """Yield each of these nodes with its innermost scope. The nodes must be in the order of the source."""
        listed = list(nodes)
        return zip(listed, self.at(node.start_byte for node in listed), strict=True)

    def at(self, places: Iterable[int]) -> Iterator[Scope]:
        """Yield the innermost scope of each of these places, which are bytes from the start in ascending order."""
        stack, position = [Scope(0, 1 << 62)], 0
        for place in places:
            while position < len(self.scopes) and self.scopes[position].start <= place:
                _enter(stack, self.scopes[position])
                position += 1
            _leave(stack, place)
            yield stack[-1]


def scopes_of(source: bytes, root: Node) -> Scopes:
    """Return the scopes of a parsed source."""
    found = captures(_QUERY, root)
    imports = found.get("import", [])
    scopes = [*_functions(source, found), *_branches(source, found), *_handlers(source, found, imports)]
    return Scopes(tuple(sorted(scopes, key=lambda scope: (scope.start, -scope.end))), tuple(imports))


def _enter(stack: list[Scope], scope: Scope) -> None:
    _leave(stack, scope.start)
    outer = stack[-1]
    stack.append(
        replace(
            scope,
            where=scope.where or outer.where,
            tried=scope.tried or outer.tried,
            skipped=scope.skipped or outer.skipped,
        )
    )


def _leave(stack: list[Scope], position: int) -> None:
    while stack[-1].end <= position:
        stack.pop()


def _functions(source: bytes, found: Captures) -> Iterator[Scope]:
    for node in found.get("function", ()):
        yield Scope(node.start_byte, node.end_byte, head(source, node.child_by_field_name("name"), 80) or "a function")


def _branches(source: bytes, found: Captures) -> Iterator[Scope]:
    for node in found.get("if", ()):
        condition = head(source, node.child_by_field_name("condition"))
        body = node.child_by_field_name("consequence")
        if body is None:
            continue
        if _NEVER.match(condition):
            yield Scope(body.start_byte, body.end_byte, skipped=True)
        elif _MAIN.match(condition):
            yield Scope(body.start_byte, body.end_byte, MAIN)


def _handlers(source: bytes, found: Captures, imports: list[Node]) -> Iterator[Scope]:
    starts = [node.start_byte for node in imports]
    for node in found.get("try", ()):
        body = node.child_by_field_name("body")
        if body is None:
            continue
        tried = imports[bisect_left(starts, body.start_byte) : bisect_left(starts, body.end_byte)][: _TRIED + 1]
        if not 0 < len(tried) <= _TRIED:
            continue
        for clause in node.named_children:
            if clause.type == "except_clause" and _MISSING.match(head(source, clause)):
                yield Scope(clause.start_byte, clause.end_byte, tried=tuple(tried))
