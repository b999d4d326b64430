"""Facts of sources as bytes for the cache, and back: any frozen dataclass of texts, flags, other such, and tuples of them."""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

F = TypeVar("F")


def dump_facts(facts: Any) -> bytes:
    """`facts` as JSON, in ASCII, so that names which are not UTF-8 survive."""
    return json.dumps(asdict(facts), separators=(",", ":"), default=sorted).encode()


def load_facts(kind: type[F], data: bytes) -> F | None:
    """What dump_facts wrote of a value of this kind; None when it is not that."""
    try:
        value = _built(kind, json.loads(data))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return value if isinstance(value, kind) else None


def _built(kind: Any, value: Any) -> Any:
    """The value of a type that the JSON stands for. Raises ValueError, TypeError or KeyError where it does not fit."""
    origin = get_origin(kind)
    if origin in (tuple, frozenset):
        if not isinstance(value, list):
            raise TypeError(kind)
        inner = get_args(kind)[0]
        return origin(_built(inner, each) for each in value)
    if isinstance(kind, type) and is_dataclass(kind):
        return kind(**{name: _built(field, value[name]) for name, field in _fields(kind).items()})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if not isinstance(value, kind):
        raise TypeError(kind)
    return value


@lru_cache(maxsize=64)
def _fields(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
