"""Sources of any language with a tree-sitter grammar: the nodes of the wanted kinds, each with the function that it is in.

Sources come from an image that nobody vouches for. The tree is walked with a cursor, in time that grows with its nodes,
however deep they nest: queries, and looks from a node at its parents, take time that grows with the square of the depth.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from slimmer.sandbox.readers import before_confinement

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Parser, Tree

SOURCE_LIMIT = 1 << 20
"""Bytes of a source that is parsed: broken text takes the parser some 10 seconds for each MiB."""

_NAME_LIMIT = 80


@dataclass(frozen=True, slots=True)
class Grammar:
    """A language's grammar: the module that it is in and the function in it, and its kinds of nodes. A constant of a reader's module.

    `functions` are kinds whose insides run later, if at all, or only where all goes well; `leaves` are kinds that are not
    looked into, which saves time.
    """

    module: str
    functions: frozenset[str]
    wanted: frozenset[str]
    leaves: frozenset[str] = frozenset()
    entry: str = "language"

    def __post_init__(self) -> None:
        before_confinement(self.load)

    def load(self) -> Language:
        """Import what parses the language."""
        from tree_sitter import Language

        return Language(getattr(importlib.import_module(self.module), self.entry)())


@dataclass(frozen=True, slots=True)
class Found:
    """A node of a wanted kind. `parent` is the kind of the node around it, "" at the top.

    `lazy` when it is in a function; `place` says so to a person: " in late()".
    """

    node: Node
    parent: str
    lazy: bool
    place: str


def is_source(content: bytes) -> bool:
    """Return True if it is worth parsing: text, and not too long."""
    return len(content) <= SOURCE_LIMIT and b"\0" not in content


def find(grammar: Grammar, content: bytes) -> Iterator[Found]:
    """The wanted nodes of a source, outer ones before those in them, in the order of the text."""
    tree = _parser(grammar).parse(content)
    yield from _walk(grammar, tree)


def text(node: Node | None, limit: int = 4096) -> str:
    """What the source says at a node; "" without one, or where that is longer than `limit` bytes."""
    if node is None or node.end_byte - node.start_byte > limit:
        return ""
    return (node.text or b"").decode(errors="surrogateescape")


def first_child(node: Node | None) -> Node | None:
    """The first named child, None without one."""
    return node.named_child(0) if node is not None and node.named_child_count else None


def _walk(grammar: Grammar, tree: Tree) -> Iterator[Found]:
    cursor = tree.walk()
    functions: list[tuple[int, str]] = []  # how deep each one lies, and the innermost name up to there
    parents = [""]
    while True:
        node = cursor.node
        if node is None:
            return
        kind = node.type
        if kind in grammar.wanted:
            yield Found(node, parents[-1], bool(functions), functions[-1][1] if functions else "")
        if kind not in grammar.leaves and cursor.goto_first_child():
            if kind in grammar.functions:
                functions.append((len(parents), _name(node) or (functions[-1][1] if functions else "")))
            parents.append(kind)
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            parents.pop()
            if functions and functions[-1][0] == len(parents):
                functions.pop()


def _name(function: Node) -> str:
    name = text(function.child_by_field_name("name"), _NAME_LIMIT)
    return f" in {name}()" if name else ""


@lru_cache(maxsize=8)
def _parser(grammar: Grammar) -> Parser:
    from tree_sitter import Parser

    return Parser(grammar.load())
