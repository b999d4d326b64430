"""Works out the paths that the expressions of a source stand for: what is the same for all languages with a grammar."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from slimmer.keep.sources.named_paths import HOLE, UNKNOWN, Base, Value, joined
from slimmer.keep.sources.syntax import first_child, text

if TYPE_CHECKING:
    from tree_sitter import Node

DEPTH = 12
"""How deep expressions nest; what is deeper is unknown."""

LENGTH = 2048
"""Bytes of an expression; what is longer is unknown. It also bounds how long a path may be."""

_NAME_LENGTH = 200

FOLDER = Value("", Base.FOLDER)
"""The folder of the source itself."""

FILE = Value("this-file", Base.FOLDER)
"""The source itself, for languages that take its name away again: File.expand_path("../x", __FILE__), dirname(__FILE__)."""


class Evaluator(ABC):
    """Values of the expressions of one source, with its constants and variables put in.

    A language says what its own names stand for (`names`), which kinds of nodes are names that may be given a value
    (`variables`), what the two sides of that are called in its grammar (`sides`), and what its expressions mean.
    """

    names: ClassVar[Mapping[str, Value]]
    variables: ClassVar[frozenset[str]]
    sides: ClassVar[tuple[str, str]] = ("left", "right")

    def __init__(self) -> None:
        self._known: dict[str, Value] = {}

    def define(self, definition: Node) -> None:
        """Remember `name = …` where its value is known; the last one of a name counts."""
        name, value = (definition.child_by_field_name(side) for side in self.sides)
        if name is not None and value is not None and name.type in self.variables:
            self._remember(text(name, _NAME_LENGTH), self.value(value))

    def value(self, node: Node | None, depth: int = DEPTH) -> Value:
        """What an expression stands for; a hole where that is unknown."""
        if node is None or depth == 0 or node.end_byte - node.start_byte > LENGTH:
            return UNKNOWN
        return self._value(node, depth - 1)

    @abstractmethod
    def _value(self, node: Node, depth: int) -> Value:
        """What an expression stands for. Those that it consists of may be `depth` levels deep."""

    def _remember(self, name: str, value: Value) -> None:
        if value.path.strip(HOLE) or value.base is not Base.ANY:
            self._known[name] = value

    def _named(self, node: Node) -> Value:
        """What a name stands for."""
        name = text(node, _NAME_LENGTH)
        return self.names.get(name) or self._known.get(name, UNKNOWN)

    def _both_sides(self, node: Node, depth: int, separator: str = "") -> Value:
        """The operands of a binary operator, one after the other."""
        operands = (node.child_by_field_name(side) for side in ("left", "right"))
        return joined([self.value(operand, depth) for operand in operands], separator)

    def _interpolated(self, node: Node, kind: str, depth: int) -> Value:
        """A text with expressions in it, each in a node of this kind."""
        pieces = (
            self.value(first_child(child), depth) if child.type == kind else Value(text(child, LENGTH))
            for child in node.named_children
        )
        return joined(list(pieces), "")
