"""Read requests from a line of text (`POST /echo {"a": 1}`) or a YAML file. Errors say where they are.

docs/probing.md shows every key. JSON is YAML, so a JSON file works as well. What a file may expand to is limited.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from slimmer.errors import UsageError
from slimmer.exercise.probe_entry import FORM, JSON, Fault, is_utf8, make_request, request_from_mapping, shown
from slimmer.exercise.request import Request

FILE_LIMIT = 4 << 20
EXPANDED_LIMIT = FILE_LIMIT
"""The number of values and characters of a document with its aliases expanded. Only aliases can exceed it: they may grow without bound."""

MERGED_LIMIT = 10_000
"""The number of keys of a mapping, including those that `<<` merges into it."""

EXAMPLE = 'For example: {method: POST, path: /echo, json: {a: 1}, expect: {status: 200, contains: "a"}}'


def request_from_text(text: str) -> Request:
    """Read `/path`, `GET /path` or `POST /path BODY`. A JSON body is sent as JSON, any other as a form, as curl does.

    Raises UsageError.
    """
    words = text.split(None, 2)
    if words and words[0].startswith("/"):
        words = ["GET", *text.split(None, 1)]
    try:
        if not is_utf8(text):
            raise Fault("it is not UTF-8; write such bytes of a path as %FF")
        if len(words) < 2:
            raise Fault("the path is missing")
        body = words[2].strip() if len(words) > 2 else ""
        content_type = (JSON if _is_json(body) else FORM) if body else ""
        return make_request(words[0], words[1], (), (body.encode(), content_type) if body else None)
    except Fault as fault:
        raise UsageError(
            f"--probe {shown(text)}: {fault}",
            hint="For example: --probe 'GET /health' or --probe 'POST /echo {\"a\": 1}'",
        ) from fault


def requests_from_file(path: Path) -> tuple[Request, ...]:
    """Return all requests of a probe file, in order. Raises UsageError that names the file, the entry and the key."""
    document = _load(path)
    if isinstance(document, Mapping):
        unknown = [str(key) for key in document if key != "requests"]
        if unknown or "requests" not in document:
            what = f"unknown key {unknown[0]!r}" if unknown else "no `requests`"
            raise UsageError(f"{path}: {what}", hint=f"A probe file has one key, `requests`, with a list. {EXAMPLE}")
        document = document["requests"]
    if not isinstance(document, list):
        raise UsageError(f"{path}: `requests` is not a list", hint=EXAMPLE)
    return tuple(_entry(path, number, entry) for number, entry in enumerate(document, 1))


def _entry(path: Path, number: int, entry: object) -> Request:
    try:
        return request_from_mapping(entry, path.parent)
    except Fault as fault:
        raise UsageError(f"{path}: request {number}: {fault}", hint=EXAMPLE) from fault


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


# ---------------------------------------------------------------------- the file


NOT_YAML = (
    yaml.YAMLError, RecursionError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError,
)  # fmt: skip
"""What PyYAML raises: its constructors of tagged values (`!!int ""`, `!!bool x`) do not check their input."""

_Fault = yaml.constructor.ConstructorError


class _Loader(yaml.SafeLoader):
    """Loads YAML's safe subset. A duplicate key is an error: one of the two values would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<")
        twice = next((key for key, count in keys.items() if count > 1), None)
        if twice is not None:
            raise _Fault(None, None, f"the key {twice!r} occurs twice", node.start_mark)
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge what `<<` names, with a limit: each level may multiply the one before."""
        super().flatten_mapping(node)
        if len(node.value) > MERGED_LIMIT:
            raise _Fault(None, None, "`<<` merges too many keys", node.start_mark)


def _load(path: Path) -> object:
    try:
        with path.open("rb") as file:
            text = file.read(FILE_LIMIT + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", hint="--probe-file takes a YAML or JSON file.") from error
    if len(text) > FILE_LIMIT:
        raise UsageError(
            f"{path}: larger than {FILE_LIMIT >> 20} MB", hint="Put large bodies into files of their own: `file: NAME`."
        )
    try:
        document = yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)
        _expanded(document, {})
        return document
    except NOT_YAML as error:
        raise UsageError(f"{path}: not YAML: {_one_line(error)}", hint=EXAMPLE) from error


def _expanded(value: object, known: dict[int, int]) -> int:
    """Return the number of values and characters with aliases expanded. Raises YAMLError if it is too large, or a text is not UTF-8.

    `known` has the counts of lists and mappings by identity. One that contains itself is endless, so it counts as too large.
    """
    if isinstance(value, str):
        if not is_utf8(value):
            raise _Fault(None, None, "a text has an escape that is not a character")
        return len(value)
    if not isinstance(value, dict | list | tuple | set):
        return 1
    if id(value) not in known:
        known[id(value)] = EXPANDED_LIMIT + 1
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_expanded(one, known) for one in inner)
    if known[id(value)] > EXPANDED_LIMIT:
        raise _Fault(None, None, "too large with its aliases expanded")
    return known[id(value)]


def _one_line(error: Exception) -> str:
    """Return what is wrong and where, without the line itself, which may hold a secret."""
    mark = getattr(error, "problem_mark", None)
    place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    return f"{getattr(error, 'problem', None) or type(error).__name__}{place}"
