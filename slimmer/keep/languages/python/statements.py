"""Reads the import statements of a source: in its code, and in strings that it passes to exec() or to another Python."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from slimmer.keep.languages.python.facts import BY_NAME, LIST_LIMIT, Import
from slimmer.keep.languages.python.grammar import text
from slimmer.keep.languages.python.scopes import Scope, Scopes

if TYPE_CHECKING:
    from tree_sitter import Node

NAME_LIMIT = 400
"""The most characters of a module's name that are read."""

_FUTURE = re.compile(rb"^\s{0,99}from\s{1,9}__future__\s", re.MULTILINE)
_IN_STRING = re.compile(
    rb"""['"][ ]{0,9}(?:from[ ]{1,9}(\w{1,80}(?:\.\w{1,80}){0,9})[ ]{1,9}import[ ]{1,9}([\w*]{1,80}(?:,[ ]{0,9}\w{1,80}){0,20})"""
    rb"""|import[ ]{1,9}(\w{1,80}(?:\.\w{1,80}){0,9})[ ]{0,9}(?:['";\\]|as\b))"""
)
"""An import statement at the beginning of a string."""


def read_imports(source: bytes, scopes: Scopes) -> Iterator[Import]:
    """Yield the imports of a parsed source: its statements first, then those in strings, at most LIST_LIMIT of each."""
    located = (entry for node, scope in scopes.locate(scopes.imports) for entry in _imports(node, scope))
    yield from islice(located, LIST_LIMIT)
    if _FUTURE.search(source):
        yield Import("__future__")  # the grammar has a separate kind of node for it
    yield from islice(_in_strings(source), LIST_LIMIT)


def _imports(node: Node, scope: Scope) -> Iterator[Import]:
    """Yield the modules that a statement names; none if it never runs."""
    if scope.skipped:
        return
    instead = tuple(_tried(attempt) for attempt in scope.tried)
    if node.type == "import_statement":
        for module in _names(node.children_by_field_name("name")):
            yield Import(module, where=scope.where, instead=instead)
        return
    level, module = _from(node)
    names = _names(node.children_by_field_name("name"))
    if any(child.type == "wildcard_import" for child in node.named_children):
        names = ("*",)
    yield Import(module, level, names, scope.where, instead)


def _in_strings(source: bytes) -> Iterator[Import]:
    """Yield statements in strings. Like statements in functions, they may never run."""
    for match in _IN_STRING.finditer(source):
        module, names, alone = (group.decode() if group else "" for group in match.groups())
        yield Import(module or alone, names=tuple(name.strip() for name in names.split(",") if name), where=BY_NAME)


def _from(node: Node) -> tuple[int, str]:
    """Return the number of leading dots and the module of a `from` statement."""
    written = "".join(text(node.child_by_field_name("module_name")).split())[:NAME_LIMIT]
    module = written.lstrip(".")
    return len(written) - len(module), module


def _tried(node: Node) -> str:
    """Return the module that a statement tries to import, with leading dots."""
    if node.type == "import_statement":
        return next(iter(_names(node.children_by_field_name("name"))), "")
    level, module = _from(node)
    return "." * level + module


def _names(nodes: Sequence[Node]) -> tuple[str, ...]:
    """Return the imported names, without `as`."""
    found = []
    for node in nodes[:LIST_LIMIT]:
        named = node.child_by_field_name("name") if node.type == "aliased_import" else node
        found.append("".join(text(named).split())[:NAME_LIMIT])
    return tuple(name for name in found if name)
