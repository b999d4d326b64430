"""Compare JSON answers by their structure, path by path.

Where the originals differ, any value of the same kind passes, and a text must fit what their texts have in common. Arrays are
compared by position, unless the originals hold the same entries (except for noise) in different orders.
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
"""If all originals have at least this number somewhere, zero or a negative number there is a difference."""

SHOWN = 100
"""The number of characters of a value that are shown."""

DEEPEST_SET = 20
"""The depth down to which arrays may have no order. To find out, everything below an array is turned into text, at each level."""

_MEASURED = frozenset(("elapsed", "took", "latency", "uptime", "pid", "ppid", "tid", "rss"))
"""Words in the names of measured numbers and process IDs. These are small, so two originals may share them by chance."""


class _Missing:
    """Stands for the value of a missing key."""


MISSING = _Missing()


@dataclass(frozen=True, slots=True)
class Change:
    """A path whose value differs. Both values are JSON, cut; "" for a missing one. `order`: the same entries in another order."""

    path: str
    before: str
    after: str
    order: bool = False


def parse(text: str) -> Any:
    """Return the JSON value, or MISSING if the text is not JSON. Raises RecursionError if it is nested too deeply."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return MISSING


def _refuse(word: str) -> None:
    """Refuse NaN, which is not JSON (RFC 8259, section 6), and differs from itself."""
    raise ValueError(word)


def changes(primary: Any, candidate: Any, *others: Any) -> Iterator[Change]:
    """Yield what differs between primary and candidate, except where the originals (primary and others) differ themselves.

    Raises RecursionError if the values are nested too deeply.
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
"""A place to compare, with the values of the primary, the candidate and the other originals."""

Looked = tuple[list[Change], list[Step]]
"""What differs in an object or an array as a whole, and the places in it to compare next."""


def _object(place: Place, before: dict[str, Any], after: dict[str, Any], again: list[dict[str, Any]]) -> Looked:
    """Compare objects. Keys that are made up anew in each run may differ if their number and kinds are the same."""
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
    """Return True if made-up keys have values of the originals' kinds, and a number that the originals allow."""
    kinds = {_kind(value) for one in originals for value in one.values()}
    return _is_length(len(after), {len(one) for one in originals}) and {_kind(v) for v in after.values()} <= kinds


def _is_length(length: int, lengths: set[int]) -> bool:
    """Return True if the originals' lengths allow this one. If they vary, any length passes, but 0 only if an original has it."""
    return length in lengths if len(lengths) == 1 else bool(length) or 0 in lengths


def _array(place: Place, before: list[Any], after: list[Any], again: list[list[Any]]) -> Looked:
    """Compare entries by position, or by what identifies them if they have no order."""
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
    """Return the entries side by side, as many as all sides have."""
    entries = zip(places, *sides, strict=False)
    return [(place, before, after, again) for place, before, after, *again in entries]


def _is_noise(place: Place, before: Any, after: Any, again: list[Any]) -> bool:
    """Return True if a scalar may differ here: the originals differ too, and texts have the same form; or it is a measurement."""
    if isinstance(before, str):
        return template(steady(before), *map(steady, again)).fits(steady(after))
    if _kind(before) == "number" and after <= 0 and min([before, *again]) >= MANY:
        return False
    return any(before != other for other in again) or (_kind(before) == "number" and _is_measured(place.step))


def _is_measured(name: str | int) -> bool:
    return isinstance(name, str) and not _MEASURED.isdisjoint(re.split(r"[._]", name.lower()))


def _kind(value: Any) -> str:
    """Return a value's JSON kind. An empty text is a kind of its own, since it means something else than any other text."""
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
    """Return both values as JSON; of long ones, the part where they begin to differ."""
    texts = ["" if value is MISSING else json.dumps(value, ensure_ascii=False) for value in (before, after)]
    same = next((at for at, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), 0)
    start = max(0, same - SHOWN // 4)
    return _cut(texts[0], start), _cut(texts[1], start)


def _lengths(before: list[Any], after: list[Any]) -> tuple[str, str]:
    """Return the number of entries of each side, and the first entry that only it has."""
    texts = [[json.dumps(entry, ensure_ascii=False, sort_keys=True) for entry in side] for side in (before, after)]
    known = [set(side) for side in texts]
    only = [next((text for text in texts[side] if text not in known[1 - side]), "") for side in (0, 1)]
    shown = (f", with {_cut(text)}" if text else "" for text in only)
    first, second = (f"{len(side)} entries{words}" for side, words in zip(texts, shown, strict=True))
    return first, second


def _cut(text: str, start: int = 0) -> str:
    cut = text[start : start + SHOWN]
    return ("…" if start else "") + cut + ("…" if start + SHOWN < len(text) else "")
