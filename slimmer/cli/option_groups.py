"""Options that several commands share. A group is declared once, as the parameters of a function that turns them into one value."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Mapping
from types import SimpleNamespace
from typing import Any, TypeVar, get_type_hints

R = TypeVar("R")


def shares(**groups: Callable[..., Any]) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Return a decorator that replaces a command's parameter with the options of the group of that name.

    The command gets the value that the group's function returns. The functions are called in the order given here, and may use
    groups themselves. typer sees one function with all of the parameters.
    """
    shared = {name: _parameters(group) for name, group in groups.items()}

    def decorate(command: Callable[..., R]) -> Callable[..., R]:
        def run(**values: Any) -> R:
            given = {name: {each.name: values.pop(each.name) for each in shared[name]} for name in groups}
            return command(**{name: group(**given[name]) for name, group in groups.items()}, **values)

        own = _parameters(command, besides=groups)
        parameters = [each for parameter in own for each in shared.get(parameter.name, [parameter])]
        run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # which typer reads
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that have a value, as keyword arguments."""
    return {name: value for name, value in values.items() if value is not None}


def _parameters(function: Callable[..., Any], besides: Container[str] = ()) -> list[inspect.Parameter]:
    """Return the parameters with their annotations resolved, except for those in `besides`. The types of these are imported only when a command runs."""
    named = {name: hint for name, hint in function.__annotations__.items() if name != "return" and name not in besides}
    hints = get_type_hints(SimpleNamespace(__annotations__=named), function.__globals__, include_extras=True)
    return [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints.get(name, Any))
        for name, parameter in inspect.signature(function).parameters.items()
    ]
