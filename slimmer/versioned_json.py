"""JSON that slimmer wrote, read back. It may be cut short, edited, of another version, or made to do harm: then it is a UsageError.

The functions take a value out of parsed JSON and raise ValueError, in words, when it is of another kind; `reading` turns that, and
whatever else a document of another shape makes its reader raise, into one error that names the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import zstandard

from slimmer.errors import UsageError

LARGEST = 1 << 64
"""No count, size, time or number of a process is larger."""

_SHOWN = 40
_FAILURES = (
    ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, zstandard.ZstdError,
)  # fmt: skip


@contextmanager
def reading(name: str, kind: str, hint: str) -> Iterator[None]:
    """Names the file, and what it should have been ("an access log"), in the UsageError for whatever is wrong with it."""
    try:
        yield
    except _FAILURES as error:
        raise UsageError(f"{name} cannot be read as {kind}: {_words(error)}", hint=hint) from error


def check_format(data: Any, name: str, version: int) -> Mapping[str, Any]:
    """The document, if it says that it is of this format and version."""
    document = table(data)
    if document.get("format") != name:
        raise ValueError(f"its format is not {name}")
    found = document.get("version")
    if type(found) is not int or found != version:
        raise ValueError(f"it has format version {_shown(found)}, this slimmer reads {version}")
    return document


def table(value: Any) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise ValueError(f"{_shown(value)} is not an object")
    return value


def items(value: Any, length: int | None = None) -> list[Any]:
    """A JSON array, of just this length where it is given."""
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise ValueError(f"{_shown(value)} is not an array" + ("" if length is None else f" of {length}"))
    return value


def text(value: Any) -> str:
    """A text that could be a name: without NUL, and of surrogates only those that stand for bytes (os.fsdecode)."""
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(f"{_shown(value)} is no name")
    os.fsencode(value)
    return value


def number(value: Any) -> int:
    """A whole number of a size that means something."""
    if type(value) is not int or abs(value) >= LARGEST:
        raise ValueError(f"{_shown(value)} is no number")
    return value


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{_shown(value)} is not true or false")
    return value


def _words(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]!r}"
    return str(error) if isinstance(error, ValueError | zstandard.ZstdError) else f"it is of another form ({error})"


def _shown(value: Any) -> str:
    """A value's beginning: it may be large, and a number too long to be written at all."""
    if isinstance(value, int | float | bool | None):
        return "a number" if isinstance(value, int) and abs(value) >= LARGEST else str(value).lower()
    words = repr(value[:_SHOWN]) if isinstance(value, str | list) else "an object"
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
