"""Files that were damaged, as hypothesis strategies: for parsers that must read them or refuse them, and never fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Test = TypeVar("Test", bound=Callable[..., object])
TELLING = (0, 1, 0x7F, 0x80, 0xFF)
"""Bytes that make sizes and places odd."""


def examples(least: int) -> Callable[[Test], Test]:
    """A decorator: so many examples, or more if SLIMMER_EXAMPLES asks for more (tests/unit/conftest.py)."""
    return settings(max_examples=max(least, settings().max_examples))


def damaged(content: bytes, *, start: int = 0, end: int | None = None, most: int = 20) -> SearchStrategy[bytes]:
    """The content with up to `most` bytes between start and end replaced, and perhaps cut short."""
    places = st.integers(start, min(end or len(content), len(content)) - 1)
    values = st.sampled_from(TELLING) | st.integers(0, 255)
    changes = st.lists(st.tuples(places, values), min_size=1, max_size=most)
    lengths = st.just(len(content)) | st.integers(0, len(content))
    return st.builds(lambda changes, length: _changed(content, changes)[:length], changes, lengths)


def _changed(content: bytes, changes: list[tuple[int, int]]) -> bytes:
    copy = bytearray(content)
    for place, value in changes:
        copy[place] = value
    return bytes(copy)
