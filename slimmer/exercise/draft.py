"""A request whose texts have places for values, `${NAME}`. The values come from the environment, or from earlier answers.

A value is encoded for its place: quoted in a path, escaped in JSON, percent-encoded in a form.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode, urlsplit

PLACE = r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}"
VARIABLE = re.compile(rf"(?<!\$){PLACE}")
MAYBE_ESCAPED = re.compile(rf"\$?{PLACE}")
URL_CHARACTERS = "/?:@!$&'()*+,;=-._~%[]"
HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
WITH_BODY = ("POST", "PUT", "PATCH")
"""Methods that send Content-Length even without a body (RFC 9110, section 8.6)."""

JSON, FORM, TEXT = "application/json", "application/x-www-form-urlencoded", "text/plain; charset=utf-8"
BOUNDARY = "slimmer-4f6b1c7e9a2d8035"
"""The boundary of multipart bodies. It is always the same, so that a body is."""

Values = Mapping[str, object]
"""Values by name: texts, and what JSON has. A text is put in as it is, anything else as JSON writes it."""


class Fault(Exception):
    """What is wrong with a request, and the keys and positions that lead to it in its entry. The caller knows where the entry is."""

    def __init__(self, text: str, *keys: str | int) -> None:
        super().__init__(text)
        self.text = text
        self.keys = keys

    def __str__(self) -> str:
        names = [key for key in self.keys if isinstance(key, str)]
        return f"`{': '.join(names)}` {self.text}" if names else self.text


class Unset(Fault):
    """There is no value for a name."""


class Placeholder(str):
    """A value that is not known yet: `${NAME}`. It is put in as it is, whatever the place."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a multipart body: a text, which may have places for values, or a file's contents."""

    name: str
    text: str = ""
    content: bytes | None = None
    file_name: str = ""
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """A body before its values are known. `kind` is the key of the probe file: json, form, body, file or multipart.

    `text`: the JSON document or the text. `fields`: the names and values of a form. `data`: the contents of a file.
    """

    kind: str
    text: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    parts: tuple[Part, ...] = ()
    data: bytes = b""

    def texts(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each text that may have places for values, with the keys that lead to it."""
        texts = _strings(json.loads(self.text)) if self.kind == "json" else [self.text]
        yield from ((text, (self.kind,)) for text in texts)
        yield from ((value, (self.kind, name)) for name, value in self.fields)
        yield from ((part.text, (self.kind, part.name)) for part in self.parts)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one)


@dataclass(frozen=True, slots=True)
class Draft:
    """A request with places for values. `auth` is ("basic", USER, PASSWORD), ("bearer", TOKEN) or ().

    `values` are those from the environment, which are known when the probe file is read.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    content: Content | None = None
    auth: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def texts(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each text that may have places for values, with the keys that lead to it."""
        yield self.path, ("path",)
        for name, value in self.headers:
            yield value, ("headers", name)
        for word in self.auth[1:]:
            yield word, ("auth", self.auth[0])
        if self.content is not None:
            yield from self.content.texts()

    def names(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the names whose values are needed, each with the keys that lead to its place."""
        for text, keys in self.texts():
            for name in VARIABLE.findall(text):
                yield name, keys

    @property
    def shown_path(self) -> str:
        """The path with `${NAME}` in the places of all values, for people and reports."""
        return _path(self.path, {name: Placeholder(f"${{{name}}}") for name in VARIABLE.findall(self.path)})

    def parts(self, values: Values) -> tuple[str, tuple[tuple[str, str], ...], bytes | None]:
        """Return the path, the headers and the body with the values put in. Raise Fault if a value is missing or does not fit."""
        known = {**dict(self.values), **values}
        path = _path(self.path, known)
        headers = [(name, _header(name, value, known)) for name, value in self.headers]
        headers += [("Authorization", value) for value in _authorization(self.auth, known)]
        body, content_type = _encoded(self.content, known, values) if self.content else (None, "")
        if content_type and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", content_type))
        if body is None and self.method in WITH_BODY:
            body = b""
        return path, tuple(headers), body


def _path(text: str, values: Values) -> str:
    """Return the path, percent-encoded. A value that is a whole URL, as in a Location header, stands for its path and query."""
    filled = _filled(text.partition("#")[0], values, "path", literal=quoted, value=_local)
    if not filled.startswith(("/", "${")) and filled != "*":
        raise Fault("does not begin with a slash once its values are put in", "path")
    return filled


def quoted(text: str) -> str:
    """Return a path with all that a URL cannot have percent-encoded."""
    return quote(text, safe=URL_CHARACTERS)


def _local(text: str) -> str:
    """Return a value as a part of a path."""
    if re.match(r"https?://", text):
        url = urlsplit(text)
        text = (url.path or "/") + (f"?{url.query}" if url.query else "")
    return quoted(text.partition("#")[0])


def _header(name: str, text: str, values: Values) -> str:
    filled = _filled(text, values, "headers", name)
    if not HEADER_VALUE.fullmatch(filled):
        raise Fault("has a control character or a line break", "headers", name)
    return filled.strip()


def _authorization(auth: tuple[str, ...], values: Values) -> Iterator[str]:
    words = [_filled(word, values, "auth", auth[0]) for word in auth[1:]]
    if words and auth[0] == "basic":
        yield f"Basic {base64.b64encode(':'.join(words).encode()).decode()}"
    elif words:
        if not HEADER_VALUE.fullmatch(words[0]):
            raise Fault("has a control character or a line break", "auth", "bearer")
        yield f"Bearer {words[0].strip()}"


def _encoded(content: Content, values: Values, captured: Values) -> tuple[bytes, str]:
    """Return a body and its content type; "" for a file, which is sent as it is."""
    if content.kind == "json":
        return _json(json.loads(content.text), values).encode(), JSON
    if content.kind == "form":
        return _form(content, values), FORM
    if content.kind == "body":
        return _body(content.text, captured).encode(), TEXT
    if content.kind == "multipart":
        return _multipart(content, values)
    return content.data, ""


def _body(text: str, captured: Values) -> str:
    """Put captured values into a text. Other names stay, because the text may be a script or a template."""

    def found(match: re.Match[str]) -> str:
        if match[1] not in captured:
            return match[0]
        return match[0][1:] if match[0].startswith("$$") else as_text(captured[match[1]])

    return MAYBE_ESCAPED.sub(found, text)


def _json(value: object, values: Values) -> str:
    return json.dumps(_filled_deep(value, values), ensure_ascii=False, allow_nan=False)


def _filled_deep(value: object, values: Values) -> object:
    if isinstance(value, str):
        alone = VARIABLE.fullmatch(value)
        if alone and not isinstance(values.get(alone[1], ""), str):
            return values[alone[1]]  # a number that was captured stays one
        return _filled(value, values, "json")
    if isinstance(value, list):
        return [_filled_deep(one, values) for one in value]
    if isinstance(value, dict):
        return {key: _filled_deep(one, values) for key, one in value.items()}
    return value


def _form(content: Content, values: Values) -> bytes:
    return urlencode([(name, _filled(text, values, "form", name)) for name, text in content.fields]).encode()


def _multipart(content: Content, values: Values) -> tuple[bytes, str]:
    """Return a multipart body (RFC 7578), and its content type with the boundary."""
    import httpx

    parts = [(part, _data(part, values)) for part in content.parts]
    boundary = BOUNDARY
    while any(boundary.encode() in data for _, data in parts):
        boundary += "-"
    content_type = f"multipart/form-data; boundary={boundary}"
    files = [(part.name, (part.file_name or None, data, part.content_type or None)) for part, data in parts]
    made = httpx.Request("POST", "http://localhost/", files=files, headers={"content-type": content_type})
    return made.read(), content_type


def _data(part: Part, values: Values) -> bytes:
    return part.content if part.content is not None else _filled(part.text, values, "multipart", part.name).encode()


def _same(text: str) -> str:
    return text


def _filled(
    text: str,
    values: Values,
    *keys: str,
    literal: Callable[[str], str] = _same,
    value: Callable[[str], str] = _same,
) -> str:
    """Replace `${NAME}` by its value. `$${NAME}` becomes `${NAME}`. Raise Unset, with the keys."""

    def found(name: str) -> str:
        if name not in values:
            raise Unset(f"needs `${{{name}}}`, which has no value", *keys)
        one = values[name]
        return one if isinstance(one, Placeholder) else value(as_text(one))

    pieces = VARIABLE.split(text)
    pieces[::2] = (literal(piece.replace("$${", "${")) for piece in pieces[::2])
    pieces[1::2] = map(found, pieces[1::2])
    return "".join(pieces)


def as_text(value: object) -> str:
    """Return a value as it is put into a text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
