"""Chooses among candidates whose closure is known, within a budget: a bounded knapsack that takes them in their order.

A candidate costs the files of its closure that nothing else has paid for. One that does not fit with its closure is left out, and so is
one whose closure holds a file that a margin never adds. The work is bounded, no matter what leads where.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from slimmer.image.tree import Entry, Tree
from slimmer.keep.keepset import KeepSetBuilder
from slimmer.keep.margin.exclusions import is_never_added
from slimmer.keep.margin.order import Candidate, Order, ordered
from slimmer.keep.margin.trial import Trial

STEPS = 2_000_000
"""The most steps from a path to another one. Later candidates get in only if they lead nowhere."""

LEAST = 64
"""The least that a file costs, in bytes: its name and its metadata take space as well."""


class Purse:
    """A budget and what it has bought. `chosen` are the paths, in no particular order, and `left` is what remains, in bytes."""

    def __init__(self, tree: Tree, base: KeepSetBuilder, budget: int, steps: int = STEPS) -> None:
        self._tree, self._base, self._steps = tree, base, steps
        self._inodes = {entry.inode for path in base if (entry := tree.get(path)) is not None and _is_shared(entry)}
        self._refused: set[str] = set()
        self._known: dict[str, _Known] = {}
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

    def choose(self, trial: Trial, candidates: Iterable[Candidate], order: Order) -> None:
        """Take each candidate with its closure if it fits. The order counts the closure as a part of the candidate's size."""
        self._known.clear()  # the trial has grown
        whole = [one for candidate in candidates if (one := self._with_closure(trial, candidate)) is not None]
        for one in ordered(whole, order):
            closure = self._closure(trial, one.paths)
            if closure is not None:
                self._pay(closure)

    def buy(self, path: str) -> bool:
        """Take a path without what it leads to, if it fits and was not refused."""
        cost = self.cost(path)
        fits = cost <= self.left and not any(path in known for known in (self._refused, self.chosen, self._base))
        if fits:
            self._pay({path: cost})
        return fits

    def _with_closure(self, trial: Trial, candidate: Candidate) -> Candidate | None:
        """Return a candidate with the size of all that it adds; None if it cannot be afforded."""
        closure = self._closure(trial, candidate.paths)
        if closure is None:
            return None
        size = sum(closure.values())
        return candidate if size == candidate.size else replace(candidate, size=size)

    def _closure(self, trial: Trial, starts: Sequence[str]) -> dict[str, int] | None:
        """Return the cost of each path that a candidate leads to and that is not paid for.

        If that is too much or not known, refuse the candidate and return None.
        """
        waiting, costs, left = list(starts), dict[str, int](), self.left
        while waiting:
            path = waiting.pop()
            if path in costs or path in self.chosen:
                continue
            known = self._known.get(path) or self._learn(trial, path)
            self._steps -= len(known.leads)
            costs[path] = cost = 0 if known.inode in self._inodes else known.cost
            left -= cost
            is_unknown = bool(known.leads) and (trial.is_full or self._steps < 0)
            if left < 0 or is_unknown or path in self._refused or known.is_never_added:
                self._refused.update(starts)
                return None
            waiting.extend(known.leads)
        return costs

    def _learn(self, trial: Trial, path: str) -> _Known:
        """Return what is known of a path while candidates are chosen. Closures have many paths in common."""
        entry = self._tree.get(path)
        is_new = entry is not None and path not in self._base
        cost = max(entry.size, LEAST) if entry is not None and is_new and entry.is_file else 0
        inode = entry.inode if entry is not None and _is_shared(entry) else None
        refuses = entry is not None and is_new and is_never_added(entry)
        known = self._known[path] = _Known(tuple(trial.leads(path)), cost, inode, refuses)
        return known

    def _pay(self, costs: dict[str, int]) -> None:
        self.left -= sum(costs.values())
        self.chosen.update(costs)
        self._inodes.update(
            entry.inode for path in costs if (entry := self._tree.get(path)) is not None and _is_shared(entry)
        )


class _Known(NamedTuple):
    """A path of a trial: what it leads to, and the bytes that it adds unless a file with its `inode` is in the image already."""

    leads: tuple[str, ...]
    cost: int
    inode: int | None
    is_never_added: bool


def _is_shared(entry: Entry) -> bool:
    """Return True if a file has other names."""
    return entry.is_file and entry.links > 1
