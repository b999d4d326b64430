"""Align two sequences of lines or words with a patience diff. The work is bounded, whatever an app answers.

difflib alone is exact, but cubic in the worst case. Matching what occurs once in each sequence first is what a person would
do, and leaves only small blocks in between.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

SMALL_BLOCK = 10_000
"""Two blocks are aligned exactly if the product of their lengths is at most this. In larger ones only unique lines match."""

MOSTLY = 2 / 3
"""The share of two sequences that must be equal, place by place, for them to have the same shape."""

DEEPEST = 30
"""How many times a block is split at its unique lines."""

Block = tuple[bool, Sequence[str], Sequence[str]]


def aligned(first: Sequence[str], second: Sequence[str]) -> Iterator[Block]:
    """Yield two sequences as alternating blocks: common to both (True), or one in place of the other (False).

    This is a patience diff: it first matches what occurs once in each (the longest ascending chain), then what lies between.
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
    """Yield equal stretches (start in the first, start in the second, length), ascending in both."""
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
    """Match a block at once if it is small or both sides have the same shape; else split it at its unique lines, into `todo`."""
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
    """Return where two sequences of the same length are equal, if they mostly are: the same shape with other values in it.

    Rows of a table are full of values, and an equal number in another row is a coincidence.
    """
    if len(first) != len(second):
        return []
    equal = [at for at, (one, other) in enumerate(zip(first, second, strict=True)) if one == other]
    return equal if len(equal) >= MOSTLY * len(first) else []


def _anchors(first: Sequence[str], second: Sequence[str]) -> list[tuple[int, int]]:
    """Return positions of lines that are unique in both: the longest chain that ascends in both (patience sorting)."""
    places = unique(second)
    return longest_ascending([(a, places[line]) for line, a in unique(first).items() if line in places])


def unique(lines: Sequence[str]) -> dict[str, int]:
    """Return the lines that occur once, with their positions."""
    numbers = Counter(lines)
    return {line: position for position, line in enumerate(lines) if numbers[line] == 1}


def longest_ascending(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest subsequence whose second numbers ascend. The first numbers ascend already."""
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
