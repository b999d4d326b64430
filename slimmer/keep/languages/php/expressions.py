"""Works out the paths that expressions of PHP stand for, from the source alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from slimmer.keep.sources.expressions import FILE, FOLDER, LENGTH, Evaluator
from slimmer.keep.sources.named_paths import HOLE, UNKNOWN, Base, Value, joined
from slimmer.keep.sources.syntax import first_child, text

if TYPE_CHECKING:
    from tree_sitter import Node

_ESCAPE = re.compile(r"\\([\\'])")
_HELPERS = {
    "base_path": "", "app_path": "app", "config_path": "config", "database_path": "database", "lang_path": "lang",
    "public_path": "public", "resource_path": "resources", "storage_path": "storage",
}  # fmt: skip
"""Laravel's names for the folders of an app (its documentation, "Helpers")."""

_SAME = frozenset(("realpath", "trim", "rtrim", "strval"))


class Php(Evaluator):
    """Expressions of PHP."""

    names: ClassVar[Mapping[str, Value]] = {"__DIR__": FOLDER, "__FILE__": FILE, "DIRECTORY_SEPARATOR": Value("/")}
    variables = frozenset(("variable_name",))

    def define_constant(self, call: Node) -> None:
        """Remember `define('NAME', …)`."""
        values = _given(call)
        if len(values) > 1:
            self._remember(self.value(values[0]).path, self.value(values[1]))

    def _value(self, node: Node, depth: int) -> Value:
        kind = node.type
        if kind == "string":
            return Value(_ESCAPE.sub(r"\1", text(node)[1:-1]) or HOLE)
        if kind == "encapsed_string":
            return joined([self._piece(child, depth) for child in node.named_children], "")
        if kind in ("name", "variable_name", "qualified_name"):
            return self._named(node)
        if kind == "binary_expression" and text(node.child_by_field_name("operator"), 3) == ".":
            return self._both_sides(node, depth)
        if kind == "function_call_expression":
            return self._call(node, depth)
        return self.value(first_child(node), depth) if kind in ("parenthesized_expression", "argument") else UNKNOWN

    def _piece(self, node: Node, depth: int) -> Value:
        return Value(text(node, LENGTH)) if node.type == "string_content" else self.value(node, depth)

    def _call(self, node: Node, depth: int) -> Value:
        name = text(node.child_by_field_name("function"), 100).lstrip("\\")
        given = _given(node)
        if name == "getcwd":
            return Value("", Base.WORKING)
        if name in _HELPERS:
            return joined([Value(_HELPERS[name]), *(self.value(child, depth) for child in given[:1])], "/")
        if not given:
            return UNKNOWN
        value = self.value(given[0], depth)
        if name == "dirname":
            levels = text(given[1], 3) if len(given) > 1 else "1"
            return joined([value, *[Value("..")] * min(int(levels) if levels.isdecimal() else 1, 9)], "/")
        return value if name in _SAME else UNKNOWN


def _given(call: Node) -> list[Node]:
    """Return the first arguments of a call."""
    arguments = call.child_by_field_name("arguments")
    return arguments.named_children[:4] if arguments is not None else []
