"""What two runs of one original tell about a text: what is always the same, and where it differs by itself.

A text that two originals gave (dates, tokens and ids made it differ) becomes a template: stable parts, and gaps between
them. A third text fits when it has all stable parts in their order, and in the gaps something of the same kind. The
texts come from an app that is not trusted: the work is bounded, and where it would not be, the whole stretch is a gap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from slimmer.verify.alignment import aligned

LONG_LINE = 160
"""Characters from which a line is looked at in parts: minified HTML and scripts are one line."""

SHORT_STABLE = 10
"""Characters below which a stable part between two gaps is chance: two random sentences share words like " of the "."""

MOST_PLACES = 64
"""How many places of a stable part are tried, where noise happens to hold the same text."""

GROWTH, GROWTH_BASE = 4, 200
"""A gap may hold so many times the longest text seen there, plus so many characters."""

_TOKEN = re.compile(r"[\w.+/=~:%@-]+(?:(?<=\d\d:\d\d),\d+)?|\s+|[^\w\s]")
_MEASURED = re.compile(
    r"\b\d+(?:\.\d+)?(?:e-?\d+)?(?=\s?(?:ns|us|µs|ms|s|secs?|seconds?)\b)"  # how long something took
    r"|(?<=\bpid[ =:])\d+|(?<=\btid[ =:])\d+|(?<=\bthread[ =:-])\d+|(?<=\bprocess[ =:])\d+",
    re.IGNORECASE,
)
_PART = re.compile(r"[^>,;}]*[>,;}]+|[^>,;}]+")


@dataclass(frozen=True, slots=True)
class Gap:
    """A place where the two originals differed: what each had there, and where it lies in the first's text."""

    first: str
    second: str
    start: int

    @property
    def longest(self) -> int:
        """Characters that a text may have here."""
        return GROWTH * max(len(self.first), len(self.second)) + GROWTH_BASE

    def fits(self, text: str) -> bool:
        """Whether a text is of the kind that stood here: one word where both had one, and of no other order of length."""
        if len(text) > self.longest:
            return False
        return not (_is_word(self.first) and _is_word(self.second)) or _is_word(text)


@dataclass(frozen=True, slots=True)
class Template:
    """`stable[0] gaps[0] stable[1] gaps[1] … stable[-1]`: always one stable part more than gaps (maybe empty ones)."""

    stable: tuple[str, ...]
    gaps: tuple[Gap, ...]

    def fits(self, text: str) -> bool:
        """Whether a third text differs only where the originals do."""
        if not self.gaps:
            return text == self.stable[0]
        if not text.startswith(self.stable[0]):
            return False
        ends = [len(self.stable[0])]
        for gap, stable in zip(self.gaps[:-1], self.stable[1:-1], strict=True):
            ends = _ends(text, ends, gap, stable)
        end = len(text) - len(self.stable[-1])
        return text.endswith(self.stable[-1]) and any(
            start <= end <= start + self.gaps[-1].longest and self.gaps[-1].fits(text[start:end]) for start in ends
        )

    def is_volatile(self, start: int, end: int) -> bool:
        """Whether this stretch of the first original's text overlaps a gap."""
        return any(start < gap.start + max(1, len(gap.first)) and gap.start < max(end, start + 1) for gap in self.gaps)


def _ends(text: str, starts: list[int], gap: Gap, stable: str) -> list[int]:
    """Where the next stable part may end, if the gap before it begins at one of `starts`."""
    ends: set[int] = set()
    for start in starts:
        found = start - 1
        for _ in range(MOST_PLACES):
            found = text.find(stable, found + 1, start + gap.longest + len(stable))
            if found < 0:
                break
            if gap.fits(text[start:found]):
                ends.add(found + len(stable))
    return sorted(ends)[:MOST_PLACES]


def steady(text: str) -> str:
    """The text without measured times and numbers of processes: small numbers, which two originals may share by chance.

    Dates and times of day are left: a third run after two that agree would agree as well. So are ids and tokens, since nothing that
    is long is shared by chance.
    """
    return _MEASURED.sub("#", text)


def template(first: str, second: str) -> Template:
    """What two originals' texts have in common: by lines first, then by words in those that differ."""
    stable, gaps, position = [""], list[Gap](), 0
    for common, before, after in _merged(_pieces(first, second)):
        if common:
            stable[-1] += before
        else:
            gaps.append(Gap(before, after, position))
            stable.append("")
        position += len(before)
    return Template(tuple(stable), tuple(gaps))


def lines_of(text: str) -> list[str]:
    """The lines with their ends; a long one in parts. Joined they are the text."""
    parts: list[str] = []
    for line in text.splitlines(keepends=True):
        parts += [line] if len(line) <= LONG_LINE else _PART.findall(line)
    return parts


Piece = tuple[bool, str, str]
"""Whether it is common to both, and what the first and the second have there."""


def _pieces(first: str, second: str) -> Iterator[Piece]:
    for common, before, after in aligned(lines_of(first), lines_of(second)):
        if common:
            yield True, "".join(before), "".join(after)
        else:
            words = aligned(_TOKEN.findall("".join(before)), _TOKEN.findall("".join(after)))
            yield from ((same, "".join(a), "".join(b)) for same, a, b in words)


def _merged(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Join neighbours of one kind, and gaps with the little that is common between them."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined and joined[-1][0] == piece[0]:
            piece = _joined(joined.pop(), piece)
        if not piece[0] and len(joined) >= 2 and len(joined[-1][1]) < SHORT_STABLE:
            chance, gap = joined.pop(), joined.pop()
            piece = _joined(_joined(gap, chance), piece)
        joined.append(piece)
    yield from joined


def _joined(one: Piece, other: Piece) -> Piece:
    return one[0] and other[0], one[1] + other[1], one[2] + other[2]


def _is_word(text: str) -> bool:
    return len(text.split(maxsplit=1)) == 1
