"""tree-sitter's grammar of Python, and what is asked of it: captured nodes of a source, in order."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query

DEPTH = 10_000
"""How deep a node may lie to be found. tree-sitter counts in 16 bits: beyond 65,535 a query takes time without end."""

Captures = dict[str, list["Node"]]
"""Captured nodes by the name of the capture."""


def parse(source: bytes) -> Node:
    """The root of a source's tree; what cannot be understood is in it as nodes of errors."""
    from tree_sitter import Parser

    return Parser(_language()).parse(source).root_node


def captures(query: str, root: Node) -> Captures:
    """The captured nodes, each list in the order of the source; in time that grows with its length."""
    from tree_sitter import QueryCursor

    cursor = QueryCursor(_query(query))
    cursor.set_max_start_depth(DEPTH)
    found = cursor.captures(root)
    return {name: sorted(nodes, key=lambda node: node.start_byte) for name, nodes in found.items()}


def text(node: Node | None) -> str:
    """What the source says at a node; "" without one."""
    return (node.text or b"").decode(errors="replace") if node is not None else ""


def head(source: bytes, node: Node | None, limit: int = 300) -> str:
    """The first bytes of what the source says at a node, which may be long."""
    return (
        source[node.start_byte : min(node.end_byte, node.start_byte + limit)].decode(errors="replace") if node else ""
    )


@lru_cache(maxsize=1)
def _language() -> Language:
    import tree_sitter_python
    from tree_sitter import Language

    return Language(tree_sitter_python.language())


@lru_cache(maxsize=8)
def _query(query: str) -> Query:
    from tree_sitter import Query

    return Query(_language(), query)
