"""Find out from several runs of the original which parts of a text are always the same, and which are noise.

Their texts, which differ in dates, tokens and ids, become a template: stable parts with gaps between them. Another text fits if it
has all stable parts in order, and something of the same kind in the gaps. The texts come from an app that is not trusted, so the
work is bounded: a stretch that would take too much becomes one gap.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from slimmer.verify import shape
from slimmer.verify.alignment import aligned

LONG_LINE = 160
"""A line of more than this many characters is compared in parts: minified HTML and scripts are one line."""

SHORT_STABLE = 10
"""A stable part of fewer characters between two gaps is a coincidence: two random sentences share words like " of the "."""

MOST_PLACES = 64
"""How many occurrences of a stable part are tried, in case noise contains the same text."""

LOOKED = 10_000
"""How many characters of a text in a gap are searched for words of failure: a gap is tried with many texts."""

MOST_GAPS = 50
"""If vast noise has more gaps than this, what lies between them may be equal by chance: one of two letters, for example."""

GROWTH, GROWTH_BASE = 4, 200
"""A gap may hold GROWTH times as many characters as the longest text seen there, plus GROWTH_BASE."""

_TOKEN = re.compile(r"[\w.+/~:%@-]+(?:(?<=\d\d:\d\d),\d+)?|\s+|[^\w\s]")
_MEASURED = re.compile(
    r"\b\d+(?:\.\d+)?(?:e-?\d+)?(?=\s?(?:ns|us|µs|ms|s|secs?|seconds?)\b)"  # a duration
    r"|(?<=\bpid[ =:])\d+|(?<=\btid[ =:])\d+|(?<=\bthread[ =:-])\d+|(?<=\bprocess[ =:])\d+",
    re.IGNORECASE,
)
_FAILURE = re.compile(
    r"\b(?:error|exception|traceback|fatal|panic|fail(?:ed|ure)|denied|missing|unavailable"
    r"|can(?:not|'t)|could(?: not|n't)|unable to|no such|not found|no module|unknown)\b",
    re.IGNORECASE,
)
_NOTHING = re.compile(r"none|null|nil|undefined|nan|n/a|false", re.IGNORECASE)
_NAMING = re.compile(r"[A-Za-z/][\w.:/=@%+-]+[-_.:/=@]")
_BARE = " \t\r\n\"'`=:,;()[]{}<>"
_PART = re.compile(r"[^>,;}]*[>,;}]+|[^>,;}]+")


@dataclass(frozen=True, slots=True)
class Gap:
    """A place where the originals differ: what each has there, in order, and where it starts in the first original's text.

    `fails`: one of the texts reads like an error. `word`: how they all begin, if each is one word; else None.
    """

    texts: tuple[str, ...]
    start: int
    fails: bool
    word: str | None

    @classmethod
    def of(cls, texts: tuple[str, ...], start: int) -> Gap:
        """Make a gap. What `fits` needs is found once here, since many texts may be tried."""
        word = _beginning(texts) if all(map(_is_word, texts)) else None
        return cls(texts, start, any(map(tells_failure, texts)), word)

    @property
    def end(self) -> int:
        """Where the gap ends in the first original's text."""
        return self.start + len(self.texts[0])

    @property
    def is_vast(self) -> bool:
        """True if the gap is so long in each original that its shape tells something."""
        return min(map(len, self.texts)) >= shape.VAST

    @property
    def longest(self) -> int:
        """The number of characters that a text may have here."""
        return GROWTH * max(map(len, self.texts)) + GROWTH_BASE

    def fits(self, text: str) -> bool:
        """Return True if a text is of the kind that the originals have here.

        It is not much longer, and no error unless one of theirs is. If all of theirs are one word, it is one word with the same
        beginning. If theirs are vast, it has about their size.
        """
        if self.is_vast and not shape.is_near(len(text), [len(one) for one in self.texts]):
            return False
        if len(text) > self.longest or (not self.fails and tells_failure(text, LOOKED)):
            return False
        return self.word is None or (text.startswith(self.word) and _is_word(text))


@dataclass(frozen=True, slots=True)
class Template:
    """`stable[0] gaps[0] stable[1] gaps[1] … stable[-1]`: one more stable part than gaps. Parts may be empty.

    `is_thinned`: there were so many gaps that what lay between them may have been equal by chance, so it became part of them.
    """

    stable: tuple[str, ...]
    gaps: tuple[Gap, ...]
    is_thinned: bool = False

    @property
    def is_vast(self) -> bool:
        """True if so much differs between the originals that only the shape of those parts can be compared."""
        return self.is_thinned or any(gap.is_vast for gap in self.gaps)

    def fits(self, text: str) -> bool:
        """Return True if another text differs only where the originals do."""
        return self.misfit(text) is None

    def misfit(self, text: str) -> tuple[int, int] | None:
        """Return where another text begins to differ by more: positions in the first original's text and in this; None if it fits."""
        same = _common(self.stable[0], text)
        if same < len(self.stable[0]) or not self.gaps:
            return None if text == self.stable[0] and not self.gaps else (same, same)
        ends = [same]
        for gap, stable in zip(self.gaps[:-1], self.stable[1:-1], strict=True):
            reached, ends = ends, _ends(text, ends, gap, stable)
            if not ends:
                return _parting(gap, stable, text, reached[0])
        last, end = self.gaps[-1], len(text) - len(self.stable[-1])
        fits = text.endswith(self.stable[-1]) and any(
            start <= end <= start + last.longest and last.fits(text[start:end]) for start in ends
        )
        return None if fits else _parting(last, self.stable[-1], text, ends[0])

    def is_volatile(self, start: int, end: int) -> bool:
        """Return True if this stretch of the first original's text overlaps a gap."""
        before = bisect_left(self.gaps, max(end, start + 1), key=lambda gap: gap.start)
        return before > 0 and start < max(self.gaps[before - 1].end, self.gaps[before - 1].start + 1)


def _ends(text: str, starts: list[int], gap: Gap, stable: str) -> list[int]:
    """Return where the next stable part may end, if the gap before it begins at one of `starts`."""
    ends: set[int] = set()
    for start in starts:
        found = start - 1
        for _ in range(MOST_PLACES):
            found = text.find(stable, found + 1, start + gap.longest + len(stable))
            if found < 0:
                break
            if found + len(stable) not in ends and gap.fits(text[start:found]):
                ends.add(found + len(stable))
    return sorted(ends)[:MOST_PLACES]


def _parting(gap: Gap, stable: str, text: str, start: int) -> tuple[int, int]:
    """Return where a text without `stable` after the gap at `start` begins to differ from the first original's."""
    end = start + len(gap.texts[0])
    same = _common(stable, text[end : end + len(stable)])
    return gap.end + same, end + same


def steady(text: str) -> str:
    """Return the text without measured durations and process IDs: small numbers that two originals may share by chance.

    Dates and times of day stay: if two runs agree on them, a third one would as well. Ids and tokens stay, since nothing that long
    is shared by chance.
    """
    return _MEASURED.sub("#", text)


def tells_failure(text: str, looked: int = sys.maxsize) -> bool:
    """Return True if a text reads like an error, or like "none" or "null". A token, a date or a counter never does.

    Only the first `looked` characters are searched for words of failure.
    """
    return bool(_FAILURE.search(text, 0, looked) or _NOTHING.fullmatch(text.strip(_BARE)))


def template(first: str, *others: str) -> Template:
    """Return what the originals' texts have in common: by lines first, then by words within the lines that differ."""
    edits = [list(_edits(first, other)) for other in others]
    stable, gaps, position = list[str](), list[Gap](), 0
    spans = _spans(sorted((start, end) for side in edits for start, end, _ in side))
    vast = sum(end - start for start, end in spans) >= shape.VAST
    for start, end in _widened(_thinned(first, spans) if vast else spans, len(first)):
        stable.append(first[position:start])
        gaps.append(Gap.of((first[start:end], *(_edited(first, start, end, side) for side in edits)), start))
        position = end
    return Template((*stable, first[position:]), tuple(gaps), vast and len(spans) > MOST_GAPS)


def lines_of(text: str) -> list[str]:
    """Return the lines with their ends, long ones in parts. Joined, they are the text."""
    parts: list[str] = []
    for line in text.splitlines(keepends=True):
        parts += [line] if len(line) <= LONG_LINE else _PART.findall(line)
    return parts


Edit = tuple[int, int, str]
"""A stretch of the first text (start, end), and what another text has in its place."""


def _edits(first: str, other: str) -> Iterator[Edit]:
    position = 0
    for common, before, after in _pieces(first, other):
        if not common:
            yield position, position + len(before), after
        position += len(before)


def _pieces(first: str, other: str) -> Iterator[tuple[bool, str, str]]:
    """Yield pieces: whether both texts share the piece, what the first has there, and what the other has."""
    for common, before, after in aligned(lines_of(first), lines_of(other)):
        if common:
            yield True, "".join(before), "".join(after)
        else:
            words = aligned(_TOKEN.findall("".join(before)), _TOKEN.findall("".join(after)))
            yield from ((same, "".join(a), "".join(b)) for same, a, b in words)


def _spans(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join stretches, sorted by their starts, that meet or have little between them."""
    spans = list[tuple[int, int]]()
    for start, end in stretches:
        if spans and start - spans[-1][1] < SHORT_STABLE:
            start, end = spans[-1][0], max(end, spans.pop()[1])
        spans.append((start, end))
    return spans


def _thinned(first: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Reduce what is stable beside a vast gap, or between very many gaps, to the stretch from its first to its last unique line."""
    numbers = Counter(first.splitlines(keepends=True))
    kept = list(spans[:1])
    for start, end in spans[1:]:
        before = kept[-1]
        found: tuple[int, int] | None = before[1], start
        if len(spans) > MOST_GAPS or max(before[1] - before[0], end - start) >= shape.VAST:
            found = _lasting(first, before[1], start, numbers)
        if found is None:
            kept[-1] = (before[0], end)
        else:
            kept[-1] = (before[0], found[0])
            kept.append((found[1], end))
    return kept


def _lasting(first: str, start: int, end: int, numbers: Mapping[str, int]) -> tuple[int, int] | None:
    """Return the stretch from the first to the last whole line here that occurs once in the text and is not very short."""
    at = start if start == 0 or first[start - 1] == "\n" else first.find("\n", start, end) + 1
    if not at and start:
        return None
    bounds = list[int]()
    for line in first[at:end].splitlines(keepends=True):
        if numbers[line] == 1 and len(line) > SHORT_STABLE:
            bounds += at, at + len(line)
        at += len(line)
    return (bounds[0], bounds[-1]) if bounds else None


def _widened(spans: list[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """Extend a vast stretch near the start or end of the text to there: the few characters between are equal by chance."""
    if spans and spans[0][1] - spans[0][0] >= shape.VAST and spans[0][0] < SHORT_STABLE:
        spans[0] = (0, spans[0][1])
    if spans and spans[-1][1] - spans[-1][0] >= shape.VAST and length - spans[-1][1] < SHORT_STABLE:
        spans[-1] = (spans[-1][0], length)
    return spans


def _edited(first: str, start: int, end: int, edits: Sequence[Edit]) -> str:
    """Return what another text has in place of a stretch of the first. No edit crosses the stretch's bounds."""
    parts, position = list[str](), start
    number = bisect_left(edits, (start,))
    while number < len(edits) and edits[number][0] <= end:
        at, stop, text = edits[number]
        parts += first[position:at], text
        position, number = stop, number + 1
    return "".join([*parts, first[position:end]])


def _beginning(words: Sequence[str]) -> str:
    """Return how words like `req-8f3a` and `req-07c1` begin; "" for numbers and dates, which may begin alike by chance."""
    first = min(words)
    found = _NAMING.match(first[: _common(first, max(words))])
    return found[0] if found else ""


def _common(one: str, other: str) -> int:
    """Return the length of the beginning that two texts share."""
    return len(one) if other.startswith(one) else next(at for at, c in enumerate(one) if other[at : at + 1] != c)


def _is_word(text: str) -> bool:
    return len(text.split(maxsplit=1)) == 1
