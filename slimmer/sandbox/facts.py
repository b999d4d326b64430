"""Convert facts of sources to bytes for the cache, and back.

Facts are any frozen dataclass of texts, numbers, flags, enumerations, other such dataclasses, and tuples and frozen sets of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from functools import lru_cache
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

F = TypeVar("F")


def dump_facts(facts: Any) -> bytes:
    """Return `facts` as JSON in ASCII, so that names that are not UTF-8 survive."""
    return json.dumps(asdict(facts), separators=(",", ":"), default=sorted).encode()


def load_facts(kind: type[F], data: bytes) -> F | None:
    """Return the value of this type that dump_facts wrote, or None if the data is anything else."""
    try:
        value = _reader(cast(Any, kind))(json.loads(data))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return value if isinstance(value, kind) else None


_PLAIN = (str, int, bool)

Read = Callable[[Any], Any]
"""Makes a value from its JSON. Raises ValueError, TypeError or KeyError if it does not fit."""


@lru_cache(maxsize=64)
def _reader(kind: Any) -> Read:
    """Return the function that reads a type. It is made once, because there are thousands of facts of a handful of types."""
    if get_origin(kind) in (tuple, frozenset):
        return _sequence_reader(get_origin(kind), get_args(kind)[0])
    if is_dataclass(kind):
        return _record_reader(kind)
    if kind in _PLAIN:
        return lambda value: _checked(value, kind)
    return lambda value: kind(value)  # an enumeration


def _sequence_reader(make: Any, inner: Any) -> Read:
    read = None if inner in _PLAIN else _reader(inner)

    def sequence(value: Any) -> Any:
        entries = _checked(value, list)
        if read is not None:
            return make(map(read, entries))
        if not {*map(type, entries)} <= {inner}:
            raise TypeError(inner)
        return make(entries)

    return sequence


def _record_reader(kind: Any) -> Read:
    fields = [(name, _reader(field)) for name, field in get_type_hints(kind).items()]
    return lambda value: kind(**{name: read(value[name]) for name, read in fields})


def _checked(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(kind)
    return value
