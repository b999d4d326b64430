"""Works out the paths that expressions of Ruby stand for, from the source alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from slimmer.keep.sources.expressions import FILE, FOLDER, Evaluator
from slimmer.keep.sources.named_paths import UNKNOWN, Base, Value, joined
from slimmer.keep.sources.syntax import first_child, text

if TYPE_CHECKING:
    from tree_sitter import Node

_ROOTS = frozenset(("Rails.root", "Hanami.root", "Padrino.root", "settings.root", "Dir.pwd", "root"))
_PATHS = frozenset(("Pathname", "Pathname.new", "File.realpath", "File.absolute_path", "File.path"))
_VARIABLES = frozenset(("constant", "identifier", "instance_variable"))


class Ruby(Evaluator):
    """Expressions of Ruby."""

    names: ClassVar[Mapping[str, Value]] = {"__dir__": FOLDER, "__FILE__": FILE}
    variables = _VARIABLES

    def _value(self, node: Node, depth: int) -> Value:
        kind = node.type
        if kind in ("string", "subshell"):
            return self._interpolated(node, "interpolation", depth)
        if kind in _VARIABLES or kind in ("simple_symbol", "file"):
            return self._named(node)
        if kind == "binary" and (operator := text(node.child_by_field_name("operator"), 3)) in ("+", "/"):
            return self._both_sides(node, depth, "/" if operator == "/" else "")
        if kind == "call":
            return self._call(node, depth)
        return self.value(first_child(node), depth) if kind == "parenthesized_statements" else UNKNOWN

    def _call(self, node: Node, depth: int) -> Value:
        receiver = node.child_by_field_name("receiver")
        name = ".".join(filter(None, (text(receiver, 100), text(node.child_by_field_name("method"), 100))))
        given = node.child_by_field_name("arguments")
        values = [self.value(child, depth) for child in given.named_children[:8]] if given is not None else []
        if name in _ROOTS:
            return Value("", Base.WORKING)
        if name in ("File.expand_path", "File.absolute_path") and len(values) > 1:
            return joined([values[1], values[0]], "/")
        if name == "File.join" or name in _PATHS or name == "File.expand_path":
            return joined(values, "/")
        if name == "File.dirname" and values:
            return joined([values[0], Value("..")], "/")
        if receiver is not None and name.endswith((".join", ".to_s", ".expand_path", ".+", ".freeze")):
            start = self.value(receiver, depth)
            return joined([start, *values], "/") if start.base is not Base.ANY or not values else UNKNOWN
        return UNKNOWN
