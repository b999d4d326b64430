"""A difference in a few lines that a person can read, in the manner of a unified diff: `-` the original, `+` the slim image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from slimmer.formatting import printable
from slimmer.verify.alignment import aligned
from slimmer.verify.json_values import Change
from slimmer.verify.noise import Template, lines_of

MOST_LINES = 8
HUNK_LINES = 3
"""Lines of one side of one hunk."""

MOST_CHANGES = 1000
"""Changes that are counted."""

LONGEST_LINE = 160
CONTEXT = 40
"""Characters that are shown before the place where two long lines begin to differ."""


def text_excerpt(before: str, after: str, known: Template, misfit: tuple[str, str]) -> str:
    """The first lines that differ, without those where the originals differ as well; if there are no others, the `misfit`."""
    hunks, position = list[list[str]](), 0
    for common, old, new in aligned(lines_of(before), lines_of(after)):
        if not common:
            steady = [not known.is_volatile(*place) for place in _places(old, position)]
            if any(steady):
                hunks.append(_hunk(*(_chosen(side, steady) if len(old) == len(new) else side for side in (old, new))))
        position += sum(map(len, old))
    return _shown(hunks) if hunks else place_excerpt(misfit)


def place_excerpt(misfit: tuple[str, str]) -> str:
    """The lines where two texts part; that they end where nothing is left to be shown."""
    return _shown([_hunk(*([line] if line else [] for line in misfit))]) or "- (it ends here)\n+ (it ends otherwise)"


def line_at(text: str, position: int) -> str:
    """The line around a place; of a long one what begins shortly before it."""
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    start = start if position - start < LONGEST_LINE - CONTEXT else position - CONTEXT
    return text[start : len(text) if end < 0 else end]


def _places(lines: Sequence[str], start: int) -> Iterator[tuple[int, int]]:
    """Where lines lie in their text; one empty place for no lines."""
    for line in lines or ("",):
        yield start, start + len(line)
        start += len(line)


def _chosen(lines: Sequence[str], wanted: Sequence[bool]) -> list[str]:
    """Of lines that stand in each other's place, those that are not noise."""
    return [line for line, is_wanted in zip(lines, wanted, strict=False) if is_wanted]


def json_excerpt(changed: Iterable[Change]) -> str:
    """Each path with what it was and what it is."""
    return _shown([_sides(change) for change in islice(changed, MOST_CHANGES)])


def lines_excerpt(lines: Sequence[str]) -> str:
    """Lines that only the slim image has."""
    return _shown([[f"+ {_cut(line, 0)}"] for line in lines])


def _sides(change: Change) -> list[str]:
    order = " (another order)" if change.order else ""
    sides = (("-", change.before), ("+", change.after))
    return [f"{sign} {change.path}: {printable(text)}{order}" for sign, text in sides if text]


def _hunk(old: Sequence[str], new: Sequence[str]) -> list[str]:
    start = _parting("".join(old[:1]), "".join(new[:1]))
    before, after = _side("-", old, start), _side("+", new, start)
    if [line[1:] for line in before] == [line[1:] for line in after]:
        return [*before, *after[:-1], f"{after[-1]} (it ends otherwise)"]
    return before + after


def _side(sign: str, lines: Sequence[str], start: int) -> list[str]:
    more = [f"{sign} … {len(lines) - HUNK_LINES} more lines"] if len(lines) > HUNK_LINES else []
    return [f"{sign} {_cut(line, start if at == 0 else 0)}" for at, line in enumerate(lines[:HUNK_LINES])] + more


def _parting(old: str, new: str) -> int:
    """Where to begin to show two lines: near their first difference, if that is far from their start."""
    same = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    return same - CONTEXT if same > LONGEST_LINE - CONTEXT else 0


def _cut(line: str, start: int) -> str:
    text = line.removesuffix("\n")
    cut = printable(text[start : start + LONGEST_LINE], kept="\t")
    return ("…" if start else "") + cut + ("…" if len(text) > start + LONGEST_LINE else "")


def _shown(hunks: list[list[str]]) -> str:
    lines: list[str] = []
    for number, hunk in enumerate(hunks):
        if lines and len(lines) + len(hunk) > MOST_LINES:
            return "\n".join([*lines, f"… and {len(hunks) - number} more changes"])
        lines += hunk
    return "\n".join(lines)
