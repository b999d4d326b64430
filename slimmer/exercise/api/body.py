"""The bodies that an operation takes, with examples: `requestBody` of OpenAPI 3, and parameters in `body` and `formData` of Swagger 2."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from slimmer.exercise.api.example import Examples
from slimmer.exercise.api.operation import Body
from slimmer.exercise.api.parameter import own_example
from slimmer.exercise.api.schema import Document, Endless, Node, node, nodes, type_of

LONGEST = 1 << 18
"""The most characters of an example."""

FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
KINDS = ("json", "form", "multipart", "body", "file")
"""The kinds of bodies, those first that say most about their values."""

PICTURE = ("image", "picture", "photo", "avatar", "logo", "icon", "thumbnail")
"""Words in the names of files that tell a picture."""


def bodies(document: Document, examples: Examples, shared: Node, own: Node, *, old: bool) -> Iterator[Body]:
    """Yield the bodies, the one to send first. Raise Endless, or LookupError with the media types if none of them can be made."""
    content, required = _old_content(document, shared, own) if old else _content(document, own)
    given = sorted(((kind_of(media), media) for media in content), key=lambda pair: KINDS.index(pair[0] or KINDS[-1]))
    known = [(kind, media) for kind, media in given if kind]
    if content and not known and required:
        raise LookupError(", ".join(sorted(content)))
    for kind, media in known:
        yield _body(document, examples, kind, media, node(content[media]), required=required)


def kind_of(media: str) -> str:
    """Return the kind of a body of this media type; "" if slimmer makes none."""
    name = media.partition(";")[0].strip().lower()
    if name in ("application/json", "*/*", "application/*") or name.endswith("+json"):
        return "json"
    if name in (FORM, MULTIPART):
        return "form" if name == FORM else "multipart"
    if name.startswith("text/"):
        return "body"
    return "file" if name == "application/octet-stream" or name.startswith("image/") else ""


def _content(document: Document, own: Node) -> tuple[Node, bool]:
    body = document.plain(own.get("requestBody"))
    return node(body.get("content")), body.get("required") is True


def _old_content(document: Document, shared: Node, own: Node) -> tuple[Node, bool]:
    """Return the bodies of Swagger 2 as OpenAPI 3 has them."""
    given = [document.plain(one) for one in (*nodes(shared.get("parameters")), *nodes(own.get("parameters")))]
    types = nodes(own.get("consumes")) or nodes(document.root.get("consumes"))
    consumed = [media for media in types if isinstance(media, str)]
    for one in given:
        if one.get("in") == "body":
            media = consumed or ["application/json"]
            return {name: {"schema": one.get("schema", {})} for name in media}, one.get("required") is True
    fields = {str(one.get("name")): one for one in given if one.get("in") == "formData"}
    if not fields:
        return {}, False
    required = [name for name, one in fields.items() if one.get("required") is True]
    properties = {name: _old_field(one) for name, one in fields.items()}
    is_file = any(one.get("type") == "file" for one in fields.values())
    chosen = MULTIPART if is_file or (MULTIPART in consumed and FORM not in consumed) else FORM
    return {chosen: {"schema": {"type": "object", "properties": properties, "required": required}}}, bool(required)


def _old_field(given: Node) -> Node:
    field = {name: value for name, value in given.items() if name not in ("required", "in", "name")}
    return {**field, "type": "string", "format": "binary"} if given.get("type") == "file" else field


def _body(document: Document, examples: Examples, kind: str, media: str, content: Node, *, required: bool) -> Body:
    schema, own = content.get("schema", {}), own_example(document, content)
    full = _json(examples.of(schema) if own is None else own)
    try:
        least = _json(examples.of(schema, least=True))
    except Endless:
        least = full
    files = tuple(_files(document, schema, node(content.get("encoding")))) if kind == "multipart" else ()
    sent = "application/json" if "*" in media else media
    return Body(kind, sent, required, full, least, _wrong(kind, least), files)


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > LONGEST:
        raise Endless
    return text


def _wrong(kind: str, least: str) -> str:
    """Return a body that is not valid: without what it must have, or of another type. "" if anything is valid."""
    if kind in ("body", "file"):
        return ""
    value = json.loads(least)
    if isinstance(value, dict):
        return "{}" if value else ("[]" if kind == "json" else "")
    return "{}"


def _files(document: Document, schema: object, encoding: Node) -> Iterator[tuple[str, str]]:
    """Yield the properties that are files, with their media types."""
    whole = document.plain(schema)
    parts = [whole, *(document.plain(part) for part in nodes(whole.get("allOf")))]
    for part in parts:
        for name, inner in node(part.get("properties")).items():
            one = document.plain(inner)
            one = document.plain(one.get("items")) if type_of(one) == "array" else one
            media = node(encoding.get(name)).get("contentType") or one.get("contentMediaType")
            if one.get("format") == "binary" or "contentMediaType" in one:
                yield name, _media(name, media.partition(",")[0].strip() if isinstance(media, str) else "")


def _media(name: str, given: str) -> str:
    """Return the media type of a file: the description's, or what its name tells if that says nothing."""
    if given not in ("", "*/*", "application/octet-stream"):
        return given
    return "image/png" if any(word in name.lower() for word in PICTURE) else given or "text/plain"
