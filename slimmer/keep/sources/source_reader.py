"""Reads a source for the paths that it names and the programs that it starts: the part that all languages with a grammar share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from slimmer.keep.sources.expressions import Evaluator
from slimmer.keep.sources.named_paths import HOLE, Base, Command, Mention, Value, is_library_name

if TYPE_CHECKING:
    from tree_sitter import Node

    from slimmer.keep.sources.syntax import Found

LIMIT = 5000
"""The most paths that are remembered for one source."""

E = TypeVar("E", bound=Evaluator)


@dataclass(frozen=True, slots=True)
class Named:
    """The paths that a source names and the programs that it starts, in any language."""

    mentions: tuple[Mention, ...] = ()
    commands: tuple[Command, ...] = ()


class SourceReader(ABC, Generic[E]):
    """Reads one source. If `whole` is false, it looks only for paths that start from the source's own folder, and for names of native libraries.

    A subclass for a language decides what to look at (`_look`), and lists the kinds of nodes that pass an expression on
    (`takers`), such as an argument or a value in a table.
    """

    takers: ClassVar[frozenset[str]]

    def __init__(self, evaluator: E, whole: bool) -> None:
        self._evaluator, self._whole = evaluator, whole
        self._mentions: dict[Mention, None] = {}
        self._commands: dict[Command, None] = {}
        self._understood = 0  # the text up to this byte belongs to expressions whose value is known

    def look_at(self, nodes: Iterable[Found]) -> None:
        """Look at these nodes of the source, outer nodes before inner ones."""
        for found in nodes:
            self._look(found)

    @abstractmethod
    def _look(self, found: Found) -> None:
        """Note the facts of a node."""

    def _understand(self, node: Node) -> None:
        """Note that the value of an expression is known, so its parts do not count as paths."""
        self._understood = max(self._understood, node.end_byte)

    def _mention(self, found: Found) -> Value | None:
        """Note an expression that may be a path, and return its value; None if it is not a path."""
        if found.node.start_byte < self._understood or len(self._mentions) > LIMIT:
            return None
        value = self._evaluator.value(found.node)
        if not value.path.strip(HOLE):
            return None
        if value.base is Base.ANY and not self._whole and not is_library_name(value.path):
            return None
        self._understand(found.node)
        sure = value.base is not Base.ANY or found.parent in self.takers
        for each in self._evaluator.values(found.node) if value.default else (value,):
            self._mentions[Mention(each.path, each.base, sure, found.place)] = None
        return value

    def _start(self, line: str, found: Found, *, shell: bool = True) -> None:
        """Note a command that the source starts."""
        self._commands[Command(line, shell, found.place)] = None
