"""JSON answers compared by their structure: what the slim image's has in place of the original's, path by path.

Where originals differ is noise: there a value of the same kind will do; a text must fit what their texts have in common.
Arrays are compared by position, unless the originals hold the same entries, but for noise, in another order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from slimmer.verify.json_path import Place
from slimmer.verify.json_sets import as_sets, canonical
from slimmer.verify.noise import steady, template

MANY = 10
"""Where all originals have as many as this, none or less is no number of their kind."""

SHOWN = 100
"""Characters of a value that are shown."""

DEEPEST_SET = 20
"""Levels down to which arrays may be without order: to find out, all below them is put into words, for each level anew."""

_MEASURED = frozenset(("elapsed", "took", "latency", "uptime", "pid", "ppid", "tid", "rss"))
"""Words in names of numbers that are measured, or are a process's: small ones, which two originals may share by chance."""


class _Missing:
    """The value of a key that is not there."""


MISSING = _Missing()


@dataclass(frozen=True, slots=True)
class Change:
    """One path with another value: both as JSON, cut; "" for none. `order`: the same entries in another order."""

    path: str
    before: str
    after: str
    order: bool = False


def parse(text: str) -> Any:
    """The JSON value, or MISSING for a text that is none. Raises RecursionError for one that is nested too deep."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return MISSING


def _refuse(word: str) -> None:
    """NaN is no JSON (RFC 8259, section 6), and differs from itself."""
    raise ValueError(word)


def changes(primary: Any, candidate: Any, *others: Any) -> Iterator[Change]:
    """What the candidate has in place of the primary, but for what differs between the originals (primary and others), too.

    Raises RecursionError for values that are nested too deep.
    """
    todo: list[Step] = [(Place(), primary, candidate, list(others))]
    while todo:
        place, before, after, again = todo.pop()
        kinds = {_kind(value) for value in (before, *again)}
        if _kind(after) not in kinds:
            yield _change(place, before, after)
        elif len(kinds) > 1:
            continue
        elif isinstance(before, dict):
            found, steps = _object(place, before, after, again)
            yield from found
            todo += reversed(steps)
        elif isinstance(before, list):
            found, steps = _array(place, before, after, again)
            yield from found
            todo += reversed(steps)
        elif before != after and not _is_noise(place, before, after, again):
            yield _change(place, before, after)


Step = tuple[Place, Any, Any, list[Any]]
"""A place to look at, and what is there: the primary's, the candidate's, the other originals'."""

Looked = tuple[list[Change], list[Step]]
"""What is wrong with an object or an array as a whole, and what is to be looked at in it."""


def _object(place: Place, before: dict[str, Any], after: dict[str, Any], again: list[dict[str, Any]]) -> Looked:
    """Keys that are made up anew each time (each original has its own) may be others, of the same number and kind."""
    keys = list(dict.fromkeys((*before, *after)))
    changed = list[Change]()
    if any(before.keys() - other.keys() and other.keys() - before.keys() for other in again):
        lasting = before.keys() & set.intersection(*(set(other) for other in again))
        keys = [key for key in keys if key in lasting]
        own = [{key: value for key, value in side.items() if key not in lasting} for side in (before, after, *again)]
        if not _are_alike(own[1], [own[0], *own[2:]]):
            changed = [_change(place, list(own[0]), list(own[1]))]
    values = [[side.get(key, MISSING) for key in keys] for side in (before, after, *again)]
    return changed, _steps([place / key for key in keys], values)


def _are_alike(after: dict[str, Any], originals: list[dict[str, Any]]) -> bool:
    """Whether made-up keys are as many as the originals have, if those agree, and hold values of their kinds."""
    kinds = {_kind(value) for one in originals for value in one.values()}
    return _is_length(len(after), {len(one) for one in originals}) and {_kind(v) for v in after.values()} <= kinds


def _is_length(length: int, lengths: set[int]) -> bool:
    """Whether it may be the length of what has these in the originals: nothing is not for something."""
    return length in lengths if len(lengths) == 1 else bool(length) or 0 in lengths


def _array(place: Place, before: list[Any], after: list[Any], again: list[list[Any]]) -> Looked:
    """Entries by position, or, where they have no order, by what tells them from each other."""
    if not _is_length(len(after), {len(before), *map(len, again)}):
        return [Change(str(place), *_lengths(before, after))], []
    sides, places = [before, after, *again], [place / at for at in range(len(before))]
    if place.depth > DEEPEST_SET:
        return [], _steps(places, sides)
    if any(before != other for other in again):
        if (sets := as_sets(sides)) is not None:
            sides = [entries for _, entries in sets]
            if sets[0][0] != sets[1][0]:
                return [_change(place, *sides[:2])], []
    elif len(before) > 1 and before != after and canonical(before) == canonical(after):
        return [Change(str(place), *_cut_pair(before, after), order=True)], []
    return [], _steps(places, sides)


def _steps(places: list[Place], sides: list[list[Any]]) -> list[Step]:
    """The entries side by side, as many as all have."""
    entries = zip(places, *sides, strict=False)
    return [(place, before, after, again) for place, before, after, *again in entries]


def _is_noise(place: Place, before: Any, after: Any, again: list[Any]) -> bool:
    """Whether a scalar may be another one here: the originals' differ, and texts have the same form; or it is measured."""
    if isinstance(before, str):
        return template(steady(before), *map(steady, again)).fits(steady(after))
    if _kind(before) == "number" and after <= 0 and min([before, *again]) >= MANY:
        return False
    return any(before != other for other in again) or (_kind(before) == "number" and _is_measured(place.step))


def _is_measured(name: str | int) -> bool:
    return isinstance(name, str) and not _MEASURED.isdisjoint(re.split(r"[._]", name.lower()))


def _kind(value: Any) -> str:
    """JSON's kinds, in which true is no 1; an empty text is a kind of its own, since it says something else than any other."""
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string" if value else "empty"
    return "missing" if value is MISSING else type(value).__name__


def _change(place: Place, before: Any, after: Any) -> Change:
    return Change(str(place), *_cut_pair(before, after))


def _cut_pair(before: Any, after: Any) -> tuple[str, str]:
    """Both values as JSON; of two long ones the part where they begin to differ."""
    texts = ["" if value is MISSING else json.dumps(value, ensure_ascii=False) for value in (before, after)]
    same = next((at for at, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), 0)
    start = max(0, same - SHOWN // 4)
    return _cut(texts[0], start), _cut(texts[1], start)


def _lengths(before: list[Any], after: list[Any]) -> tuple[str, str]:
    """Numbers of entries, and the first that only one side has."""
    texts = [[json.dumps(entry, ensure_ascii=False, sort_keys=True) for entry in side] for side in (before, after)]
    known = [set(side) for side in texts]
    only = [next((text for text in texts[side] if text not in known[1 - side]), "") for side in (0, 1)]
    shown = (f", with {_cut(text)}" if text else "" for text in only)
    first, second = (f"{len(side)} entries{words}" for side, words in zip(texts, shown, strict=True))
    return first, second


def _cut(text: str, start: int = 0) -> str:
    cut = text[start : start + SHOWN]
    return ("…" if start else "") + cut + ("…" if start + SHOWN < len(text) else "")
