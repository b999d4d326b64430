"""Make requests from an entry of a probe file. A Fault names the keys; the caller adds the file and the entry."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from msgspec import UNSET

from slimmer.exercise.capture import Capture, check_pattern
from slimmer.exercise.draft import HEADER_VALUE, VARIABLE, Content, Draft, Fault, Part, Placeholder
from slimmer.exercise.exchange import Exchange, Kind, Step
from slimmer.exercise.media_type import normal_media_type
from slimmer.exercise.origin import Origin
from slimmer.exercise.probe_format import (
    BODY_KEYS,
    Auth,
    Entry,
    Expected,
    FilePart,
    Hex,
    Source,
    TcpEntry,
    Text,
    UdpEntry,
    UnixEntry,
    WebSocketEntry,
    socket_fault,
)
from slimmer.exercise.probe_format import Mapping as AnyEntry
from slimmer.exercise.probe_format import Step as StepEntry
from slimmer.exercise.request import Ask, Expectation, Request

SENT_BODY_LIMIT = 64 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry is written, and what is known there: the names that `earlier` entries capture, and those that any entry does.

    `unix_socket` is that of the file, for entries that say nothing else.
    Without `environment`, a name that no entry captures stays without a value. Such requests can be checked, but not sent.
    """

    folder: Path
    origin: Origin
    earlier: frozenset[str] = frozenset()
    captured: frozenset[str] = frozenset()
    unix_socket: str = ""
    environment: bool = True


def asks_from_entry(entry: AnyEntry, place: Place) -> Iterator[Ask]:
    """Return the requests of an entry, one or as many as `repeat` says, or its exchange. Raise Fault."""
    if isinstance(entry, Entry):
        request = _request(entry, place)
        return (replace(request) for _ in range(entry.repeat))
    if isinstance(entry, WebSocketEntry):
        return iter([_websocket(entry, place)])
    if isinstance(entry, UnixEntry):
        path = _socket(None, entry.unix_socket, place)
        if not path:
            raise Fault("needs `unix_socket`, the path of the socket in the container")
        return iter([Exchange(Kind.UNIX, _steps(entry.unix), unix_socket=path, origin=place.origin)])
    assert isinstance(entry, TcpEntry | UdpEntry)
    kind, steps = (Kind.TCP, entry.tcp) if isinstance(entry, TcpEntry) else (Kind.UDP, entry.udp)
    return iter([Exchange(kind, _steps(steps), port=entry.port, origin=place.origin)])


def _websocket(entry: WebSocketEntry, place: Place) -> Exchange:
    handshake = Entry(
        path=entry.path, headers=entry.headers, auth=entry.auth, port=entry.port, unix_socket=entry.unix_socket
    )
    request, steps = _request(handshake, place), _steps(entry.websocket)
    return Exchange(
        Kind.WEBSOCKET,
        steps,
        request.path,
        request.headers,
        entry.port,
        request.unix_socket,
        origin=place.origin,
        draft=request.draft,
        secrets=request.secrets,
    )


def _socket(port: int | None, own: str | None, place: Place) -> str:
    """Return the Unix socket of an entry, its own or that of the file; "" if it has none. Raise Fault."""
    if own is None:
        return place.unix_socket if port is None else ""
    if port is not None:
        raise Fault("and `port` contradict each other", "unix_socket")
    if fault := socket_fault(own):
        raise Fault(fault, "unix_socket")
    return own


def _steps(steps: Iterable[StepEntry]) -> tuple[Step, ...]:
    return tuple(_step(number, step) for number, step in enumerate(steps))


def _step(number: int, step: StepEntry) -> Step:
    if (step.send is UNSET) == (step.expect is UNSET):
        raise Fault(f"step {number + 1} has one key, `send` or `expect`")
    value, expected = (step.expect, True) if step.send is UNSET else (step.send, False)
    if isinstance(value, Hex):
        return Step(bytes.fromhex(value.hex), expected, binary=True)
    return Step(str(value).encode(), expected)


def _request(entry: Entry, place: Place) -> Request:
    headers = entry.headers or {}
    content, auth = _content(entry, place.folder), _auth(entry.auth, headers)
    draft = Draft(_method(entry.method), entry.path, tuple(_headers(headers)), content, auth)
    captured, values = _captured(draft, place), dict(_environment(draft, place))
    draft = replace(draft, values=tuple(values.items()))
    return _completed(draft, captured, entry, place)


def _completed(draft: Draft, captured: frozenset[str], entry: Entry, place: Place) -> Request:
    _, headers, body = draft.parts({name: Placeholder(f"${{{name}}}") for name in captured})
    if len(body or b"") > SENT_BODY_LIMIT:
        raise Fault(f"is larger than {SENT_BODY_LIMIT >> 20} MB", draft.content.kind if draft.content else "")
    return Request(
        draft.method,
        draft.shown_path,
        headers,
        body,
        port=entry.port,
        unix_socket=_socket(entry.port, entry.unix_socket, place),
        expect=_expectation(entry.expect),
        captures=tuple(_captures(entry.capture or {})),
        http=entry.http,
        origin=place.origin,
        draft=draft if captured or VARIABLE.search(draft.path) else None,
        secrets=(*(value for _, value in draft.values), *draft.auth[1:]),
    )


# ---------------------------------------------------------------------- values


def _captured(draft: Draft, place: Place) -> frozenset[str]:
    """Return the names of the values that come from earlier answers, or stay unknown."""
    for name, keys in draft.names():
        if name in place.captured and name not in place.earlier:
            raise Fault(f"needs `${{{name}}}`, which no earlier request captures", *keys)
    names = frozenset(name for name, _ in draft.names())
    return names & place.earlier if place.environment else names


def _environment(draft: Draft, place: Place) -> Iterator[tuple[str, str]]:
    """Yield the values of the other names, so that the file needs no secrets. A `body` is a text of its own, and has none."""
    for name, keys in draft.names() if place.environment else ():
        if name in place.earlier or keys == ("body",):
            continue
        if name not in os.environ:
            raise Fault(
                f"needs `${{{name}}}`, but the environment has no variable {name}, and no earlier request captures it "
                f"(for a literal ${{{name}}}, write $${{{name}}})",
                *keys,
            )
        if not is_utf8(os.environ[name]):
            raise Fault(f"needs the environment variable {name}, which is not UTF-8", *keys)
        yield name, os.environ[name]


# ---------------------------------------------------------------------- parts


def _method(text: str) -> str:
    if text.upper() == "CONNECT":
        raise Fault("cannot be CONNECT", "method")
    return text.upper()


def _headers(given: Mapping[str, Text | list[Text]]) -> Iterator[tuple[str, str]]:
    for name, value in _pairs(given):
        if not HEADER_VALUE.fullmatch(value):
            raise Fault("has a control character or a line break", "headers", name)
        yield name, value


def _auth(auth: Auth | None, headers: Iterable[str]) -> tuple[str, ...]:
    if auth is None:
        return ()
    if (auth.basic is UNSET) == (auth.bearer is UNSET):
        raise Fault("has one key, `basic` or `bearer`", "auth")
    if any(name.lower() == "authorization" for name in headers):
        raise Fault("and a header Authorization contradict each other", "auth")
    if auth.basic is UNSET or not auth.basic:
        return "bearer", str(auth.bearer)
    if ":" in str(auth.basic.user):
        raise Fault("cannot have a colon (RFC 7617)", "auth", "basic", "user")
    return "basic", str(auth.basic.user), str(auth.basic.password)


def _content(entry: Entry, folder: Path) -> Content | None:
    kinds = [key for key in BODY_KEYS if getattr(entry, key) is not UNSET]
    if len(kinds) > 1:
        raise Fault(f"and `{kinds[0]}` contradict each other: a request has one body", kinds[1])
    if not kinds:
        return None
    kind, value = kinds[0], getattr(entry, kinds[0])
    if kind == "json":
        return Content(kind, _json(value))
    if kind == "form":
        return Content(kind, fields=tuple(_pairs(value)))
    if kind == "multipart":
        return Content(kind, parts=_parts(value, folder))
    return Content(kind, value) if kind == "body" else Content(kind, data=_file(folder / value, "file"))


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Fault("has a value that JSON cannot express, such as a date; put it in quotes", "json") from error


def _parts(given: Mapping[str, Any], folder: Path) -> tuple[Part, ...]:
    parts = tuple(_part(name, one, folder) for name, value in given.items() for one in _several(value))
    if not parts:
        raise Fault("has no parts", "multipart")
    return parts


def _part(name: str, value: Text | FilePart, folder: Path) -> Part:
    if not isinstance(value, FilePart):
        return Part(name, str(value))
    path = folder / value.file
    return Part(name, "", _file(path, "multipart", name, "file"), value.name or path.name, value.type)


def _file(path: Path, *keys: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(SENT_BODY_LIMIT + 1)
    except (OSError, ValueError) as error:
        raise Fault(f"cannot be read: {path}: {getattr(error, 'strerror', None) or error}", *keys) from error
    if len(data) > SENT_BODY_LIMIT:
        raise Fault(f"is larger than {SENT_BODY_LIMIT >> 20} MB", *keys)
    return data


def _captures(given: Mapping[str, Source]) -> Iterator[Capture]:
    for name, source in given.items():
        kinds = [(kind, getattr(source, kind)) for kind in ("json", "regex", "header")]
        found = [(kind, pattern) for kind, pattern in kinds if pattern is not UNSET]
        if len(found) != 1:
            raise Fault("has one key, `json`, `regex` or `header`", "capture", name)
        kind, pattern = found[0]
        try:
            check_pattern(kind, pattern)
        except ValueError as error:
            raise Fault(f"cannot be understood: {error}", "capture", name, kind) from error
        yield Capture(name, kind, pattern)  # type: ignore[arg-type]  # one of the three


def _expectation(given: Expected | None) -> Expectation | None:
    if given is None:
        return None
    return Expectation(
        status=tuple(_several(given.status)),
        contains=tuple(_several(given.contains)),
        content_type=normal_media_type(given.content_type),
    )


def _pairs(given: Mapping[str, Text | list[Text]]) -> Iterator[tuple[str, str]]:
    """Yield names with their values. Several values of one name are a list."""
    return ((name, str(one)) for name, value in given.items() for one in _several(value))


def _several(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def is_utf8(text: str) -> bool:
    """Return True if a text can be sent. A command line or a variable may hold any bytes (os.fsdecode)."""
    return not any("\ud800" <= c <= "\udfff" for c in text)
