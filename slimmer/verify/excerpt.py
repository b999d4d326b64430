"""Show a difference in a few lines, like a unified diff: `-` for the original, `+` for the slim image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from slimmer.formatting import printable
from slimmer.verify.alignment import aligned
from slimmer.verify.json_values import Change
from slimmer.verify.noise import Template, lines_of

MOST_LINES = 8
HUNK_LINES = 3
"""The number of lines of one side of a hunk."""

MOST_CHANGES = 1000
"""The number of changes that are counted."""

LONGEST_LINE = 160
CONTEXT = 40
"""The number of characters that are shown before the place where two long lines begin to differ."""


def text_excerpt(before: str, after: str, known: Template, misfit: tuple[str, str]) -> str:
    """Return the first lines that differ, except where the originals differ too; if there are none, the lines of `misfit`."""
    hunks, position = list[list[str]](), 0
    for common, old, new in aligned(lines_of(before), lines_of(after)):
        if not common:
            steady = [not known.is_volatile(*place) for place in _places(old, position)]
            if any(steady):
                hunks.append(_hunk(*(_chosen(side, steady) if len(old) == len(new) else side for side in (old, new))))
        position += sum(map(len, old))
    return _shown(hunks) if hunks else place_excerpt(misfit)


def place_excerpt(misfit: tuple[str, str]) -> str:
    """Return the lines where two texts begin to differ, or say that they end differently if no line is left."""
    return _shown([_hunk(*([line] if line else [] for line in misfit))]) or "- (ends here)\n+ (ends differently)"


def line_at(text: str, position: int) -> str:
    """Return the line at a position; of a long line, the part that begins shortly before it."""
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    start = start if position - start < LONGEST_LINE - CONTEXT else position - CONTEXT
    return text[start : len(text) if end < 0 else end]


def _places(lines: Sequence[str], start: int) -> Iterator[tuple[int, int]]:
    """Yield where each line starts and ends in its text; one empty place if there are no lines."""
    for line in lines or ("",):
        yield start, start + len(line)
        start += len(line)


def _chosen(lines: Sequence[str], wanted: Sequence[bool]) -> list[str]:
    """Return the lines that are not noise."""
    return [line for line, is_wanted in zip(lines, wanted, strict=False) if is_wanted]


def json_excerpt(changed: Iterable[Change]) -> str:
    """Return each path with its value before and after."""
    return _shown([_sides(change) for change in islice(changed, MOST_CHANGES)])


def lines_excerpt(lines: Sequence[str]) -> str:
    """Return lines that only the slim image has."""
    return _shown([[f"+ {_cut(line, 0)}"] for line in lines])


def _sides(change: Change) -> list[str]:
    order = " (in another order)" if change.order else ""
    sides = (("-", change.before), ("+", change.after))
    return [f"{sign} {change.path}: {printable(text)}{order}" for sign, text in sides if text]


def _hunk(old: Sequence[str], new: Sequence[str]) -> list[str]:
    start = _parting("".join(old[:1]), "".join(new[:1]))
    before, after = _side("-", old, start), _side("+", new, start)
    if [line[1:] for line in before] == [line[1:] for line in after]:
        return [*before, *after[:-1], f"{after[-1]} (ends differently)"]
    return before + after


def _side(sign: str, lines: Sequence[str], start: int) -> list[str]:
    more = [f"{sign} … {len(lines) - HUNK_LINES} more lines"] if len(lines) > HUNK_LINES else []
    return [f"{sign} {_cut(line, start if at == 0 else 0)}" for at, line in enumerate(lines[:HUNK_LINES])] + more


def _parting(old: str, new: str) -> int:
    """Return where to begin to show two lines: shortly before their first difference, if that is far from their start."""
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
