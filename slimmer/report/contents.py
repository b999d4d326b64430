"""What an original holds, and what a slim image has of it: all that is needed to say what is left of a package."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from slimmer.image.packages import Package
from slimmer.image.tree import Entry, Tree

Pair = tuple[str, str]
"""A path of the slim image and one of the original."""

Owned = Iterable[tuple[Entry, tuple[Package, ...]]]


@dataclass(frozen=True)
class Contents:
    """The paths of an original with their packages, and the paths that a slim image has of them.

    `owned` yields each entry of the tree, in its order, with its packages. `kept` has the slim image's paths that are no directories, with
    the size of each regular file (-1 for others). `unread` are package databases that could not be read. `compare` tells for pairs of a
    path of the slim image and one of the original whether their contents are the same, as far as it can; None if there are no contents.
    """

    tree: Tree
    owned: Callable[[], Owned]
    kept: Mapping[str, int]
    unread: tuple[str, ...] = ()
    compare: Callable[[Sequence[Pair]], Mapping[Pair, bool]] | None = None

    def copies(self, pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
        """Return the copies among possible ones, and those pairs of which nobody knows whether they are."""
        known = self.compare(pairs) if self.compare is not None and pairs else {}
        return [pair for pair in pairs if known.get(pair)], [pair for pair in pairs if pair not in known]
