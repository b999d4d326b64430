"""JSON arrays without order: the originals hold the same entries in different orders, with noise in them.

A member identifies its entry if every original's array holds it equally often: a name does, a time of day does not.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import chain
from operator import itemgetter
from typing import Any

Name = tuple[tuple[str, str], ...]
"""What identifies an entry of an array: its members (or "" for the entry itself) with their values as JSON."""


def as_sets(sides: list[list[Any]]) -> list[tuple[list[Name], list[Any]]] | None:
    """Return, for each side, the entries' names and the entries, both sorted by name.

    The sides are the primary, the candidate, and other originals. Return None if all originals have their names in the same order,
    or if their names differ.
    """
    marks = [[_marks(entry) for entry in side] for side in sides]
    counts = [Counter(chain.from_iterable(side)) for side in (marks[0], *marks[2:])]
    lasting = {mark for mark, number in counts[0].items() if all(other[mark] == number for other in counts[1:])}
    names: list[list[Name]] = [[tuple(sorted(entry & lasting)) for entry in side] for side in marks]
    first, others = names[0], names[2:]
    if all(other == first for other in others) or any(sorted(other) != sorted(first) for other in others):
        return None
    pairs = [sorted(zip(*both, strict=True), key=itemgetter(0)) for both in zip(names, sides, strict=True)]
    return [([name for name, _ in side], [entry for _, entry in side]) for side in pairs]


def canonical(entries: list[Any]) -> list[str]:
    """Return the entries as JSON, whatever their order and that of their keys."""
    return sorted(json.dumps(entry, sort_keys=True) for entry in entries)


def _marks(entry: Any) -> set[tuple[str, str]]:
    members = entry if isinstance(entry, dict) else {"": entry}
    return {(key, json.dumps(value, sort_keys=True)) for key, value in members.items()}
