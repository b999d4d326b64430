"""The readers of this process: functions that run in a child, each known by its place, "module:function".

A reader is declared where it is defined, with the decorator `reader`, or by whoever gets it from elsewhere (`declare`). Children know
the readers that were declared before they started; nothing else can be asked of them.
"""

from __future__ import annotations

import encodings
import importlib
import pkgutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

Read = Callable[..., Any]
"""Takes a file's content and plain arguments, returns a frozen dataclass."""

R = TypeVar("R", bound=Read)

_declared: dict[str, None] = {}
_preparations: list[Callable[[], object]] = []


def reader(function: R) -> R:
    """Declare this function as a reader. A decorator."""
    declare(function)
    return function


def declare(function: Read) -> str:
    """Declare a reader and return its place. Raises ValueError if it has none: a child can only import functions of modules."""
    place = f"{function.__module__}:{function.__qualname__}"
    if "<" in place:
        raise ValueError(f"{place} is no function of a module, so that no child can import it")
    _declared[place] = None
    return place


def declared() -> tuple[str, ...]:
    """The places of all readers that were declared so far."""
    return tuple(_declared)


def before_confinement(prepare: Callable[[], object]) -> None:
    """Have a child call this once it has imported its readers, while it can still open files. Call this when a module is imported."""
    _preparations.append(prepare)


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """Stands for a reader that cannot be imported. It fails the jobs that ask for it, and no others."""

    reason: str


def load_readers(places: Iterable[str]) -> dict[str, Read | LoadFailure]:
    """Import the readers at these places with all that they use: once a child is confined it can open no file.

    That includes the encodings in which a source may be written (PEP 263).
    """
    for module in pkgutil.iter_modules(encodings.__path__):
        with suppress(ImportError):  # those of other systems
            importlib.import_module(f"encodings.{module.name}")
    found = {place: _load(place) for place in places}
    for prepare in _preparations:
        prepare()
    return found


def _load(place: str) -> Read | LoadFailure:
    try:
        function: Read = pkgutil.resolve_name(place)
    except Exception as error:  # a module of another package may do anything
        return LoadFailure(f"{place} cannot be imported there: {type(error).__name__}: {error}")
    return function
