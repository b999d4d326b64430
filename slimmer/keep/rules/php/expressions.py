"""Works out the paths that expressions of PHP stand for, as far as the source alone tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from slimmer.keep.rules.named_paths import HOLE, UNKNOWN, Base, Value, joined
from slimmer.keep.rules.syntax import first_child, text

if TYPE_CHECKING:
    from tree_sitter import Node

DEPTH = 12
LENGTH = 2048
"""How deep expressions nest, and bytes of one; what is beyond is unknown."""

_ESCAPE = re.compile(r"\\([\\'])")
_FOLDER = Value("", Base.FOLDER)
_FILE = Value("this-file", Base.FOLDER)  # dirname(__FILE__) takes its name away again
_HELPERS = {
    "base_path": "", "app_path": "app", "config_path": "config", "database_path": "database", "lang_path": "lang",
    "public_path": "public", "resource_path": "resources", "storage_path": "storage",
}  # fmt: skip
"""Laravel's names for the folders of an app (its documentation, "Helpers")."""

_SAME = frozenset(("realpath", "trim", "rtrim", "strval"))


class Evaluator:
    """Values of the expressions of one source, with its constants and variables put in."""

    def __init__(self) -> None:
        self._known: dict[str, Value] = {}

    def define(self, assignment: Node) -> None:
        """Remember `$name = …` where its value is known."""
        name, value = assignment.child_by_field_name("left"), assignment.child_by_field_name("right")
        if name is not None and value is not None and name.type == "variable_name":
            self._remember(text(name, 200), self.value(value))

    def define_constant(self, call: Node) -> None:
        """Remember `define('NAME', …)`."""
        values = _given(call)
        if len(values) > 1:
            self._remember(self.value(values[0]).path, self.value(values[1]))

    def _remember(self, name: str, value: Value) -> None:
        if value.path.strip(HOLE) or value.base is not Base.ANY:
            self._known[name] = value

    def value(self, node: Node, depth: int = DEPTH) -> Value:
        """What an expression stands for; a hole where that is unknown."""
        if depth == 0 or node.end_byte - node.start_byte > LENGTH:
            return UNKNOWN
        kind = node.type
        if kind == "string":
            return Value(_ESCAPE.sub(r"\1", text(node)[1:-1]) or HOLE)
        if kind == "encapsed_string":
            return joined([self._piece(child, depth) for child in node.named_children], "")
        if kind in ("name", "variable_name", "qualified_name"):
            return self._name(text(node, 200))
        if kind == "binary_expression" and text(node.child_by_field_name("operator"), 3) == ".":
            return joined([self._field(node, "left", depth), self._field(node, "right", depth)], "")
        if kind == "function_call_expression":
            return self._call(node, depth)
        inner = first_child(node) if kind in ("parenthesized_expression", "argument") else None
        return self.value(inner, depth - 1) if inner is not None else UNKNOWN

    def _piece(self, node: Node, depth: int) -> Value:
        return Value(text(node, LENGTH)) if node.type == "string_content" else self.value(node, depth - 1)

    def _name(self, name: str) -> Value:
        if name == "__DIR__":
            return _FOLDER
        if name == "__FILE__":
            return _FILE
        if name == "DIRECTORY_SEPARATOR":
            return Value("/")
        return self._known.get(name, UNKNOWN)

    def _field(self, node: Node, name: str, depth: int) -> Value:
        child = node.child_by_field_name(name)
        return self.value(child, depth - 1) if child is not None else UNKNOWN

    def _call(self, node: Node, depth: int) -> Value:
        name = text(node.child_by_field_name("function"), 100).lstrip("\\")
        given = _given(node)
        if name == "getcwd":
            return Value("", Base.WORKING)
        if name in _HELPERS:
            return joined([Value(_HELPERS[name]), *(self.value(child, depth - 1) for child in given[:1])], "/")
        if not given:
            return UNKNOWN
        value = self.value(given[0], depth - 1)
        if name == "dirname":
            levels = text(given[1], 3) if len(given) > 1 else "1"
            return joined([value, *[Value("..")] * min(int(levels) if levels.isdecimal() else 1, 9)], "/")
        return value if name in _SAME else UNKNOWN


def _given(call: Node) -> list[Node]:
    """The first arguments of a call."""
    arguments = call.child_by_field_name("arguments")
    return arguments.named_children[:4] if arguments is not None else []
