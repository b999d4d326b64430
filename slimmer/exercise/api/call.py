"""Make requests of operations: a valid one with all parts, one with only the parts that it must have, and an invalid one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from slimmer.exercise.api.operation import Body, Operation, Parameter
from slimmer.exercise.api.order import Use
from slimmer.exercise.api.parameter import text_of
from slimmer.exercise.draft import HEADER_VALUE, JSON, Content, Draft, Part, Placeholder
from slimmer.exercise.request import Request

SOURCE = "openapi"

ACCEPT = ("Accept", "application/json, */*;q=0.8")
"""IDs are looked for in JSON."""

DEPTH = 6

PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c02"
    "0000000b4944415478da6364f80f00010501012718e3660000000049454e44ae426082"
)
"""A PNG of one pixel (ISO/IEC 15948)."""

FILES = {
    "text/csv": (b"name,number\nslimmer,1\n", "slimmer.csv"),
    "application/json": (b'{"name": "slimmer"}', "slimmer.json"),
    "application/octet-stream": (b"slimmer\n", "slimmer.bin"),
}


@dataclass(frozen=True, slots=True)
class Known:
    """What stands for an ID in a draft: `text`, such as `${items_id}`. `is_whole`: it is the whole path of the thing."""

    text: str
    is_whole: bool = False


Values = Mapping[Use, Known]


def request_of(operation: Operation, values: Values, token: str = "", *, least: bool = False) -> Request:
    """Return a valid call. `values` has the IDs that are known. With `least`, only what the operation must have is sent.

    `token`: the bearer token to send, as a place for a value; "" for none.
    """
    given = tuple(one for one in operation.parameters if one.required or (not least and one.place != "cookie"))
    body = next((one for one in operation.body if one.required or not least), None)
    content = _content(body, body.least if least else body.full, values) if body else None
    return _request(operation, given, values, body, content, token)


def wrong_request(operation: Operation, values: Values, token: str = "") -> Request | None:
    """Return an invalid call, or one for something that is not there. None if there is nothing that could be wrong."""
    given = tuple(one for one in operation.parameters if one.required)
    body = next(iter(operation.body), None)
    if body is not None and body.wrong:
        return _request(operation, given, values, body, _content(body, body.wrong, {}), token)
    content = _content(body, body.least, values) if body else None
    places = [one for one in operation.parameters if one.place == "path" and one.wrong][-1:]
    queries = sorted((one for one in operation.parameters if one.place == "query"), key=lambda one: not one.required)
    wrong = next((one for one in (*places, *queries) if one.wrong), None)
    if wrong is not None:
        others = tuple(one for one in given if one is not wrong)
        bad = Parameter(
            wrong.name, wrong.place, True, ((wrong.pairs[0][0] if wrong.pairs else wrong.name, wrong.wrong),)
        )
        kept = {use: known for use, known in values.items() if use.name != wrong.name and not known.is_whole}
        return _request(operation, (*others, bad), kept, body, content, token)
    if missing := next((one for one in queries if one.required), None):
        return _request(operation, tuple(one for one in given if one is not missing), values, body, content, token)
    return None


def _request(
    operation: Operation,
    given: Iterable[Parameter],
    values: Values,
    body: Body | None,
    content: Content | None,
    token: str,
) -> Request:
    given = tuple(given)
    headers = [ACCEPT, *_headers(given), *_cookies(given), *(_media(body) if body else ())]
    path, query = _path(operation.path, given, values), _query(given, values)
    url = path + ("&" if "?" in path else "?") * bool(query) + query
    draft = Draft(operation.method, url, tuple(headers), content, ("bearer", token) if token else ())
    names = {name for name, _ in draft.names()}
    path, parts, data = draft.parts({name: Placeholder(f"${{{name}}}") for name in names})
    return Request(operation.method, path, parts, data, source=SOURCE, draft=draft if names else None)


def _path(template: str, given: Iterable[Parameter], values: Values) -> str:
    """Return the path with all parameters filled in."""
    known = {use.name: value for use, value in values.items() if use.place == "path"}
    texts = {one.name: one.pairs[0][1] if one.pairs else "" for one in given if one.place == "path"}
    path = template
    for name, text in texts.items():
        place = f"{{{name}}}"
        value = known.get(name)
        if value is not None and value.is_whole and f"/{place}" in path:
            path = value.text + path.partition(place)[2]
        else:
            path = path.replace(
                place, value.text if value and not value.is_whole else quote(text, safe="") or "slimmer"
            )
    return path


def _query(given: Iterable[Parameter], values: Values) -> str:
    known = {use.name: value for use, value in values.items() if use.place == "query" and not value.is_whole}
    pairs = [
        f"{quote_plus(name)}={known[one.name].text if one.name in known else quote_plus(text)}"
        for one in given
        if one.place == "query"
        for name, text in one.pairs
    ]
    return "&".join(pairs)


def _headers(given: Iterable[Parameter]) -> Iterator[tuple[str, str]]:
    for one in given:
        for name, text in one.pairs if one.place == "header" else ():
            if HEADER_VALUE.fullmatch(text):
                yield name, _escaped(text)


def _cookies(given: Iterable[Parameter]) -> Iterator[tuple[str, str]]:
    pairs = [f"{name}={quote(text)}" for one in given if one.place == "cookie" for name, text in one.pairs]
    if pairs:
        yield "Cookie", "; ".join(pairs)


def _media(body: Body) -> Iterator[tuple[str, str]]:
    """Yield the Content-Type, if it is not the one that a draft adds itself."""
    adds = body.kind in ("form", "multipart") or body.media == JSON
    if not adds and HEADER_VALUE.fullmatch(body.media):
        yield "Content-Type", body.media


def _escaped(text: str) -> str:
    """Return a text in which nothing is a place for a value."""
    return text.replace("${", "$${")


def _content(body: Body, text: str, values: Values) -> Content:
    value = json.loads(text)
    if body.kind == "file":
        return Content("file", data=_file(body.media)[0])
    if body.kind == "body":
        return Content("body", text_of(value))
    known = {use.name: one.text for use, one in values.items() if use.place == "body" and not one.is_whole}
    if body.kind == "json":
        return Content("json", json.dumps(_filled(value, known, DEPTH), ensure_ascii=False))
    pairs = list(value.items()) if isinstance(value, dict) else []
    several = [(name, one) for name, inner in pairs for one in (inner if isinstance(inner, list) else [inner])]
    if body.kind == "form":
        return Content("form", fields=tuple((name, known.get(name) or _escaped(text_of(one))) for name, one in several))
    files = dict(body.files)
    return Content("multipart", parts=tuple(_part(name, one, files.get(name), known) for name, one in several))


def _part(name: str, value: object, media: str | None, known: Mapping[str, str]) -> Part:
    if media is None:
        return Part(name, known.get(name) or _escaped(text_of(value)))
    data, file_name = _file(media)
    return Part(name, "", data, file_name, media if HEADER_VALUE.fullmatch(media) else "")


def _file(media: str) -> tuple[bytes, str]:
    """Return the contents and the name of a file of this media type."""
    if media.startswith("image/"):
        return PICTURE, "slimmer.png"
    return FILES.get(media, (b"slimmer\n", "slimmer.txt"))


def _filled(value: object, known: Mapping[str, str], depth: int) -> object:
    """Return a JSON value with the known IDs in their places, and with all other texts escaped."""
    if isinstance(value, dict):
        return {name: _member(one, known.get(name) if depth else None, known, depth) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, known, depth - 1) for one in value]
    return _escaped(value) if isinstance(value, str) else value


def _member(value: object, text: str | None, known: Mapping[str, str], depth: int) -> object:
    if text is not None and not isinstance(value, dict | list):
        return int(text) if isinstance(value, int) and text.isdecimal() else text
    if text is not None and isinstance(value, list) and value and not isinstance(value[0], dict | list):
        return [text]
    return _filled(value, known, depth - 1)
