"""The schemas of a description (JSON Schema, and its dialects in OpenAPI 3 and Swagger 2), with references resolved and parts joined.

Nothing is fetched. A reference to another document, or to nothing, stands for any value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

Node = dict[str, Any]

MOST_HOPS = 32
"""The most references in a row."""

MOST_PARTS = 64
"""The most parts of one `allOf`."""

_TYPES = {
    "object": ("properties", "additionalProperties", "required", "minProperties", "maxProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    "string": ("pattern", "minLength", "maxLength", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
"""The keywords that tell the type of a schema that has none."""


class Endless(Exception):
    """A value that must contain a value of its own kind, without an end; or one that is too large."""


class Document:
    """A parsed description. It counts the references that lead out of it (`external`), and those that lead nowhere (`broken`)."""

    def __init__(self, root: object) -> None:
        self.root = node(root)
        self.external: set[str] = set()
        self.broken: set[str] = set()

    def resolved(self, value: object) -> tuple[Node, tuple[str, ...]]:
        """Return what a part of the document refers to in the end, and the references that led there."""
        found, path = node(value), list[str]()
        while isinstance(reference := found.get("$ref"), str):
            if reference in path or len(path) >= MOST_HOPS:
                self.broken.add(reference)
                return {}, tuple(path)
            path.append(reference)
            target = self._target(reference)
            if len(found) > 1:  # OpenAPI 3.1 allows others beside it
                target = {**target, **{name: one for name, one in found.items() if name != "$ref"}}
            found = target
        return found, tuple(path)

    def plain(self, value: object) -> Node:
        """Return what a part of the document refers to in the end."""
        return self.resolved(value)[0]

    def _target(self, reference: str) -> Node:
        document, _, pointer = reference.partition("#")
        if document:
            self.external.add(document)
            return {}
        found: object = self.root
        for key in pointer.split("/")[1:]:
            key = unquote(key).replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and key.isascii() and key.isdigit() and len(key) < 10:
                found = found[int(key)] if int(key) < len(found) else None
            else:
                found = node(found).get(key)
        if not isinstance(found, dict):
            self.broken.add(reference)
        return node(found)


def node(value: object) -> Node:
    """Return a mapping as it is, and {} for anything else."""
    return value if isinstance(value, dict) else {}


def nodes(value: object) -> list[Any]:
    """Return a list as it is, and [] for anything else."""
    return value if isinstance(value, list) else []


def type_of(schema: Node) -> str:
    """Return the type of a schema's values, "" for any. Of several, the first that is not null."""
    given = schema.get("type")
    names = [name for name in (nodes(given) or [given]) if isinstance(name, str)]
    for name in names:
        if name != "null":
            return name
    if names:
        return "null"
    return next((name for name, keywords in _TYPES.items() if any(key in schema for key in keywords)), "")


def joined(parts: Iterable[Node]) -> Node:
    """Return one schema for all parts of an `allOf`. Properties and required names add up; of other keywords, the last counts."""
    whole: Node = {}
    properties: Node = {}
    required: list[Any] = []
    for part in parts:
        whole.update(part)
        properties.update(node(part.get("properties")))
        required += nodes(part.get("required"))
    return {
        **whole,
        **({"properties": properties} if properties else {}),
        **({"required": required} if required else {}),
    }


def number_of(schema: Mapping[str, Any], name: str) -> float | int | None:
    """Return the value of a keyword if it is a number of ordinary size."""
    value = schema.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < 1e18 else None
