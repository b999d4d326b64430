"""What several runs of one original tell about a text: what is always the same, and where it differs by itself.

A text that originals gave (dates, tokens and ids made it differ) becomes a template: stable parts, and gaps between
them. Another text fits when it has all stable parts in their order, and in the gaps something of the same kind. The
texts come from an app that is not trusted: the work is bounded, and where it would not be, the whole stretch is a gap.
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
"""Characters from which a line is looked at in parts: minified HTML and scripts are one line."""

SHORT_STABLE = 10
"""Characters below which a stable part between two gaps is chance: two random sentences share words like " of the "."""

MOST_PLACES = 64
"""How many places of a stable part are tried, where noise happens to hold the same text."""

LOOKED = 10_000
"""Characters of a text in a gap that are searched for words of failure: a gap is tried with many texts."""

MOST_GAPS = 50
"""Gaps of a text, which are vast together, from which what is equal between them may be so by chance: one of two letters, say."""

GROWTH, GROWTH_BASE = 4, 200
"""A gap may hold so many times the longest text seen there, plus so many characters."""

_TOKEN = re.compile(r"[\w.+/~:%@-]+(?:(?<=\d\d:\d\d),\d+)?|\s+|[^\w\s]")
_MEASURED = re.compile(
    r"\b\d+(?:\.\d+)?(?:e-?\d+)?(?=\s?(?:ns|us|µs|ms|s|secs?|seconds?)\b)"  # how long something took
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
    """A place where the originals differed: what each had there (the first's first), and where it lies in the first's text.

    `fails`: whether one of them reads like an error. `word`: how they begin, if all of them are one word.
    """

    texts: tuple[str, ...]
    start: int
    fails: bool
    word: str | None

    @classmethod
    def of(cls, texts: tuple[str, ...], start: int) -> Gap:
        """What is to be known of a gap, found once: many texts may be held against it."""
        word = _beginning(texts) if all(map(_is_word, texts)) else None
        return cls(texts, start, any(map(tells_failure, texts)), word)

    @property
    def end(self) -> int:
        """Where it ends in the first's text."""
        return self.start + len(self.texts[0])

    @property
    def is_vast(self) -> bool:
        """Whether this is so long in each original that its shape tells something."""
        return min(map(len, self.texts)) >= shape.VAST

    @property
    def longest(self) -> int:
        """Characters that a text may have here."""
        return GROWTH * max(map(len, self.texts)) + GROWTH_BASE

    def fits(self, text: str) -> bool:
        """Whether a text is of the kind that stood here: of no other order of length, and no error; one word where all had one.

        That word begins as all of them do. What is vast is of about their size.
        """
        if self.is_vast and not shape.is_near(len(text), [len(one) for one in self.texts]):
            return False
        if len(text) > self.longest or (not self.fails and tells_failure(text, LOOKED)):
            return False
        return self.word is None or (text.startswith(self.word) and _is_word(text))


@dataclass(frozen=True, slots=True)
class Template:
    """`stable[0] gaps[0] stable[1] gaps[1] … stable[-1]`: always one stable part more than gaps (maybe empty ones).

    `is_thinned`: there were so many gaps that what is between them may be stable by chance, and was not taken for it.
    """

    stable: tuple[str, ...]
    gaps: tuple[Gap, ...]
    is_thinned: bool = False

    @property
    def is_vast(self) -> bool:
        """Whether so much differs among the originals that only the shape of the rest can be compared."""
        return self.is_thinned or any(gap.is_vast for gap in self.gaps)

    def fits(self, text: str) -> bool:
        """Whether another text differs only where the originals do."""
        return self.misfit(text) is None

    def misfit(self, text: str) -> tuple[int, int] | None:
        """Where another text begins to differ beyond that: the places in the first original's text and in this one."""
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
        """Whether this stretch of the first original's text overlaps a gap."""
        before = bisect_left(self.gaps, max(end, start + 1), key=lambda gap: gap.start)
        return before > 0 and start < max(self.gaps[before - 1].end, self.gaps[before - 1].start + 1)


def _ends(text: str, starts: list[int], gap: Gap, stable: str) -> list[int]:
    """Where the next stable part may end, if the gap before it begins at one of `starts`."""
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
    """Where a text that has something else than `stable` after a gap, which begins at `start`, parts from the first original's."""
    end = start + len(gap.texts[0])
    same = _common(stable, text[end : end + len(stable)])
    return gap.end + same, end + same


def steady(text: str) -> str:
    """The text without measured times and numbers of processes: small numbers, which two originals may share by chance.

    Dates and times of day are left: a third run after two that agree would agree as well. So are ids and tokens, since nothing that
    is long is shared by chance.
    """
    return _MEASURED.sub("#", text)


def tells_failure(text: str, looked: int = sys.maxsize) -> bool:
    """Whether a text reads like an error, or like a value that is none: what a token, a date or a counter never does.

    No more than its first characters are `looked` at.
    """
    return bool(_FAILURE.search(text, 0, looked) or _NOTHING.fullmatch(text.strip(_BARE)))


def template(first: str, *others: str) -> Template:
    """What the originals' texts have in common: by lines first, then by words in those that differ."""
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
    """The lines with their ends; a long one in parts. Joined they are the text."""
    parts: list[str] = []
    for line in text.splitlines(keepends=True):
        parts += [line] if len(line) <= LONG_LINE else _PART.findall(line)
    return parts


Edit = tuple[int, int, str]
"""A stretch of the first text (start, end), and what another has in its place."""


def _edits(first: str, other: str) -> Iterator[Edit]:
    position = 0
    for common, before, after in _pieces(first, other):
        if not common:
            yield position, position + len(before), after
        position += len(before)


def _pieces(first: str, other: str) -> Iterator[tuple[bool, str, str]]:
    """Whether it is common to both, and what the first and the other have there."""
    for common, before, after in aligned(lines_of(first), lines_of(other)):
        if common:
            yield True, "".join(before), "".join(after)
        else:
            words = aligned(_TOKEN.findall("".join(before)), _TOKEN.findall("".join(after)))
            yield from ((same, "".join(a), "".join(b)) for same, a, b in words)


def _spans(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches that are in order of their starts, joined where they meet or little lies between."""
    spans = list[tuple[int, int]]()
    for start, end in stretches:
        if spans and start - spans[-1][1] < SHORT_STABLE:
            start, end = spans[-1][0], max(end, spans.pop()[1])
        spans.append((start, end))
    return spans


def _thinned(first: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Beside a vast gap, or between very many, no more is stable than whole lines that occur once in the text, and what lies between."""
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
    """From the first to the last whole line in this stretch that occurs once, and is no chance."""
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
    """A vast stretch at the start or end of the text takes in the few characters that its texts share there by chance."""
    if spans and spans[0][1] - spans[0][0] >= shape.VAST and spans[0][0] < SHORT_STABLE:
        spans[0] = (0, spans[0][1])
    if spans and spans[-1][1] - spans[-1][0] >= shape.VAST and length - spans[-1][1] < SHORT_STABLE:
        spans[-1] = (spans[-1][0], length)
    return spans


def _edited(first: str, start: int, end: int, edits: Sequence[Edit]) -> str:
    """What another text has in place of a stretch of the first, which holds edits whole or not at all."""
    parts, position = list[str](), start
    number = bisect_left(edits, (start,))
    while number < len(edits) and edits[number][0] <= end:
        at, stop, text = edits[number]
        parts += first[position:at], text
        position, number = stop, number + 1
    return "".join([*parts, first[position:end]])


def _beginning(words: Sequence[str]) -> str:
    """What words like `req-8f3a` and `req-07c1` begin with; "" for numbers and dates, which may share it by chance."""
    first = min(words)
    found = _NAMING.match(first[: _common(first, max(words))])
    return found[0] if found else ""


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return len(one) if other.startswith(one) else next(at for at, c in enumerate(one) if other[at : at + 1] != c)


def _is_word(text: str) -> bool:
    return len(text.split(maxsplit=1)) == 1
