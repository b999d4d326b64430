"""Works out the paths that the expressions of a source stand for: the part that all languages with a grammar share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from slimmer.keep.sources.named_paths import HOLE, UNKNOWN, Base, Value, joined
from slimmer.keep.sources.syntax import first_child, text

if TYPE_CHECKING:
    from tree_sitter import Node

DEPTH = 12
"""The deepest nesting of expressions that is evaluated. The value of a deeper one is unknown."""

LENGTH = 2048
"""The longest expression that is evaluated, in bytes. The value of a longer one is unknown. This also bounds the length of paths."""

_NAME_LENGTH = 200

FOLDER = Value("", Base.FOLDER)
"""The folder of the source itself."""

FILE = Value("this-file", Base.FOLDER)
"""The source itself, for languages whose code removes its name again: File.expand_path("../x", __FILE__), dirname(__FILE__)."""


class Evaluator(ABC):
    """Evaluates the expressions of one source, with the values of its constants and variables.

    A subclass for a language defines the values of built-in names (`names`), the kinds of nodes that are names of variables
    (`variables`), the fields of an assignment in its grammar (`sides`), and the meaning of its expressions (`_value`).
    """

    names: ClassVar[Mapping[str, Value]]
    variables: ClassVar[frozenset[str]]
    sides: ClassVar[tuple[str, str]] = ("left", "right")

    def __init__(self) -> None:
        self._known: dict[str, Value] = {}
        self._without_defaults = False

    def define(self, definition: Node) -> None:
        """Remember the value of `name = …` if it is known. The last one for a name counts."""
        name, value = (definition.child_by_field_name(side) for side in self.sides)
        if name is not None and value is not None and name.type in self.variables:
            self._remember(text(name, _NAME_LENGTH), self.value(value))

    def value(self, node: Node | None, depth: int = DEPTH) -> Value:
        """Return the value of an expression, with holes for what is unknown."""
        if node is None or depth == 0 or node.end_byte - node.start_byte > LENGTH:
            return UNKNOWN
        return self._value(node, depth - 1)

    def values(self, node: Node | None) -> Iterator[Value]:
        """Yield the values of an expression: with its defaults, and then with holes in place of them, if it has some."""
        first = self.value(node)
        yield first
        if first.default:
            self._without_defaults = True
            second = self.value(node)
            self._without_defaults = False
            if second.path.strip(HOLE):
                yield second

    def _or_default(self, value: Value) -> Value:
        """Return the value of a default: a hole, if defaults do not count."""
        return UNKNOWN if self._without_defaults else replace(value, default=True)

    @abstractmethod
    def _value(self, node: Node, depth: int) -> Value:
        """Return the value of an expression. Its parts may nest `depth` levels deep."""

    def _remember(self, name: str, value: Value) -> None:
        if value.path.strip(HOLE) or value.base is not Base.ANY:
            self._known[name] = value

    def _named(self, node: Node) -> Value:
        """Return the value of a name."""
        name = text(node, _NAME_LENGTH)
        value = self.names.get(name) or self._known.get(name, UNKNOWN)
        return self._or_default(value) if value.default else value

    def _both_sides(self, node: Node, depth: int, separator: str = "") -> Value:
        """Join the operands of a binary operator."""
        operands = (node.child_by_field_name(side) for side in ("left", "right"))
        return joined([self.value(operand, depth) for operand in operands], separator)

    def _interpolated(self, node: Node, kind: str, depth: int) -> Value:
        """Return the value of a text with expressions in it, each in a node of this kind."""
        pieces = (
            self.value(first_child(child), depth) if child.type == kind else Value(text(child, LENGTH))
            for child in node.named_children
        )
        return joined(list(pieces), "")
