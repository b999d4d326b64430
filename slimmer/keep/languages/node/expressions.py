"""Works out the paths that expressions of JavaScript stand for, from the source alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from slimmer.keep.sources.expressions import FOLDER, LENGTH, Evaluator
from slimmer.keep.sources.named_paths import HOLE, UNKNOWN, Base, Value, joined
from slimmer.keep.sources.syntax import first_child, text

if TYPE_CHECKING:
    from tree_sitter import Node

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_INDIRECT = re.compile(r"\(0,\s{0,9}([\w$.]{1,180})\)")
_JOINS = frozenset(("path.join", "path.resolve", "path.normalize", "path.posix.join", "path.posix.resolve"))
_SAME = frozenset(
    [
        "fileURLToPath",
        "url.fileURLToPath",
        "pathToFileURL",
        "url.pathToFileURL",
        "String",
        "createRequire",
        "module.createRequire",
        "require.resolve",
        "normalize",
    ]
)
_JOIN_NAMES = frozenset(("join", "resolve"))


def called(function: Node | None) -> str:
    """Return the name of the function in a call. TypeScript's compiler writes `(0, path_1.join)(…)` for `join(…)`."""
    name = text(function, 200)
    match = _INDIRECT.fullmatch(name)
    return match[1] if match is not None else name


class JavaScript(Evaluator):
    """Expressions of JavaScript and TypeScript. A source and its folder have the same value: code that uses either means the folder."""

    names = dict.fromkeys(("__dirname", "__filename", "import.meta.url", "import.meta.dirname"), FOLDER)
    variables = frozenset(("identifier",))
    sides = ("name", "value")

    def _value(self, node: Node, depth: int) -> Value:
        kind = node.type
        if kind == "string":
            return Value(_ESCAPE.sub(r"\1", text(node, LENGTH)[1:-1]) or HOLE)
        if kind == "template_string":
            return self._interpolated(node, "template_substitution", depth)
        if kind in ("identifier", "member_expression"):
            return self._named(node)
        if kind == "binary_expression":
            return self._binary(node, depth)
        if kind in ("call_expression", "new_expression"):
            return self._call(node, depth)
        if kind in ("parenthesized_expression", "as_expression", "await_expression"):
            return self.value(first_child(node), depth)
        return UNKNOWN

    def _binary(self, node: Node, depth: int) -> Value:
        """Return the value of `a + b`, or the first known side of `a || b` and `a ?? b`, where `a` is often a setting that is missing."""
        operator = text(node.child_by_field_name("operator"), 9)
        if operator == "+":
            return self._both_sides(node, depth)
        if operator in ("||", "??"):
            first = self.value(node.child_by_field_name("left"), depth)
            return first if first != UNKNOWN else self._or_default(self.value(node.child_by_field_name("right"), depth))
        return UNKNOWN

    def _call(self, node: Node, depth: int) -> Value:
        function = node.child_by_field_name("function") or node.child_by_field_name("constructor")
        name = called(function)
        given = node.child_by_field_name("arguments")
        if given is None:
            return UNKNOWN
        values = [self.value(child, depth) for child in given.named_children[:8]]
        if name == "process.cwd":
            return Value("", Base.WORKING)
        if not values:
            return UNKNOWN
        if name == "URL":
            return joined([*reversed(values)], "/")
        if name.rpartition(".")[2] == "dirname":
            return Value(values[0].path + "/..", values[0].base) if values[0].path else self._dirname(given, values[0])
        if name in _SAME:
            return values[0]
        if name in _JOINS or (name.rpartition(".")[2] in _JOIN_NAMES and values[0].base is not Base.ANY):
            return joined(values, "/")
        return UNKNOWN

    def _dirname(self, arguments: Node, value: Value) -> Value:
        """Return the value of `dirname`. For `__dirname`, it is the folder above; for a file, which stands for its folder, it stays the same."""
        return Value("..", value.base) if "__dirname" in text(arguments, 200) else value
