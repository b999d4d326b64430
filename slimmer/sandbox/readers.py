"""The readers of this process: functions that run in a child. Each is identified by its place, "module:function".

Declare a reader with the decorator `reader` where it is defined, or with `declare` elsewhere. Children know only the readers that were
declared before they started. So a module that is imported late has its readers declared before, by their places (`declare_places`).
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
"""Takes a file's content and plain arguments, and returns a frozen dataclass."""

R = TypeVar("R", bound=Read)

_declared: dict[str, None] = {}
_preparations: list[Callable[[], object]] = []


def reader(function: R) -> R:
    """Declare this function as a reader. Use it as a decorator."""
    declare(function)
    return function


def declare(function: Read) -> str:
    """Declare a reader and return its place. Raise ValueError if it is not a function of a module, because a child could not import it."""
    place = f"{function.__module__}:{function.__qualname__}"
    if "<" in place:
        raise ValueError(f"{place} is not a function of a module, so no child can import it")
    _declared[place] = None
    return place


def declare_places(places: Iterable[str]) -> None:
    """Declare readers by their places. Their modules need not be imported here: the children import them."""
    _declared.update(dict.fromkeys(places))


def declared() -> tuple[str, ...]:
    """Return the places of all readers that were declared so far."""
    return tuple(_declared)


def before_confinement(prepare: Callable[[], object]) -> None:
    """Make each child call `prepare` after it has imported its readers, while it can still open files. Call this when a module is imported."""
    _preparations.append(prepare)


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """Stands for a reader that cannot be imported. It fails the jobs that ask for it, and no others."""

    reason: str


def load_readers(places: Iterable[str]) -> dict[str, Read | LoadFailure]:
    """Import the readers at these places, with everything that they use. A confined child cannot open files.

    This includes all encodings that a source may use (PEP 263).
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
        return LoadFailure(f"{place} cannot be imported in the child process: {type(error).__name__}: {error}")
    return function
