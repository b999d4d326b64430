"""JSON answers compared by their structure: what the slim image's has in place of the original's, path by path.

Paths are JSONPath's (RFC 9535): `$.items[2].name`. Where two originals differ is noise: there a value of the same kind will
do; a text must fit what the two texts have in common. Arrays are compared by position, unless the originals hold the same
entries in another order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from slimmer.verify.noise import steady, template

SHOWN = 100
"""Characters of a value that are shown."""

_MEASURED = re.compile(r"(?:.*[._])?(?:elapsed|took|latency|uptime|p?pid|tid|rss)(?:_\w+)?", re.IGNORECASE)
"""Names of numbers that are measured, or are a process's: small ones, which two originals may share by chance."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


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


def changes(primary: Any, candidate: Any, secondary: Any) -> Iterator[Change]:
    """What the candidate has in place of the primary, but for what differs between primary and secondary as well.

    Raises RecursionError for values that are nested too deep.
    """
    todo = [("$", primary, candidate, secondary)]
    while todo:
        path, before, after, again = todo.pop()
        kinds = _kind(before), _kind(after), _kind(again)
        if kinds[0] != kinds[2]:
            if kinds[1] not in kinds[::2]:
                yield _change(path, before, after)
        elif kinds[0] != kinds[1]:
            yield _change(path, before, after)
        elif isinstance(before, dict):
            todo += reversed(list(_members(path, before, after, again)))
        elif isinstance(before, list):
            if (found := _array(path, before, after, again)) is not None:
                yield found
            elif not _reordered(before, again):
                entries = zip(before, after, again, strict=False)
                todo += reversed([(f"{path}[{at}]", *values) for at, values in enumerate(entries)])
        elif before != after and not _is_noise(path, before, after, again):
            yield _change(path, before, after)


Step = tuple[str, Any, Any, Any]


def _members(path: str, before: dict[str, Any], after: dict[str, Any], again: dict[str, Any]) -> Iterator[Step]:
    """The members to look at. Keys that are made up anew each time (each original has its own) are left out."""
    made_up = bool(before.keys() - again.keys()) and bool(again.keys() - before.keys())
    for key in dict.fromkeys((*before, *after)):
        if made_up and not (key in before and key in again):
            continue
        yield _step(path, key), before.get(key, MISSING), after.get(key, MISSING), again.get(key, MISSING)


def _array(path: str, before: list[Any], after: list[Any], again: list[Any]) -> Change | None:
    """What is wrong with an array as a whole; None when its entries can be looked at one by one."""
    if len(before) == len(again) != len(after) or (before and again and not after):
        return Change(path, *_lengths(before, after))
    if before == again and len(before) > 1 and before != after and _canonical(before) == _canonical(after):
        return Change(path, *_cut_pair(before, after), order=True)
    if _reordered(before, again) and _canonical(before) != _canonical(after):
        return _change(path, before, after)
    return None


def _reordered(before: list[Any], again: list[Any]) -> bool:
    """Whether the originals hold the same entries in different orders: then order means nothing."""
    return before != again and len(before) == len(again) and _canonical(before) == _canonical(again)


def _is_noise(path: str, before: Any, after: Any, again: Any) -> bool:
    """Whether a scalar may be another one here: the originals' differ, and texts have the same form; or it is measured."""
    if isinstance(before, str):
        return template(steady(before), steady(again)).fits(steady(after))
    return bool(before != again or (_kind(before) == "number" and _MEASURED.fullmatch(path)))


def _canonical(entries: list[Any]) -> list[str]:
    return sorted(json.dumps(entry, sort_keys=True) for entry in entries)


def _kind(value: Any) -> str:
    """JSON's kinds, in which true is no 1; an empty text is a kind of its own, since it says something else than any other."""
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string" if value else "empty"
    return "missing" if value is MISSING else type(value).__name__


def _step(path: str, key: str) -> str:
    return f"{path}.{key}" if _PLAIN_KEY.fullmatch(key) else f"{path}[{_cut(json.dumps(key))}]"


def _change(path: str, before: Any, after: Any) -> Change:
    return Change(path, *_cut_pair(before, after))


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
