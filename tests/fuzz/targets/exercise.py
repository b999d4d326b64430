"""What the user asks for, and what the app answers: probe files, option words, headers, media types."""

from __future__ import annotations

import json
import re
import tempfile
from contextlib import suppress
from pathlib import Path

from slimmer.api import words
from slimmer.errors import UsageError
from slimmer.exercise.api.call import Known, request_of, wrong_request
from slimmer.exercise.api.discovery import read_mentions
from slimmer.exercise.api.document import read_description
from slimmer.exercise.api.order import Order
from slimmer.exercise.crawl.links import Kind, read_links
from slimmer.exercise.crawl.origin import Origin
from slimmer.exercise.crawl.safety import may_change
from slimmer.exercise.crawl.shape import shape_of
from slimmer.exercise.format_check import checked
from slimmer.exercise.graphql.document import read_schema
from slimmer.exercise.grpc.services import Refused, listed, methods
from slimmer.exercise.grpc.wire_format import text_of
from slimmer.exercise.headers import LONGEST, telling_headers
from slimmer.exercise.media_type import charset, normal_media_type
from slimmer.exercise.probe_file import request_from_text, requests_from_file
from slimmer.exercise.probe_format import Entry
from slimmer.exercise.protocols.wire import Nonsense
from slimmer.exercise.recording import record
from slimmer.exercise.request import Request
from slimmer.exercise.yaml_document import YamlDocument

_DOCUMENT = re.compile(r"[\w {}()$:!,.\[\]-]+", re.ASCII)
_SENDABLE = re.compile(r"[!-~]+")


def probe_file(data: bytes) -> None:
    """UsageError, or requests that can be sent."""
    with tempfile.TemporaryDirectory() as folder, suppress(UsageError):
        file = Path(folder, "probes.yaml")
        file.write_bytes(data)
        for request in requests_from_file(file):
            if isinstance(request, Request):
                _check(request)


def har_file(data: bytes) -> None:
    """UsageError, or a probe file whose entries fit its format."""
    with tempfile.TemporaryDirectory() as folder, suppress(UsageError):
        file = Path(folder, "a.har")
        file.write_bytes(data)
        file.write_text(record(file).text)
        document = YamlDocument(file).value
        assert isinstance(document, dict)
        for entry in document["requests"]:
            checked(entry, Entry)


def probe_text(data: bytes) -> None:
    """UsageError, or a request that can be sent."""
    with suppress(UsageError):
        _check(request_from_text(data.decode(errors="surrogateescape")))


def _check(request: Request) -> None:
    assert _SENDABLE.fullmatch(request.method)
    assert _SENDABLE.fullmatch(request.path)
    for name, value in request.headers:
        assert name.isascii()
        assert not {"\r", "\n", "\0"} & set(value)
        value.encode()
    if request.expect is not None:
        str(request.expect).encode()


def answer_headers(data: bytes) -> None:
    """Headers as an HTTP client gives them: told once, and the same when they are told again."""
    lines = [line.partition(":") for line in data.decode("latin-1").split("\n")]
    told = telling_headers((name, value) for name, _, value in lines)
    assert all(len(value) <= LONGEST for _, value in told)
    assert [name for name, _ in told] == sorted({name for name, _ in told})


def media_type(data: bytes) -> None:
    """Any value has one way of writing, which stays as it is."""
    text = data.decode("latin-1")
    charset(text)
    normal = normal_media_type(text)
    assert "\n" not in normal
    charset(normal)


def option_words(data: bytes) -> None:
    """UsageError, or a value of the option."""
    text = data.decode(errors="surrogateescape")
    for read in (words.command, words.size, words.user, words.positive_seconds):
        with suppress(UsageError):
            read("--option", text)
    with suppress(UsageError):
        words.until(text)


def links(data: bytes) -> None:
    """Links of a document of any kind, of which those to the app can be sent."""
    kinds, app = list(Kind), Origin("http", 8000, ("172.17.0.2", 8000))
    found = read_links(data[1:], kinds[data[0] % len(kinds)] if data else Kind.PAGE, "utf-8")
    for link in found.links:
        path = app.path_of(link, "/a/b", found.base)
        if path is not None:
            assert _SENDABLE.fullmatch(path) and path.startswith("/")
            shape_of(path)
            may_change(path)


def description(data: bytes) -> None:
    """The description of an API: a problem in one line, or operations whose calls can be sent, each known ID put in."""
    found = read_description(data, "/api/openapi.json")
    assert "\n" not in found.problem
    order = Order(found.operations)
    for operation in order.operations:
        values = {use: Known("${id}") for use in order.uses(operation)}
        for request in (
            request_of(operation, values),
            request_of(operation, {}, least=True),
            wrong_request(operation, {}),
        ):
            if request is not None:
                _check(request)
                assert request.path.startswith("/")


def introspection(data: bytes) -> None:
    """What a GraphQL API says of itself: a problem in one line, or calls of its fields that have nothing but names in them."""
    found = read_schema(data)
    assert "\n" not in found.problem
    for field in found.fields:
        assert field.kind in ("query", "mutation")
        for call in field.calls:
            assert _DOCUMENT.fullmatch(call.document) and call.document.startswith(f"{field.kind} slimmer")
            assert isinstance(json.loads(call.variables), dict)


def grpc_answer(data: bytes) -> None:
    """What a gRPC server tells of its services: nonsense, or names that a path may have; and any message as text, in lines."""
    with suppress(Nonsense, Refused):
        assert all(_SENDABLE.fullmatch(name) for name in listed(data))
    with suppress(Nonsense, Refused):
        assert all(_SENDABLE.fullmatch(one.path) for one in methods(data, "shop.v1.Shop"))
    assert all(line.startswith("  ") for line in text_of(data).splitlines())


def mentions(data: bytes) -> None:
    """URLs that a page names, of which those to the app can be sent."""
    app = Origin("http", 8000, ("172.17.0.2", 8000))
    for link in read_mentions(data).links:
        path = app.path_of(link, "/docs")
        assert path is None or _SENDABLE.fullmatch(path)


TARGETS = {
    "description": description,
    "grpc_answer": grpc_answer,
    "introspection": introspection,
    "mentions": mentions,
    "links": links,
    "probe_file": probe_file,
    "probe_text": probe_text,
    "har_file": har_file,
    "answer_headers": answer_headers,
    "media_type": media_type,
    "option_words": option_words,
}
