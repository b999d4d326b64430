"""Options that several commands share: declared once, as the parameters of a function that makes one value of them, mostly keyword arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Mapping
from types import SimpleNamespace
from typing import Any, TypeVar, get_type_hints

R = TypeVar("R")


def shares(**groups: Callable[..., Any]) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """A decorator that puts the parameters of a function in the place of the parameter that it is named for here.

    The decorated function gets what that function makes of them; the functions are called in the order given here. They may
    share options themselves. typer sees one function with all of the parameters.
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
    """The parameters, with annotations resolved but for these: their types are imported only when a command runs."""
    named = {name: hint for name, hint in function.__annotations__.items() if name != "return" and name not in besides}
    hints = get_type_hints(SimpleNamespace(__annotations__=named), function.__globals__, include_extras=True)
    return [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints.get(name, Any))
        for name, parameter in inspect.signature(function).parameters.items()
    ]
