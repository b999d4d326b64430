"""Holds a document against its JSON Schema in docs/schemas: the part of JSON Schema that these use, and no field beside those described."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "docs/schemas"

_TYPES: dict[str, Callable[[Any], bool]] = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: type(value) is int,
    "null": lambda value: value is None,
    "number": lambda value: type(value) in (int, float),
    "object": lambda value: isinstance(value, dict),
    "string": lambda value: isinstance(value, str),
}
_CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "const": lambda value, wanted: type(value) is type(wanted) and value == wanted,
    "enum": lambda value, wanted: value in wanted,
    "maximum": lambda value, wanted: value <= wanted,
    "minimum": lambda value, wanted: value >= wanted,
    "maxItems": lambda value, wanted: len(value) <= wanted,
    "minItems": lambda value, wanted: len(value) >= wanted,
    "maxLength": lambda value, wanted: len(value) <= wanted,
    "pattern": lambda value, wanted: re.search(wanted, value) is not None,
    "required": lambda value, wanted: not set(wanted) - set(value),
}
_APART = {"type", "$schema", "$defs", "title", "description", "default"}
_NESTED = {"$ref", "anyOf", "properties", "additionalProperties", "propertyNames", "items", "prefixItems"}


def misfits(name: str, document: Any) -> list[str]:
    """Where a parsed document is not what docs/schemas/NAME.json says; empty if it is."""
    schema = json.loads((FOLDER / f"{name}.json").read_text(encoding="ascii"))
    return list(_misfits(schema, document, "$", schema["$defs"]))


def _misfits(schema: Mapping[str, Any], value: Any, place: str, known: Mapping[str, Any]) -> Iterator[str]:
    strange = schema.keys() - _CHECKS.keys() - _APART - _NESTED
    assert not strange, f"keywords that this check does not know: {strange}"
    if "type" in schema and not _TYPES[schema["type"]](value):
        yield f"{place}: type"
        return
    failed = [key for key, wanted in schema.items() if key in _CHECKS and not _CHECKS[key](value, wanted)]
    if failed:
        yield f"{place}: {', '.join(failed)}"
        return
    if "$ref" in schema:
        yield from _misfits(known[schema["$ref"].rpartition("/")[2]], value, place, known)
    if "anyOf" in schema:
        found = [list(_misfits(one, value, place, known)) for one in schema["anyOf"]]
        yield from () if not all(found) else min(found, key=len)
    for inner, part, where in _parts(schema, value, place):
        if inner is False:
            yield f"{where}: not described"
        elif inner is not True:
            yield from _misfits(inner, part, where, known)


def _parts(schema: Mapping[str, Any], value: Any, place: str) -> Iterator[tuple[Any, Any, str]]:
    """Each part of a value with its schema and its place."""
    if isinstance(value, dict) and {"properties", "additionalProperties"} & schema.keys():
        for key, part in value.items():
            if "propertyNames" in schema:
                yield {"type": "string", **schema["propertyNames"]}, key, f"{place}, key"
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties", False))
            yield inner, part, f"{place}.{key}"
    if isinstance(value, list):
        first = schema.get("prefixItems", [])
        for number, part in enumerate(value):
            yield first[number] if number < len(first) else schema.get("items", True), part, f"{place}[{number}]"
