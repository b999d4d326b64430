"""Two sequences of lines or words side by side: patience diff, bounded in its work whatever an app's answers are.

difflib alone is exact, but cubic in the worst case. What occurs once in each sequence is matched first, which is what a person
would do, and leaves small blocks between.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

SMALL_BLOCK = 10_000
"""Product of two blocks' lengths up to which they are aligned exactly; in larger ones only what is unique is matched."""

MOSTLY = 2 / 3
"""The share of two sequences that must be equal, place by place, to be of one shape."""

DEEPEST = 30
"""How often a block is split at what is unique in it."""

Block = tuple[bool, Sequence[str], Sequence[str]]


def aligned(first: Sequence[str], second: Sequence[str]) -> Iterator[Block]:
    """Two sequences as alternating blocks: common to both (True), or one in place of the other.

    Patience diff: what occurs once in each is matched first (its longest ascending chain), then what lies between.
    """
    at, other = 0, 0
    for i, j, length in _matches(first, second):
        if (at, other) != (i, j):
            yield False, first[at:i], second[other:j]
        yield True, first[i : i + length], second[j : j + length]
        at, other = i + length, j + length
    if at < len(first) or other < len(second):
        yield False, first[at:], second[other:]


def _matches(first: Sequence[str], second: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Equal stretches (start in the first, start in the second, length), ascending in both."""
    todo = [(0, len(first), 0, len(second), 0)]
    while todo:
        i, i_end, j, j_end, depth = todo.pop()
        length = 0
        while i + length < i_end and j + length < j_end and first[i + length] == second[j + length]:
            length += 1
        if length:
            yield i, j, length
            i, j = i + length, j + length
        tail = 0
        while i < i_end - tail and j < j_end - tail and first[i_end - tail - 1] == second[j_end - tail - 1]:
            tail += 1
        if tail:  # put back as a block of its own, which its common start will match
            todo.append((i_end - tail, i_end, j_end - tail, j_end, depth))
            i_end, j_end = i_end - tail, j_end - tail
        if i < i_end and j < j_end:
            yield from _between(first, second, (i, i_end, j, j_end), depth, todo)


def _between(
    first: Sequence[str],
    second: Sequence[str],
    block: tuple[int, int, int, int],
    depth: int,
    todo: list[tuple[int, int, int, int, int]],
) -> Iterator[tuple[int, int, int]]:
    """Match a block at once when it is of one shape or small; or split it at what is unique in it, into `todo`."""
    i, i_end, j, j_end = block
    in_place = _in_place(first[i:i_end], second[j:j_end])
    if in_place:
        yield from ((i + at, j + at, 1) for at in in_place)
        return
    anchors = _anchors(first[i:i_end], second[j:j_end]) if depth < DEEPEST else []
    if anchors:
        starts = [(i + a, j + b) for a, b in anchors]
        bounds = [(i, j), *starts, (i_end, j_end)]
        todo.extend((a, c, b, d, depth + 1) for (a, b), (c, d) in reversed(list(pairwise(bounds))))
    elif (i_end - i) * (j_end - j) <= SMALL_BLOCK:
        matcher = SequenceMatcher(None, first[i:i_end], second[j:j_end], autojunk=False)
        for a, b, length in matcher.get_matching_blocks():
            if length:  # the last one is empty
                yield i + a, j + b, length


def _in_place(first: Sequence[str], second: Sequence[str]) -> list[int]:
    """Where two sequences of one length are equal, if they mostly are: one shape, with other values in it.

    Rows of a table are full of values, and an equal number in another row is chance.
    """
    if len(first) != len(second):
        return []
    equal = [at for at, (one, other) in enumerate(zip(first, second, strict=True)) if one == other]
    return equal if len(equal) >= MOSTLY * len(first) else []


def _anchors(first: Sequence[str], second: Sequence[str]) -> list[tuple[int, int]]:
    """Positions of what is unique in both: the longest chain that ascends in both (patience sorting)."""
    places = unique(second)
    return longest_ascending([(a, places[line]) for line, a in unique(first).items() if line in places])


def unique(lines: Sequence[str]) -> dict[str, int]:
    """Lines that occur once, and where."""
    numbers = Counter(lines)
    return {line: position for position, line in enumerate(lines) if numbers[line] == 1}


def longest_ascending(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest subsequence whose second numbers ascend; the first do already."""
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for position, (_, value) in enumerate(pairs):
        pile = bisect_left(tops, value)
        tops[pile : pile + 1] = [value]
        ends[pile : pile + 1] = [position]
        before.append(ends[pile - 1] if pile else -1)
    chain = []
    at = ends[-1] if ends else -1
    while at >= 0:
        chain.append(pairs[at])
        at = before[at]
    return chain[::-1]
