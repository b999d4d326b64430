"""The shape of a URL: what it has in common with others that the same code of the app answers.

`/item/17?page=2` and `/item/4711?page=9` have the shape `/item/{n}?page={n}`. An app has few shapes, even if its pages link to each
other without end.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qsl

NUMBER, MARK, SLUG = "{n}", "{x}", "{s}"
"""What stands for a number, for a hash or an ID, and for a title or any other text."""

MOST_SEGMENTS = 12
MOST_PARAMETERS = 8
LONGEST_WORD = 32
LONGEST_VALUE = 16
MOST_WORDS = 2
"""A segment of more words, such as `how-to-bake-bread`, is a title."""

MOST_ALIKE = 2
"""A segment that is there more often is a link to itself: `/a/a/a`."""

_MARK = re.compile(
    r"(?<![0-9a-z])(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,})(?![0-9a-z])",
    re.IGNORECASE,
)
_VERSION = re.compile(r"v\d{1,2}", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_SUFFIX = re.compile(r"\.[a-z][a-z0-9]{0,9}$", re.IGNORECASE)
_BETWEEN = re.compile(r"[-_+~ ]")


@lru_cache(maxsize=4096)
def shape_of(url: str) -> str:
    """Return the shape of a path with an optional query."""
    path, _, query = url.partition("?")
    segments = path.split("/")
    shapes: list[str] = []
    for segment in segments[:MOST_SEGMENTS]:
        shape = _segment(segment)
        if shape and shapes.count(shape) >= MOST_ALIKE and shape not in (NUMBER, MARK, SLUG):
            shapes.append("…")
            break
        shapes.append(shape)
    rest = "/…" if len(segments) > MOST_SEGMENTS else ""
    return "/".join(shapes) + rest + (f"?{_query(query)}" if query else "")


def _segment(text: str) -> str:
    if _VERSION.fullmatch(text):
        return text
    if text.isdigit():
        return NUMBER
    suffix = _SUFFIX.search(text)
    end = suffix[0] if suffix else ""
    stem = _MARK.sub(MARK, text[: len(text) - len(end)])
    if "%" in stem or len(stem) > LONGEST_WORD or len(_BETWEEN.findall(stem)) >= MOST_WORDS:
        return SLUG + end
    return _DIGITS.sub(NUMBER, stem) + end


def _query(query: str) -> str:
    """Return the sorted names with the shapes of their values. A short word as a value may choose a way through the app's code."""
    try:
        pairs = sorted(parse_qsl(query, keep_blank_values=True, max_num_fields=100))
    except ValueError:
        return "…"
    names = [f"{_segment(name)}={_value(value)}" for name, value in pairs[:MOST_PARAMETERS]]
    return "&".join(dict.fromkeys(names)) + ("&…" if len(pairs) > MOST_PARAMETERS else "")


def _value(text: str) -> str:
    if not text or (text.isalpha() and text.isascii() and len(text) <= LONGEST_VALUE):
        return text
    return NUMBER if text.isdigit() else SLUG
