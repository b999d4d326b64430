"""Compare the shape of texts whose contents change too much from run to run to be compared themselves.

Thousands of random lines have nothing in common that an alignment could find. But such texts share the number and length of their
lines, their characters, and the words that occur often. That tells them from an error page, or from half of the lines. It cannot
tell a random line from a wrong one, so the user learns that only the shape was compared.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from slimmer.verify.alignment import longest_ascending, unique

VAST = 10_000
"""A stretch of at least this many characters that differs between the originals is compared by its shape."""

LEAST = 0.6
"""The share of the originals' smallest size or number that a text must have."""

MARGIN = 0.1
"""By what share a size or number may always be larger or smaller than those of the originals."""

CLOSE = 0.05
"""How far two profiles may always be apart (0 to 1): those of a few thousand samples differ by less."""

OFTEN = 100
"""If a word occurs at least this many times in each original, its number does not halve by chance."""

SHUFFLED = 50
"""The number of common lines from which on their order tells something."""

LONGEST_WORD = 100
KINDS = (b"0123456789", b"abcdef", b"ghijklmnopqrstuvwxyz", b"ABCDEF", b"GHIJKLMNOPQRSTUVWXYZ", b" \t", b"\r\n", b"<>{}[]()",
         b"\"'`,;:.!?", b"+-*/=_|\\&%#@$^~")  # fmt: skip
_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True)
class Shape:
    """The number of characters and lines, the shares of kinds of characters and lengths of lines, and what occurs often."""

    size: int
    lines: int
    kinds: tuple[float, ...]
    lengths: tuple[float, ...]
    often: Mapping[str, int]

    def __str__(self) -> str:
        return f"{self.lines:,} lines, {self.size:,} characters"


@lru_cache(maxsize=16)
def shape_of(text: str) -> Shape:
    """Return a text's shape. It takes one or two passes through the text."""
    lines, data = text.splitlines(), text.encode(errors="replace")
    counts = [len(data) - len(data.translate(None, kind)) for kind in KINDS]
    lengths = Counter[int]()
    for length, number in Counter(map(len, lines)).items():
        lengths[length.bit_length()] += number
    words = Counter(lines)
    words.update(_WORD.findall(text))
    return Shape(
        size=len(text),
        lines=len(lines),
        kinds=_shares([*counts, len(data) - sum(counts)]),
        lengths=_shares([lengths[bits] for bits in range(max(lengths, default=0) + 1)]),
        often={word: number for word, number in words.items() if number >= OFTEN // 2 and len(word) <= LONGEST_WORD},
    )


def misfit(text: str, originals: Sequence[str]) -> tuple[str, str] | None:
    """Return how a text's shape differs from the originals', as before and after in words; None if it does not."""
    shape, known = shape_of(text), [shape_of(original) for original in originals]
    if not all(is_near(of(shape), [of(one) for one in known]) for of in (_size, _lines)):
        return str(known[0]), str(shape)
    for what, of in (("kinds of characters", _kinds), ("lengths of lines", _lengths)):
        if not _is_like(of(shape), [of(one) for one in known]):
            return f"{known[0]}", f"{shape}, with different {what}"
    return next(_other_words(shape, known), None) or _lasting_misfit(text, originals)


def is_shuffled(first: str, others: Sequence[str]) -> bool:
    """Return True if two originals share many lines, but not their order."""
    return any(_is_shuffled(first.splitlines(), other.splitlines()) for other in others)


def _lasting_misfit(text: str, originals: Sequence[str]) -> tuple[str, str] | None:
    """Return a line that all originals have and the text lacks; None unless the text lacks more lines than an original does.

    With fewer than three originals, how many lines an original lacks is not known and counts as none.
    """
    sides = [set(original.splitlines()) for original in originals]
    lasting, own = set.intersection(*sides), set(text.splitlines())
    spread = 0.0
    if len(sides) > 2:
        spread = max(_lacking(set.intersection(*sides[:at], *sides[at + 1 :]), side) for at, side in enumerate(sides))
    if _lacking(lasting, own) <= spread * (1 + LEAST):
        return None
    return min(lasting - own), "(no such line)"


def _is_shuffled(first: list[str], second: list[str]) -> bool:
    places = unique(second)
    shared = [(at, places[line]) for line, at in unique(first).items() if line in places]
    return len(shared) >= SHUFFLED and len(longest_ascending(shared)) < len(shared) / 2


def _lacking(wanted: set[str], has: set[str]) -> float:
    return len(wanted - has) / len(wanted) if wanted else 0.0


def _size(shape: Shape) -> int:
    return shape.size


def _lines(shape: Shape) -> int:
    return shape.lines


def _kinds(shape: Shape) -> tuple[float, ...]:
    return shape.kinds


def _lengths(shape: Shape) -> tuple[float, ...]:
    return shape.lengths


def _shares(counts: Sequence[int]) -> tuple[float, ...]:
    total = sum(counts) or 1
    return tuple(count / total for count in counts)


def is_near(number: int, seen: Sequence[int]) -> bool:
    """Return True if a further original could have this size or number, given those that were seen."""
    least, most = min(seen), max(seen)
    slack = max(MARGIN * most, 2 * (most - least))
    return max(least - slack, LEAST * least) <= number <= most + slack


def _is_like(profile: tuple[float, ...], seen: Sequence[tuple[float, ...]]) -> bool:
    spread = max(_distance(one, other) for one in seen for other in seen)
    return min(_distance(profile, one) for one in seen) <= CLOSE + 2 * spread


def _distance(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the distance of two profiles: 0 if they are equal, 1 if they share nothing."""
    length = max(len(one), len(other))
    padded: list[tuple[float, ...]] = [(*side, *[0.0] * (length - len(side))) for side in (one, other)]
    return sum((abs(a - b) for a, b in zip(*padded, strict=True)), 0.0) / 2


def _other_words(shape: Shape, known: Sequence[Shape]) -> Iterator[tuple[str, str]]:
    """Yield words and lines that all originals contain often, and about as often, but the text does not."""
    for word, number in known[0].often.items():
        numbers = [one.often.get(word, 0) for one in known]
        if min(numbers) >= OFTEN and not min(numbers) / 2 <= shape.often.get(word, 0) <= 2 * max(numbers):
            yield f"{word} ({number:,} times)", f"{word} ({shape.often.get(word, 0):,} times)"
