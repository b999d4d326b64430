"""Parses sources of any language with a tree-sitter grammar, and finds nodes of wanted kinds, each with the function around it.

Sources come from untrusted images. The tree is walked with a cursor, which takes time in proportion to the number of nodes, no matter how
deep they nest. Queries, and going from a node to its parents, take time that grows with the square of the depth.
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
"""The largest source that is parsed, in bytes. Broken text takes the parser about 10 seconds for each MiB."""

_NAME_LIMIT = 80


@dataclass(frozen=True, slots=True)
class Grammar:
    """A language's grammar: its module, the function `entry` in that module, and kinds of nodes. Define it as a constant of the reader's module.

    `wanted` are the kinds to find. `functions` are kinds whose contents run later, or perhaps never, such as functions and `try`
    statements. `leaves` are kinds that are not searched, which saves time.
    """

    module: str
    functions: frozenset[str]
    wanted: frozenset[str]
    leaves: frozenset[str] = frozenset()
    entry: str = "language"

    def __post_init__(self) -> None:
        before_confinement(self.load)

    def load(self) -> Language:
        """Import and return the language's parser."""
        from tree_sitter import Language

        return Language(getattr(importlib.import_module(self.module), self.entry)())


@dataclass(frozen=True, slots=True)
class Found:
    """A node of a wanted kind. `parent` is the kind of the node around it; "" at the top.

    `lazy` is true if the node is in a function; `place` names it for reasons: " in late()".
    """

    node: Node
    parent: str
    lazy: bool
    place: str


def is_source(content: bytes) -> bool:
    """Return True if a content is text, and short enough to parse."""
    return len(content) <= SOURCE_LIMIT and b"\0" not in content


def find(grammar: Grammar, content: bytes) -> Iterator[Found]:
    """Yield the wanted nodes of a source in the order of the text, outer nodes before inner ones."""
    tree = _parser(grammar).parse(content)
    yield from _walk(grammar, tree)


def text(node: Node | None, limit: int = 4096) -> str:
    """Return the text of a node; "" if there is no node, or if the text is longer than `limit` bytes."""
    if node is None or node.end_byte - node.start_byte > limit:
        return ""
    return (node.text or b"").decode(errors="surrogateescape")


def first_child(node: Node | None) -> Node | None:
    """Return the first named child of a node; None if there is none."""
    return node.named_child(0) if node is not None and node.named_child_count else None


def _walk(grammar: Grammar, tree: Tree) -> Iterator[Found]:
    cursor = tree.walk()
    functions: list[tuple[int, str]] = []  # the depth of each one, and the innermost name so far
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
