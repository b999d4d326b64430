"""Chooses among candidates whose closure is known, within a budget: a bounded knapsack that takes them in their order.

A candidate costs the files of its closure that nothing else has paid for. One that does not fit with its closure is left out, and so is one whose
closure holds a file that a margin never adds. The work is bounded, whatever leads where.
"""

from __future__ import annotations

from collections.abc import Sequence

from slimmer.image.tree import Entry, Tree
from slimmer.keep.keepset import KeepSetBuilder
from slimmer.keep.margin.exclusions import is_never_added
from slimmer.keep.margin.trial import Trial

STEPS = 2_000_000
"""The most steps from a path to another one. Later candidates get in only if they lead nowhere."""


LEAST = 64
"""The least that a file costs, in bytes: its name and its metadata take space as well."""


MODEST = 1 << 15
"""A candidate that leads to no more than this leads to little, in bytes."""


class Purse:
    """A budget and what it has bought. `chosen` are the paths, in no particular order, and `left` is what remains, in bytes."""

    def __init__(self, tree: Tree, base: KeepSetBuilder, budget: int, steps: int = STEPS) -> None:
        self._tree, self._base, self._steps = tree, base, steps
        self._inodes = {entry.inode for path in base if (entry := tree.get(path)) is not None and _is_shared(entry)}
        self._refused: set[str] = set()
        self.left = budget
        self.chosen: set[str] = set()

    def cost(self, path: str) -> int:
        """Return the bytes that a path adds to the image. Another name of a kept file adds none."""
        entry = self._tree.get(path)
        return self.cost_of(entry) if entry is not None else 0

    def cost_of(self, entry: Entry) -> int:
        """Return the bytes that an entry of the tree adds to the image."""
        if not entry.is_file or entry.path in self._base or entry.path in self.chosen:
            return 0
        return 0 if _is_shared(entry) and entry.inode in self._inodes else max(entry.size, LEAST)

    def choose(self, trial: Trial, candidates: Sequence[str]) -> None:
        """Take each candidate with its closure if it fits: first those that lead to little, so that what leads to much does not use up everything."""
        waiting = list(candidates)
        for most in (MODEST, self.left):
            waiting = [path for path in waiting if not self._take(trial, path, most)]
        self._refused.update(waiting)

    def buy(self, path: str) -> bool:
        """Take a path without what it leads to, if it fits and was not refused."""
        cost = self.cost(path)
        fits = cost <= self.left and not any(path in known for known in (self._refused, self.chosen, self._base))
        if fits:
            self._pay({path: cost})
        return fits

    def _take(self, trial: Trial, path: str, most: int) -> bool:
        if any(trial.leads(path)) and (trial.is_full or self._steps < 0):
            return False
        costs = self._affordable(trial, path, min(self.left, self.cost(path) + most))
        if costs is not None:
            self._pay(costs)
        return costs is not None

    def _affordable(self, trial: Trial, start: str, most: int) -> dict[str, int] | None:
        """Return the cost of each path that a path leads to and that is not paid for, or None if that is too much."""
        waiting, costs = [start], dict[str, int]()
        while waiting:
            path = waiting.pop()
            if path in costs or path in self.chosen:
                continue
            self._steps -= 1
            costs[path] = self.cost(path)
            most -= costs[path]
            if most < 0 or self._steps < 0 or path in self._refused or self._is_never_added(path):
                return None
            waiting.extend(trial.leads(path))
        return costs

    def _is_never_added(self, path: str) -> bool:
        entry = self._tree.get(path)
        return path not in self._base and entry is not None and is_never_added(entry)

    def _pay(self, costs: dict[str, int]) -> None:
        self.left -= sum(costs.values())
        self.chosen.update(costs)
        self._inodes.update(
            entry.inode for path in costs if (entry := self._tree.get(path)) is not None and _is_shared(entry)
        )


def _is_shared(entry: Entry) -> bool:
    """Return True if a file has other names."""
    return entry.is_file and entry.links > 1
