"""Python's grammar for tree-sitter: parses sources, and finds nodes in them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from slimmer.keep.sources.syntax import Grammar

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query

GRAMMAR = Grammar(
    module="tree_sitter_python",
    functions=frozenset(),
    wanted=frozenset({"call"}),
    leaves=frozenset({"string", "import_statement", "import_from_statement", "comment", "parameters"}),
)
"""Used to find calls by walking the tree, because they may nest deeper than a query can follow."""

DEPTH = 10_000
"""The greatest depth at which nodes are found. tree-sitter counts in 16 bits: beyond 65,535 levels, a query never ends."""

Captures = dict[str, list["Node"]]
"""Captured nodes by the name of the capture."""


def parse(source: bytes) -> Node:
    """Return the root of a source's tree. Parts that cannot be parsed are error nodes."""
    from tree_sitter import Parser

    return Parser(_language()).parse(source).root_node


def captures(query: str, root: Node) -> Captures:
    """Return the nodes that a query captures, each list in the order of the source. Takes time in proportion to the source's length."""
    from tree_sitter import QueryCursor

    cursor = QueryCursor(_query(query))
    cursor.set_max_start_depth(DEPTH)
    found = cursor.captures(root)
    return {name: sorted(nodes, key=lambda node: node.start_byte) for name, nodes in found.items()}


def text(node: Node | None) -> str:
    """Return the text of a node; "" if there is no node."""
    return (node.text or b"").decode(errors="replace") if node is not None else ""


def head(source: bytes, node: Node | None, limit: int = 300) -> str:
    """Return the first `limit` bytes of a node's text, which may be long; "" if there is no node."""
    return (
        source[node.start_byte : min(node.end_byte, node.start_byte + limit)].decode(errors="replace") if node else ""
    )


@lru_cache(maxsize=1)
def _language() -> Language:
    return GRAMMAR.load()


@lru_cache(maxsize=16)
def _query(query: str) -> Query:
    from tree_sitter import Query

    return Query(_language(), query)
