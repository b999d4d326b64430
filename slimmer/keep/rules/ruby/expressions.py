"""Works out the paths that expressions of Ruby stand for, as far as the source alone tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slimmer.keep.rules.named_paths import HOLE, UNKNOWN, Base, Value, joined
from slimmer.keep.rules.syntax import first_child, text

if TYPE_CHECKING:
    from tree_sitter import Node

DEPTH = 12
LENGTH = 2048
"""How deep expressions nest, and bytes of one; what is beyond is unknown."""

_FOLDER = Value("", Base.FOLDER)
_FILE = Value("this-file", Base.FOLDER)  # File.expand_path("../x", __FILE__) takes its name away again
_ROOTS = frozenset(("Rails.root", "Hanami.root", "Padrino.root", "settings.root", "Dir.pwd", "root"))
_PATHS = frozenset(("Pathname", "Pathname.new", "File.realpath", "File.absolute_path", "File.path"))


class Evaluator:
    """Values of the expressions of one source, with its constants and variables put in."""

    def __init__(self) -> None:
        self._known: dict[str, Value] = {}

    def define(self, assignment: Node) -> None:
        """Remember `NAME = …` where its value is known."""
        name, value = assignment.child_by_field_name("left"), assignment.child_by_field_name("right")
        if name is not None and value is not None and name.type in ("constant", "identifier", "instance_variable"):
            found = self.value(value)
            if found.path.strip(HOLE) or found.base is not Base.ANY:
                self._known[text(name, 200)] = found

    def value(self, node: Node, depth: int = DEPTH) -> Value:
        """What an expression stands for; a hole where that is unknown."""
        if depth == 0 or node.end_byte - node.start_byte > LENGTH:
            return UNKNOWN
        kind = node.type
        if kind == "string":
            return self._string(node, depth)
        if kind in ("simple_symbol", "identifier", "constant", "instance_variable", "file"):
            return self._name(text(node, 200))
        if kind == "binary" and text(node.child_by_field_name("operator"), 3) in ("+", "/"):
            operator = text(node.child_by_field_name("operator"), 3)
            sides = [self._field(node, "left", depth), self._field(node, "right", depth)]
            return joined(sides, "/" if operator == "/" else "")
        if kind == "call":
            return self._call(node, depth)
        inner = first_child(node) if kind == "parenthesized_statements" else None
        return self.value(inner, depth - 1) if inner is not None else UNKNOWN

    def _name(self, name: str) -> Value:
        if name == "__dir__":
            return _FOLDER
        if name == "__FILE__":
            return _FILE
        return self._known.get(name, UNKNOWN)

    def _field(self, node: Node, name: str, depth: int) -> Value:
        child = node.child_by_field_name(name)
        return self.value(child, depth - 1) if child is not None else UNKNOWN

    def _string(self, node: Node, depth: int) -> Value:
        pieces = []
        for child in node.named_children:
            if child.type == "interpolation":
                inner = first_child(child)
                pieces.append(self.value(inner, depth - 1) if inner is not None else UNKNOWN)
            else:
                pieces.append(Value(text(child, LENGTH)))
        return joined(pieces, "")

    def _call(self, node: Node, depth: int) -> Value:
        receiver = node.child_by_field_name("receiver")
        name = ".".join(filter(None, (text(receiver, 100), text(node.child_by_field_name("method"), 100))))
        given = node.child_by_field_name("arguments")
        values = [self.value(child, depth - 1) for child in given.named_children[:8]] if given is not None else []
        if name in _ROOTS:
            return Value("", Base.WORKING)
        if name in ("File.expand_path", "File.absolute_path") and len(values) > 1:
            return joined([values[1], values[0]], "/")
        if name == "File.join" or name in _PATHS or name == "File.expand_path":
            return joined(values, "/")
        if name == "File.dirname" and values:
            return joined([values[0], Value("..")], "/")
        if receiver is not None and name.endswith((".join", ".to_s", ".expand_path", ".+", ".freeze")):
            start = self.value(receiver, depth - 1)
            return joined([start, *values], "/") if start.base is not Base.ANY or not values else UNKNOWN
        return UNKNOWN
