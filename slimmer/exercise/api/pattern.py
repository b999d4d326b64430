"""Make a short text that matches a simple regular expression. Those of descriptions are in ECMA-262's dialect; most mean the same in Python."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from re import _constants as op  # type: ignore[attr-defined]  # the parser's output has no public form
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

LONGEST = 256
"""The most characters of a pattern, and of a text that is made."""

SHORT = 40
"""The most characters of a text that is matched."""

DEPTH = 20

_ALPHABET = string.ascii_lowercase + string.ascii_uppercase + string.digits + "-_. " + string.punctuation
_CLASSES = {
    op.CATEGORY_DIGIT: string.digits,
    op.CATEGORY_SPACE: " ",
    op.CATEGORY_WORD: string.ascii_letters + string.digits + "_",
}
_NOT = {
    op.CATEGORY_NOT_DIGIT: op.CATEGORY_DIGIT,
    op.CATEGORY_NOT_SPACE: op.CATEGORY_SPACE,
    op.CATEGORY_NOT_WORD: op.CATEGORY_WORD,
}


class NotSimple(Exception):
    """A pattern for which no text can be made here."""


def matches(pattern: str, text: str) -> bool:
    """Return True if a short text matches. A pattern that Python cannot read matches nothing."""
    try:
        return len(pattern) <= LONGEST and len(text) <= SHORT and re.search(pattern, text) is not None
    except (re.error, RecursionError, OverflowError):
        return False


def text_for(pattern: str, least: int = 0) -> str | None:
    """Return a text that matches, with at least so many characters where the pattern allows more. None if that is not simple."""
    if len(pattern) > LONGEST or not 0 <= least <= LONGEST:
        return None
    try:
        parsed = parser.parse(pattern)
        text = _shortest(parsed, 0, 0)
        return text if len(text) >= least else _shortest(parsed, 0, least)
    except (re.error, NotSimple, RecursionError, OverflowError, ValueError):
        return None


def _shortest(parsed: Any, depth: int, more: int) -> str:
    """Return a text for a sequence. `more`: the length that a part that may be longer gets."""
    if depth > DEPTH:
        raise NotSimple
    text = "".join(_pieces(parsed, depth, more))
    if len(text) > LONGEST:
        raise NotSimple
    return text


def _pieces(parsed: Any, depth: int, more: int) -> Iterator[str]:
    for name, value in parsed:
        if name is op.LITERAL:
            yield chr(value)
        elif name in (op.NOT_LITERAL, op.IN, op.ANY, op.CATEGORY):
            yield _character(name, value)
        elif name in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            least, most, inner = value
            number = min(max(least, more), int(most)) if more else max(least, min(1, int(most)))
            if number > LONGEST:
                raise NotSimple
            yield _shortest(inner, depth + 1, 0) * number
        elif name is op.SUBPATTERN:
            yield _shortest(value[3], depth + 1, more)
        elif name is op.ATOMIC_GROUP:
            yield _shortest(value, depth + 1, more)
        elif name is op.BRANCH:
            yield _shortest(value[1][0], depth + 1, more)
        elif name is not op.AT:
            raise NotSimple


def _character(name: Any, value: Any) -> str:
    if name is op.ANY:
        return "a"
    choices = [(op.NEGATE, None), (op.LITERAL, value)] if name is op.NOT_LITERAL else value
    if name is op.CATEGORY:
        choices = [(name, value)]
    negated = bool(choices) and choices[0][0] is op.NEGATE
    if not negated:
        for kind, one in choices:
            if kind is op.LITERAL:
                return chr(one)
            if kind is op.RANGE:
                return chr(one[0])
    for character in _ALPHABET:
        if any(_is_in(character, choice) for choice in choices) is not negated:
            return character
    raise NotSimple


def _is_in(character: str, choice: tuple[Any, Any]) -> bool:
    kind, value = choice
    if kind is op.LITERAL:
        return ord(character) == int(value)
    if kind is op.RANGE:
        return int(value[0]) <= ord(character) <= int(value[1])
    if kind is op.CATEGORY:
        return _in_class(character, value)
    return False


def _in_class(character: str, name: Any) -> bool:
    if name in _NOT:
        return character not in _CLASSES[_NOT[name]]
    return character in _CLASSES.get(name, "")
