"""The names that import statements bind in a source, and what they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from slimmer.keep.languages.python.grammar import text

if TYPE_CHECKING:
    from tree_sitter import Node


def bindings(statements: Iterable[Node]) -> Mapping[str, str]:
    """Map imported names to what they stand for: `import a.b`, `import a.b as c`, `from a import b`, `from . import b as c`.

    A leading dot stands for the source's own package, as in import statements.
    """
    found: dict[str, str] = {}
    for statement in statements:
        module = "".join(text(statement.child_by_field_name("module_name")).split())
        base = module if not module or module.endswith(".") else f"{module}."
        for node in statement.children_by_field_name("name"):
            alias = node.child_by_field_name("alias")
            name = text(node.child_by_field_name("name") if alias is not None else node)
            if alias is None and not module:
                name = name.partition(".")[0]
            found[text(alias) if alias is not None else name] = base + name
    return found
