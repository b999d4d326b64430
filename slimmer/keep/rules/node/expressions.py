"""Works out the paths that expressions of JavaScript stand for, as far as the source alone tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from slimmer.keep.rules.named_paths import HOLE, UNKNOWN, Base, Value, joined
from slimmer.keep.rules.syntax import first_child, text

if TYPE_CHECKING:
    from tree_sitter import Node

DEPTH = 12
"""How deep expressions nest; what is deeper is unknown."""

LENGTH = 2048
"""Bytes of an expression; what is longer is unknown. It also bounds how long a path may be."""

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
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


_FOLDER = Value("", Base.FOLDER)
_KNOWN = {"__dirname": _FOLDER, "__filename": _FOLDER, "import.meta.url": _FOLDER, "import.meta.dirname": _FOLDER}


class Evaluator:
    """Values of the expressions of one source. A file and its folder are one value: it is the folder that is meant."""

    def __init__(self) -> None:
        self._constants: dict[str, Value] = {}

    def define(self, declarator: Node) -> None:
        """Remember `const name = …` where its value is known; the last one of a name counts."""
        name, value = declarator.child_by_field_name("name"), declarator.child_by_field_name("value")
        if name is not None and value is not None and name.type == "identifier":
            found = self.value(value)
            if found.path.strip(HOLE) or found.base is not Base.ANY:
                self._constants[text(name, 200)] = found

    def value(self, node: Node, depth: int = DEPTH) -> Value:
        """What an expression stands for; a hole where that is unknown."""
        if depth == 0 or node.end_byte - node.start_byte > LENGTH:
            return UNKNOWN
        kind = node.type
        if kind == "string":
            return Value(_ESCAPE.sub(r"\1", text(node, LENGTH)[1:-1]) or HOLE)
        if kind == "template_string":
            return self._template(node, depth)
        if kind in ("identifier", "member_expression"):
            name = text(node, 200)
            return _KNOWN.get(name) or self._constants.get(name, UNKNOWN)
        if kind == "binary_expression" and text(node.child_by_field_name("operator"), 9) == "+":
            return joined([self._field(node, "left", depth), self._field(node, "right", depth)], "")
        if kind in ("call_expression", "new_expression"):
            return self._call(node, depth)
        if kind in ("parenthesized_expression", "as_expression", "await_expression"):
            inner = first_child(node)
            return self.value(inner, depth - 1) if inner is not None else UNKNOWN
        return UNKNOWN

    def _field(self, node: Node, name: str, depth: int) -> Value:
        child = node.child_by_field_name(name)
        return self.value(child, depth - 1) if child is not None else UNKNOWN

    def _template(self, node: Node, depth: int) -> Value:
        pieces = []
        for child in node.named_children:
            if child.type == "template_substitution":
                inner = first_child(child)
                pieces.append(self.value(inner, depth - 1) if inner is not None else UNKNOWN)
            else:
                pieces.append(Value(text(child, LENGTH)))
        return joined(pieces, "")

    def _call(self, node: Node, depth: int) -> Value:
        function = node.child_by_field_name("function") or node.child_by_field_name("constructor")
        name = text(function, 200)
        given = node.child_by_field_name("arguments")
        if given is None:
            return UNKNOWN
        values = [self.value(child, depth - 1) for child in given.named_children[:8]]
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
        """The folder of a file that stands for its folder is that; the folder of a folder is the one above."""
        return Value("..", value.base) if "__dirname" in text(arguments, 200) else value
