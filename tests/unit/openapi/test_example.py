"""Examples of schemas: they are valid, always the same, and bounded."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from slimmer.exercise.api.example import Examples
from slimmer.exercise.api.pattern import text_for
from slimmer.exercise.api.schema import Document, Endless

DEFINED: dict[str, Any] = {
    "Pet": {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}},
    "Cat": {"allOf": [{"$ref": "#/$defs/Pet"}, {"required": ["lives"], "properties": {"lives": {"type": "integer", "minimum": 9}}}]},
    "Tree": {"type": "object", "required": ["label"], "properties": {"label": {"type": "string"}, "left": {"$ref": "#/$defs/Tree"}, "all": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}},
    "a/b~c": {"const": 7},
}  # fmt: skip

VALID: dict[str, Any] = {
    "a text": {"type": "string"},
    "a long text": {"type": "string", "minLength": 30},
    "a short text": {"type": "string", "maxLength": 3},
    "a date": {"type": "string", "format": "date"},
    "an e-mail address": {"type": "string", "format": "email"},
    "an address by its name": {"type": "object", "properties": {"email": {"type": "string", "pattern": "@"}}},
    "a UUID": {"type": "string", "format": "uuid"},
    "a pattern": {"type": "string", "pattern": "^[A-Z]{2}\\d{3,5}(?:-(?:x|y))?$"},
    "a pattern and a length": {"type": "string", "pattern": "^[a-z]+$", "minLength": 8, "maxLength": 12},
    "an integer": {"type": "integer"},
    "an integer between bounds": {"type": "integer", "minimum": 15, "maximum": 120, "multipleOf": 15},
    "a number beyond bounds": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    "a negative number": {"type": "number", "maximum": -5},
    "a number of steps": {"type": "number", "multipleOf": 0.25, "minimum": 0.3},
    "a flag": {"type": "boolean"},
    "null": {"type": "null"},
    "null or a text": {"type": ["null", "string"]},
    "one of several": {"enum": ["a", "b"]},
    "a constant": {"const": {"a": 1}},
    "a list": {"type": "array", "items": {"type": "integer"}, "minItems": 3},
    "a set": {"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": True},
    "a set of choices": {"type": "array", "items": {"enum": ["x", "y", "z"]}, "minItems": 2, "uniqueItems": True},
    "a tuple": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
    "an empty list": {"type": "array", "maxItems": 0},
    "a map": {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2},
    "an unknown property": {"type": "object", "required": ["x"]},
    "no type": {"properties": {"a": {"minimum": 3}}, "required": ["a"]},
    "a reference": {"$ref": "#/$defs/Pet"},
    "an escaped reference": {"$ref": "#/$defs/a~1b~0c"},
    "parts": {"$ref": "#/$defs/Cat"},
    "a recursive one": {"$ref": "#/$defs/Tree"},
    "alternatives": {"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 4}]},
    "alternatives with more": {"properties": {"a": {"type": "integer"}}, "required": ["a", "b"], "oneOf": [{"required": ["b"], "properties": {"b": {"type": "boolean"}}}]},
    "anything": {},
    "anything at all": True,
}  # fmt: skip


def example(schema: Any, *, least: bool = False) -> Any:
    return Examples(Document({"$defs": DEFINED})).of(schema, least=least)


@pytest.mark.parametrize("least", [False, True])
@pytest.mark.parametrize("name", VALID)
def test_an_example_is_valid_and_always_the_same(name: str, least: bool) -> None:
    schema = VALID[name]
    value = example(schema, least=least)
    Draft202012Validator({"$defs": DEFINED, "allOf": [schema]}).validate(value)
    assert value == example(schema, least=least)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "example": "mine"}, "mine"),
        ({"type": "string", "examples": ["mine", "yours"]}, "mine"),
        ({"type": "integer", "default": 20}, 20),
        ({"type": "integer", "exclusiveMinimum": True, "minimum": 5}, 6),  # as OpenAPI 3.0 and Swagger 2 have it
        ({"type": "integer", "exclusiveMaximum": True, "maximum": 0}, -1),
        ({"type": "string", "nullable": True, "enum": [None, "a"]}, "a"),
        ({"type": "string", "pattern": "^[a-z_]+$", "minLength": 3}, "slimmer"),
        ({"type": "object", "properties": {"id": {"type": "integer", "readOnly": True}}}, {}),
    ],
)
def test_what_the_description_says_comes_first(schema: Any, expected: Any) -> None:
    assert example(schema) == expected


def test_the_least_has_only_what_is_required() -> None:
    schema = {
        "required": ["a"],
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "example": {"b": 2},
    }
    assert example(schema) == {"b": 2}
    assert example(schema, least=True) == {"a": 1}


@pytest.mark.parametrize("mapping", [{}, {"cat": "#/$defs/Cat"}])
def test_an_alternative_has_its_own_tag(mapping: dict[str, str]) -> None:
    schema = {"oneOf": [{"$ref": "#/$defs/Cat"}], "discriminator": {"propertyName": "kind", "mapping": mapping}}
    assert example(schema)["kind"] == ("cat" if mapping else "Cat")


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/Ring"},
        {"type": "array", "minItems": 100_000_000},
        {"type": "string", "minLength": 100_000_000},
        {"allOf": [{"$ref": "#/$defs/Self"}]},
    ],
)
def test_what_has_no_end_is_told(schema: Any) -> None:
    ring = {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#/$defs/Ring"}}}
    defined = {"Ring": ring, "Self": {"allOf": [{"$ref": "#/$defs/Self"}]}}
    with pytest.raises(Endless):
        Examples(Document({"$defs": defined})).of(schema)


def test_references_in_a_circle_stand_for_anything() -> None:
    document = Document({"$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}})
    assert isinstance(Examples(document).of({"$ref": "#/$defs/A"}), str)
    assert document.broken


def test_a_schema_that_multiplies_is_cut() -> None:
    levels = {f"L{n}": {"properties": {f"p{m}": {"$ref": f"#/$defs/L{n + 1}"} for m in range(30)}} for n in range(12)}
    examples = Examples(Document({"$defs": {**levels, "L12": {"type": "integer"}}}))
    started = time.monotonic()
    for _ in range(300):
        with suppress(Endless):
            examples.of({"$ref": "#/$defs/L0", "title": "not the same"})
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "pattern",
    [
        "^$",
        "abc",
        "a|b",
        "[^a-z]",
        r"\d{4}-\d{2}",
        r"^\+?[1-9]\d{1,14}$",
        "^(red|green)$",
        ".{3}",
        r"\w+@\w+\.com",
        "^[\\w.-]{2,}$",
        r"^\S+$",
    ],
)
def test_a_text_matches_its_pattern(pattern: str) -> None:
    text = text_for(pattern)
    assert text is not None and re.search(pattern, text)


@pytest.mark.parametrize("pattern", ["(", r"(?=a)b", r"(a)\1", "a{900}", r"\p{L}+", "(" * 300, "x" * 300])
def test_other_patterns_are_not_simple(pattern: str) -> None:
    assert text_for(pattern) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 1000) | st.sampled_from(["object", "array", "string", "integer", "a", "#/$defs/Tree", "^a+$"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["type", "properties", "items", "required", "allOf", "oneOf", "enum", "minimum", "maximum", "multipleOf", "minLength", "pattern", "$ref", "additionalProperties", "minItems", "uniqueItems", "discriminator", "propertyName", "default", "format", "x"]), inner, max_size=5),
    max_leaves=30,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_any_schema_has_an_example_or_none(schema: Any) -> None:
    with suppress(Endless):
        example(schema)
