"""Make a valid example of a schema: always the same one. The description's own examples come first."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from slimmer.exercise.api.pattern import matches, text_for
from slimmer.exercise.api.schema import MOST_PARTS, Document, Endless, Node, joined, node, nodes, number_of, type_of

DEPTH = 12
"""How deep a value is nested at most."""

MOST_VALUES = 1_000
"""The most parts of one value."""

MOST_IN_ALL = 60_000
"""The most parts of all values of a document."""

MOST_ITEMS = 20
LONGEST_TEXT = 4_096
WORD = "slimmer"

FORMATS = {
    "date": "2024-01-15",
    "date-time": "2024-01-15T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "slimmer@example.com",
    "idn-email": "slimmer@example.com",
    "uuid": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "iri": "https://example.com/",
    "uri-reference": "/slimmer",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ip": "192.0.2.1",
    "ipvanyaddress": "192.0.2.1",
    "ipvanynetwork": "192.0.2.0/24",
    "ipvanyinterface": "192.0.2.1/24",
    "ipv6": "2001:db8::1",
    "byte": "c2xpbW1lcg==",
    "base64": "c2xpbW1lcg==",
    "password": "Slimmer-2024",
    "json-pointer": "/slimmer",
    "regex": "^a$",
    "phone": "+12025550123",
    "decimal": "1.5",
    "binary": WORD,
}
"""Texts of a format. The addresses are those that RFC 2606 and RFC 5737 keep for documents."""

NAMES = (
    (re.compile(r"e-?mail", re.IGNORECASE), "email"),
    (re.compile(r"(?:^|_)(?:url|uri|href|website|homepage|link)$|(?:Url|Uri)$"), "uri"),
    (re.compile(r"phone|mobile", re.IGNORECASE), "phone"),
    (re.compile(r"password", re.IGNORECASE), "password"),
    (re.compile(r"(?:^|_)(?:uuid|guid)$|(?:Uuid|Guid)$", re.IGNORECASE), "uuid"),
    (re.compile(r"(?:^|_)(?:date|birthday)$|Date$"), "date"),
    (re.compile(r"(?:_at|At|timestamp|datetime)$"), "date-time"),
)
"""Names of properties that tell their format, if their schema does not."""


class Examples:
    """Makes the examples of one document.

    With `least`, a value has only the properties that it must have. Properties that only answers have (`readOnly`) are left out.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._left, self._in_all = 0, MOST_IN_ALL
        self._least = False
        self._made_before: dict[tuple[str, str, bool], Any] = {}

    def of(self, schema: object, name: str = "", *, least: bool = False) -> Any:
        """Return a valid value. Raise Endless if there is none of a reasonable size. `name` is the property's, which may tell the format."""
        reference = node(schema).get("$ref")
        if not isinstance(reference, str) or len(node(schema)) > 1:
            return self._new(schema, name, least=least)
        key = reference, name, least  # many operations share a schema
        if key not in self._made_before:
            self._made_before[key] = self._new(schema, name, least=least)
        return self._made_before[key]

    def _new(self, schema: object, name: str, *, least: bool) -> Any:
        self._left, self._least = min(MOST_VALUES, self._in_all), least
        before = self._left
        try:
            return self._value(schema, name, 0, frozenset())
        finally:
            self._in_all -= before - self._left

    def _value(self, schema: object, name: str, depth: int, inside: frozenset[str]) -> Any:
        self._left -= 1
        if depth > DEPTH or self._left < 0:
            raise Endless
        whole, path = self._whole(schema, depth, inside)
        if not inside.isdisjoint(path):
            raise Endless
        inside |= {*path}
        found, value = _given(whole)
        is_fixed = "const" in whole or "enum" in whole
        if found and (is_fixed or not (self._least and isinstance(value, dict))):
            return value
        for choice in _choices(whole):
            try:
                return self._value(_with(whole, choice), name, depth + 1, inside)
            except Endless:
                continue
        return self._made(whole, name, depth, inside)

    def _whole(self, schema: object, depth: int, inside: frozenset[str]) -> tuple[Node, tuple[str, ...]]:
        """Return a schema with all parts of its `allOf`, and the references that lead to it."""
        whole, path = self._document.resolved(schema)
        parts = nodes(whole.get("allOf"))[:MOST_PARTS]
        if not parts:
            return whole, path
        self._left -= len(parts) + len(node(whole.get("properties")))
        if depth > DEPTH or self._left < 0 or not inside.isdisjoint(path):
            raise Endless
        own = {name: value for name, value in whole.items() if name != "allOf"}
        inner = [self._whole(part, depth + 1, inside | {*path}) for part in parts]
        return joined([*(part for part, _ in inner), own]), path

    def _made(self, schema: Node, name: str, depth: int, inside: frozenset[str]) -> Any:
        kind = type_of(schema)
        if kind == "object":
            return self._object(schema, depth, inside)
        if kind == "array":
            return self._array(schema, name, depth, inside)
        if kind in ("number", "integer"):
            return _number(schema, whole=kind == "integer")
        if kind == "boolean":
            return True
        return None if kind == "null" else _text(schema, name)

    def _object(self, schema: Node, depth: int, inside: frozenset[str]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        required = {name for name in nodes(schema.get("required")) if isinstance(name, str)}
        properties = node(schema.get("properties"))
        for name, inner in properties.items():
            if self._is_left_out(inner) or (self._least and name not in required):
                continue
            try:
                made[str(name)] = self._value(inner, str(name), depth + 1, inside)
            except Endless:
                if name in required:
                    raise
        for name in sorted(required - properties.keys()):
            made[name] = WORD
        extra = schema.get("additionalProperties")
        wanted = number_of(schema, "minProperties") or (0 if properties or self._least else 1)
        if isinstance(extra, dict) and len(made) < wanted:
            made.update(self._extra(extra, min(int(wanted) - len(made), MOST_ITEMS), depth, inside))
        return made

    def _extra(self, schema: Node, number: int, depth: int, inside: frozenset[str]) -> dict[str, Any]:
        try:
            return {f"key{n}": self._value(schema, "", depth + 1, inside) for n in range(1, number + 1)}
        except Endless:
            return {}

    def _is_left_out(self, schema: object) -> bool:
        return self._document.plain(schema).get("readOnly") is True

    def _array(self, schema: Node, name: str, depth: int, inside: frozenset[str]) -> list[Any]:
        least = int(number_of(schema, "minItems") or 0)
        if least > MOST_ITEMS:
            raise Endless
        first = nodes(schema.get("prefixItems"))[:MOST_ITEMS]
        most = number_of(schema, "maxItems")
        number = max(least, 0 if self._least or most == 0 else 1)
        try:
            made = [self._value(one, "", depth + 1, inside) for one in first]
            items = schema.get("items", {})
            values = (
                [self._value(items, name, depth + 1, inside)] * max(0, number - len(made)) if items is not False else []
            )
        except Endless:
            if least:
                raise
            return []
        choices = nodes(self._document.plain(items).get("enum")) if isinstance(items, dict) else []
        unique = schema.get("uniqueItems") is True
        return made + [_varied(value, at, choices) if unique else value for at, value in enumerate(values)]


def _given(schema: Node) -> tuple[bool, Any]:
    """Return whether the schema itself has a value, and that value."""
    for name in ("example", "x-example"):
        if name in schema:
            return True, schema[name]
    for name in ("examples", "enum"):
        if values := nodes(schema.get(name)):
            return True, next((value for value in values if value is not None), values[0])
    if "const" in schema:
        return True, schema["const"]
    if schema.get("default") not in (None, "", [], {}):  # an empty one says nothing about others
        return True, schema["default"]
    return False, None


def _choices(schema: Node) -> Iterator[Any]:
    """Yield the alternatives of a schema, null last."""
    choices = [*nodes(schema.get("oneOf")), *nodes(schema.get("anyOf"))][:MOST_PARTS]
    yield from sorted(choices, key=lambda one: type_of(node(one)) == "null")


def _with(schema: Node, choice: object) -> Node:
    """Return the schema with one of its alternatives in the place of all."""
    own = {name: value for name, value in schema.items() if name not in ("oneOf", "anyOf", "discriminator")}
    tag = node(schema.get("discriminator")).get("propertyName")
    reference = node(choice).get("$ref")
    if isinstance(tag, str) and isinstance(reference, str):
        own = {"properties": {}, **own, "allOf": [*nodes(own.get("allOf")), choice]}
        own["properties"] = {**node(own["properties"]), **_tagged(schema, tag, reference)}
        return own
    return {**own, "allOf": [*nodes(own.get("allOf")), choice]} if own else node(choice)


def _tagged(schema: Node, tag: str, reference: str) -> Node:
    """Return the property that tells which alternative it is: the mapping's name for it, or the last part of its reference."""
    names = node(node(schema.get("discriminator")).get("mapping"))
    name = next((name for name, target in names.items() if target in (reference, reference.rpartition("/")[2])), None)
    return {tag: {"const": name if name is not None else reference.rpartition("/")[2]}}


def _varied(value: Any, at: int, choices: list[Any]) -> Any:
    """Return a value for the item at this position, so that no two are equal where that is easy."""
    if at < len(choices):
        return choices[at]
    if isinstance(value, bool) or not isinstance(value, int | float | str) or not at:
        return value
    return value + at if isinstance(value, int | float) else f"{value}{at}"


def _number(schema: Node, *, whole: bool) -> float | int:
    low, high, step = _bounds(schema, "minimum"), _bounds(schema, "maximum"), number_of(schema, "multipleOf")
    value: float = 1 if whole or (low or 0) > 1 or (high is not None and high < 1.5) else 1.5
    if low is not None:
        value = max(value, low + _beyond(schema, "exclusiveMinimum", "minimum", whole=whole))
    if high is not None and value > high - (less := _beyond(schema, "exclusiveMaximum", "maximum", whole=whole)):
        value = high - less
        if low is not None and value < low:
            value = (low + high) / 2
    if step is not None and step > 0:
        value = round(math.ceil(round(value / step, 9)) * step, 9)
    return math.ceil(value) if whole else value


def _bounds(schema: Node, name: str) -> float | int | None:
    """Return a bound, whether it is itself allowed or not."""
    exclusive = number_of(schema, "exclusive" + name.capitalize())
    return exclusive if exclusive is not None else number_of(schema, name)


def _beyond(schema: Node, exclusive: str, name: str, *, whole: bool) -> float | int:
    """Return how far from its bound a value must be. Before OpenAPI 3.1, an exclusive bound is a flag beside the bound."""
    is_exclusive = number_of(schema, exclusive) is not None or (schema.get(exclusive) is True and name in schema)
    return (1 if whole else 0.5) if is_exclusive else 0


def _text(schema: Node, name: str) -> str:
    form, pattern = schema.get("format"), schema.get("pattern")
    least, most = int(number_of(schema, "minLength") or 0), number_of(schema, "maxLength")
    if least > LONGEST_TEXT:
        raise Endless
    known = FORMATS.get(form) if isinstance(form, str) else None
    text = known if known is not None else _named(name)
    if len(text) < least:
        text = text + "x" * (least - len(text))
    if most is not None and known is None:
        text = text[: max(0, int(most))]
    if not isinstance(pattern, str) or matches(pattern, text):
        return text
    made = text_for(pattern, least)
    return text if made is None else made


def _named(name: str) -> str:
    return next((FORMATS[form] for pattern, form in NAMES if pattern.search(name)), WORD)
