"""Reads a source for the paths that it names and the programs that it starts: what is the same for all languages with a grammar."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from slimmer.keep.sources.expressions import Evaluator
from slimmer.keep.sources.named_paths import HOLE, Base, Command, Mention, Value

if TYPE_CHECKING:
    from tree_sitter import Node

    from slimmer.keep.sources.syntax import Found

LIMIT = 5000
"""How many paths of one source are remembered."""

E = TypeVar("E", bound=Evaluator)


@dataclass(frozen=True, slots=True)
class Named:
    """What a source names, whatever its language: paths, and programs that it starts."""

    mentions: tuple[Mention, ...] = ()
    commands: tuple[Command, ...] = ()


class SourceReader(ABC, Generic[E]):
    """One source that is being read; without `whole`, only for paths that begin at its own folder.

    A language says what it looks at (`_look`), and the kinds of nodes in which an expression is given to somebody
    (`takers`): an argument, a value in a table.
    """

    takers: ClassVar[frozenset[str]]

    def __init__(self, evaluator: E, whole: bool) -> None:
        self._evaluator, self._whole = evaluator, whole
        self._mentions: dict[Mention, None] = {}
        self._commands: dict[Command, None] = {}
        self._understood = 0  # up to which byte the text belongs to an expression whose meaning is known

    def look_at(self, nodes: Iterable[Found]) -> None:
        """Look at these nodes of the source, outer ones before those in them."""
        for found in nodes:
            self._look(found)

    @abstractmethod
    def _look(self, found: Found) -> None:
        """Note what a node says."""

    def _understand(self, node: Node) -> None:
        """Note that it is known what an expression means: those that it consists of are no paths by themselves."""
        self._understood = max(self._understood, node.end_byte)

    def _mention(self, found: Found) -> Value | None:
        """Note an expression that may be a path, and return what it stands for; None if it is no path."""
        if found.node.start_byte < self._understood or len(self._mentions) > LIMIT:
            return None
        value = self._evaluator.value(found.node)
        if not value.path.strip(HOLE) or (value.base is Base.ANY and not self._whole):
            return None
        self._understand(found.node)
        sure = value.base is not Base.ANY or found.parent in self.takers
        self._mentions[Mention(value.path, value.base, sure, found.place)] = None
        return value

    def _start(self, line: str, found: Found, *, shell: bool = True) -> None:
        """Note a command that is started."""
        self._commands[Command(line, shell, found.place)] = None
