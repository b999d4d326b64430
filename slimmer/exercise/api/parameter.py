"""The parameters of an operation, with examples written as their style says (OpenAPI 3, "Style Values"; Swagger 2, `collectionFormat`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from slimmer.exercise.api.example import Examples
from slimmer.exercise.api.operation import Parameter
from slimmer.exercise.api.schema import Document, Endless, Node, node, nodes, type_of

PLACES = ("path", "query", "header", "cookie")
MOST = 100
LONGEST = 2_000
"""The most characters of a text."""

NOT_GIVEN = re.compile(
    r"(?:accept(?:-.*)?|content-.*|authorization|cookie|host|connection|transfer-encoding|te|trailer|upgrade|expect|range|if-.*)",
    re.IGNORECASE,
)
"""Headers that are the client's, or that make the app answer less. OpenAPI ignores the first three as parameters."""

NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
"""A name of a header or a cookie (RFC 9110, section 5.6.2)."""

_SEPARATORS = {"ssv": " ", "tsv": "\t", "pipes": "|", "spaceDelimited": " ", "pipeDelimited": "|"}
_NOT_THERE = {"integer": "2147480000", "number": "2147480000", "string": "slimmer-none", "": "slimmer-none"}
"""The ID of something that does not exist, by type."""

_NO_UUID = "00000000-0000-4000-8000-000000000000"
_UNFIT = {"integer": "slimmer", "number": "slimmer", "boolean": "slimmer", "array": "", "object": ""}


def parameters(document: Document, examples: Examples, shared: Node, own: Node) -> Iterator[Parameter]:
    """Yield the parameters of an operation, and those of its path that it does not replace. Raise Endless if one that it needs has no example."""
    given = [
        document.plain(one) for one in (*nodes(shared.get("parameters")), *nodes(own.get("parameters")))[: 2 * MOST]
    ]
    known = {(str(one.get("in")), one.get("name")): one for one in given if isinstance(one.get("name"), str)}
    for (place, name), one in list(known.items())[:MOST]:
        if place in PLACES and _is_sent(place, str(name)):
            required = one.get("required") is True or place == "path"
            try:
                yield _parameter(document, examples, one, str(name), place, required=required)
            except Endless:
                if required:
                    raise


def _is_sent(place: str, name: str) -> bool:
    return place in ("path", "query") or bool(
        NAME.fullmatch(name) and not (place == "header" and NOT_GIVEN.fullmatch(name))
    )


def _parameter(
    document: Document, examples: Examples, given: Node, name: str, place: str, *, required: bool
) -> Parameter:
    schema, value = _example(document, examples, given, name)
    texts = _written(value, given, name, place)
    if sum(len(text) for _, text in texts) > LONGEST:
        raise Endless
    return Parameter(name, place, required, tuple(texts), _wrong(document.plain(schema), place))


def _example(document: Document, examples: Examples, given: Node, name: str) -> tuple[object, Any]:
    """Return the schema of a parameter, and an example: its own, or one that is made."""
    content = node(given.get("content"))
    media = node(next(iter(content.values()), None))
    schema = media.get("schema", given.get("schema", given if "type" in given else {}))
    value = own_example(document, given, media)
    made = examples.of(schema, name) if value is None else value
    return schema, json.dumps(made, ensure_ascii=False) if content else made


def own_example(document: Document, *places: Node) -> Any:
    """Return an example that a parameter or a body has beside its schema; None if it has none."""
    for place in places:
        if place.get("example") is not None:
            return place["example"]
        for one in list(node(place.get("examples")).values())[:1]:
            value = document.plain(one).get("value")
            if value is not None:
                return value
    return None


def _written(value: Any, given: Node, name: str, place: str) -> list[tuple[str, str]]:
    form, style = given.get("collectionFormat"), given.get("style")
    if isinstance(value, list):
        explode = form == "multi" if "type" in given else given.get("explode", style in (None, "form"))
        if place == "query" and explode:
            return [(name, text_of(one)) for one in value]
        return [(name, _SEPARATORS.get(str(form or style), ",").join(map(text_of, value)))]
    if isinstance(value, dict):
        if place == "query" and style == "deepObject":
            return [(f"{name}[{key}]", text_of(one)) for key, one in value.items()]
        if place == "query" and given.get("explode", True) is not False:
            return [(str(key), text_of(one)) for key, one in value.items()]
        return [(name, ",".join(text_of(part) for pair in value.items() for part in pair))]
    return [(name, text_of(value))]


def text_of(value: Any) -> str:
    """Return a value as a form or a URL has it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _wrong(schema: Node, place: str) -> str:
    """Return a text that leads to no thing (in a path), or that is not of the parameter's type."""
    kind = type_of(schema)
    if place == "path":
        return _NO_UUID if schema.get("format") == "uuid" else _NOT_THERE.get(kind, "slimmer-none")
    if place != "query":
        return ""
    if nodes(schema.get("enum")) or schema.get("format") in ("date", "date-time", "uuid"):
        return "slimmer-none"
    return _UNFIT.get(kind, "")
