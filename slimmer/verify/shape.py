"""The shape of texts that originals fill with something else each time, so much of it that it cannot be told apart.

Thousands of random lines have nothing in common that an alignment could find. What they do share is how many they are, how long, of which
characters, and which words occur often. That tells an error page, or half of the lines, from another such text; it cannot tell
one random line from a wrong one, so the user is told that no more was compared.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from slimmer.verify.alignment import longest_ascending, unique

VAST = 10_000
"""Characters from which a stretch that differs among the originals is compared by its shape."""

LEAST = 0.6
"""The share of the originals' least size or number that must be there."""

MARGIN = 0.1
"""The share of a size or number that another original may have more or less, whatever those that were seen have."""

CLOSE = 0.05
"""How far two profiles may be from each other (0 to 1), whatever those of the originals are: some thousand samples differ by less."""

OFTEN = 100
"""Times that a word occurs in each original, from which its number does not halve by chance."""

SHUFFLED = 50
"""Lines in common from which their order tells something."""

LONGEST_WORD = 100
KINDS = (b"0123456789", b"abcdef", b"ghijklmnopqrstuvwxyz", b"ABCDEF", b"GHIJKLMNOPQRSTUVWXYZ", b" \t", b"\r\n", b"<>{}[]()",
         b"\"'`,;:.!?", b"+-*/=_|\\&%#@$^~")  # fmt: skip
_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True)
class Shape:
    """Characters, lines, the share of each kind of characters and of each length of lines, and what occurs often."""

    size: int
    lines: int
    kinds: tuple[float, ...]
    lengths: tuple[float, ...]
    often: Mapping[str, int]

    def __str__(self) -> str:
        return f"{self.lines:,} lines, {self.size:,} characters"


@lru_cache(maxsize=16)
def shape_of(text: str) -> Shape:
    """One walk or two through the text."""
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
    """In what a text has not the originals' shape: how it was and is, in words; None when it has it."""
    shape, known = shape_of(text), [shape_of(original) for original in originals]
    if not all(is_near(of(shape), [of(one) for one in known]) for of in (_size, _lines)):
        return str(known[0]), str(shape)
    for what, of in (("kinds of characters", _kinds), ("lengths of lines", _lengths)):
        if not _is_like(of(shape), [of(one) for one in known]):
            return f"{known[0]}", f"{shape}, of other {what}"
    return next(_other_words(shape, known), None) or _lasting_misfit(text, originals)


def is_shuffled(first: str, others: Sequence[str]) -> bool:
    """Whether two originals share many lines, but not their order."""
    return any(_is_shuffled(first.splitlines(), other.splitlines()) for other in others)


def _lasting_misfit(text: str, originals: Sequence[str]) -> tuple[str, str] | None:
    """A line that all originals have, in any order, and the text has not; None unless it lacks more of them than any of those does.

    How much that is takes three originals to tell.
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
    """Whether a size or number is what originals with these may have, too."""
    least, most = min(seen), max(seen)
    slack = max(MARGIN * most, 2 * (most - least))
    return max(least - slack, LEAST * least) <= number <= most + slack


def _is_like(profile: tuple[float, ...], seen: Sequence[tuple[float, ...]]) -> bool:
    spread = max(_distance(one, other) for one in seen for other in seen)
    return min(_distance(profile, one) for one in seen) <= CLOSE + 2 * spread


def _distance(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Between two profiles: 0 for the same, 1 for those that share nothing."""
    length = max(len(one), len(other))
    padded: list[tuple[float, ...]] = [(*side, *[0.0] * (length - len(side))) for side in (one, other)]
    return sum((abs(a - b) for a, b in zip(*padded, strict=True)), 0.0) / 2


def _other_words(shape: Shape, known: Sequence[Shape]) -> Iterator[tuple[str, str]]:
    """Words and lines that all originals hold often, and about as often, and the text does not."""
    for word, number in known[0].often.items():
        numbers = [one.often.get(word, 0) for one in known]
        if min(numbers) >= OFTEN and not min(numbers) / 2 <= shape.often.get(word, 0) <= 2 * max(numbers):
            yield f"{word} ({number:,} times)", f"{word} ({shape.often.get(word, 0):,} times)"
