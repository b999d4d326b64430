"""Read requests from a line of text (`POST /echo {"a": 1}`) or a YAML file. Errors say where they are.

docs/exercise.md shows every key. JSON is YAML, so a JSON file works as well. What a file may expand to is limited.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from slimmer.errors import UsageError
from slimmer.exercise.draft import FORM, JSON, WITH_BODY, Fault, quoted
from slimmer.exercise.format_check import checked
from slimmer.exercise.origin import FileDigest, Origin
from slimmer.exercise.probe_entry import Place, asks_from_entry, is_utf8
from slimmer.exercise.probe_format import KINDS, WORD_PATTERN, Entry, ProbeFile, socket_fault
from slimmer.exercise.probe_format import Mapping as AnyEntry
from slimmer.exercise.request import Ask, Request

if TYPE_CHECKING:
    from slimmer.exercise.yaml_document import YamlDocument

MOST_REQUESTS = 10_000
"""The number of requests of a file, with those that `repeat` adds."""

EXAMPLE = 'For example: {method: POST, path: /echo, json: {a: 1}, expect: {status: 200, contains: "a"}}'
LINE_EXAMPLE = "For example: --probe 'GET /health' or --probe 'POST /echo {\"a\": 1}'"


def request_from_text(text: str) -> Request:
    """Read `/path`, `GET /path` or `POST /path BODY`. A JSON body is sent as JSON, any other as a form, as curl does.

    Raises UsageError.
    """
    words = text.split(None, 2)
    if words and words[0].startswith("/"):
        words = ["GET", *text.split(None, 1)]
    if complaint := _complaint(words, text):
        raise UsageError(f"--probe {_shown(text)}: {complaint}", hint=LINE_EXAMPLE)
    method, path = words[0].upper(), quoted(words[1].partition("#")[0])
    body = words[2].strip() if len(words) > 2 else ""
    if body:
        return Request(method, path, (("Content-Type", JSON if _is_json(body) else FORM),), body.encode())
    return Request(method, path, body=b"" if method in WITH_BODY else None)


def _complaint(words: list[str], text: str) -> str:
    """Return what is wrong with the words of a request; "" if nothing is."""
    if not is_utf8(text):
        return "it is not UTF-8; write such bytes of a path as %FF"
    if len(words) < 2:
        return "the path is missing"
    if not re.match(WORD_PATTERN, words[0]) or words[0].upper() == "CONNECT":
        return f"not an HTTP method: {_shown(words[0])}"
    if "://" in words[1].partition("?")[0]:
        return "the path is a whole URL: write only the path (to choose a port: --port)"
    return (
        "" if words[1].startswith("/") or words[1] == "*" else f"the path must begin with a slash: {_shown(words[1])}"
    )


def requests_from_file(path: Path, *, environment: bool = True) -> tuple[Ask, ...]:
    """Return all requests and exchanges of a probe file, in order. Without `environment`, no variable needs a value, and none can be sent.

    Raises UsageError that names the file, the line, the entry and the key.
    """
    return read_probe_file(path, environment=environment)[0]


def read_probe_file(path: Path, *, environment: bool = True) -> tuple[tuple[Ask, ...], FileDigest]:
    """Return what `requests_from_file` returns, and the digest of the file. The file is read once: it may be a pipe."""
    from slimmer.exercise.yaml_document import YamlDocument, YamlFault

    try:
        document = YamlDocument(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", hint="--probe-file takes a YAML or JSON file.") from error
    except YamlFault as error:
        large = "Put large bodies into files of their own: `file: NAME`."
        raise UsageError(f"{path}: {error}", hint=large if "larger" in str(error) else EXAMPLE) from error
    return _ProbeFile(path, document, environment).requests(), FileDigest(path.name, document.sha256)


class _ProbeFile:
    """A probe file that is being read."""

    def __init__(self, path: Path, document: YamlDocument, environment: bool) -> None:
        self._path = path
        self._document = document
        self._environment = environment

    def requests(self) -> tuple[Ask, ...]:
        entries = self._entries()
        checks = [self._checked(number, entry) for number, entry in enumerate(entries)]
        captured = frozenset(name for entry in checks for name in _names(entry))
        earlier: frozenset[str] = frozenset()
        unix_socket = self._socket()
        found: list[Ask] = []
        for number, entry in enumerate(checks):
            origin = Origin(str(self._path), number + 1)
            place = Place(self._path.parent, origin, earlier, captured, unix_socket, self._environment)
            found += self._made(number, entry, place)
            earlier |= _names(entry)
            if len(found) > MOST_REQUESTS:
                raise self._error(number, Fault(f"the file has more than {MOST_REQUESTS:,} requests"))
        return tuple(found)

    def _made(self, number: int, entry: AnyEntry, place: Place) -> tuple[Ask, ...]:
        try:
            return tuple(asks_from_entry(entry, place))
        except Fault as fault:
            raise self._error(number, fault) from fault

    def _entries(self) -> list[object]:
        document = self._document.value
        if isinstance(document, Mapping):
            unknown = [str(key) for key in document if key not in ("requests", "unix_socket")]
            if unknown or "requests" not in document:
                what = f"unknown key {unknown[0]!r}" if unknown else "no `requests`"
                line = self._document.line(unknown[:1])
                hint = f"A probe file has the key `requests`, with a list, and may have `unix_socket`. {EXAMPLE}"
                raise UsageError(f"{self._path}, line {line}: {what}", hint=hint)
            document = document["requests"]
        if not isinstance(document, list):
            raise UsageError(f"{self._path}: `requests` is not a list", hint=EXAMPLE)
        return document

    def _socket(self) -> str:
        """Return the Unix socket of the whole file; "" if it has none."""
        document = self._document.value
        if not (isinstance(document, Mapping) and "unix_socket" in document):
            return ""
        try:
            file = checked({"requests": [], "unix_socket": document["unix_socket"]}, ProbeFile)
            path = file.unix_socket or ""
            if path and (wrong := socket_fault(path)):
                raise Fault(wrong, "unix_socket")
        except Fault as fault:
            line = self._document.line(("unix_socket",))
            raise UsageError(
                f"{self._path}, line {line}: {fault}", hint="For example: unix_socket: /run/app.sock"
            ) from fault
        return path

    def _checked(self, number: int, entry: object) -> AnyEntry:
        kinds = [kind for key, kind in KINDS.items() if isinstance(entry, Mapping) and key in entry]
        try:
            return checked(entry, kinds[0] if kinds else Entry)
        except Fault as fault:
            raise self._error(number, fault) from fault

    def _error(self, number: int, fault: Fault) -> UsageError:
        start: tuple[str | int, ...] = ("requests", number) if isinstance(self._document.value, Mapping) else (number,)
        line = self._document.line((*start, *fault.keys))
        return UsageError(f"{self._path}, line {line}: request {number + 1}: {fault}", hint=EXAMPLE)


def _names(entry: AnyEntry) -> frozenset[str]:
    """Return the names of the values that an entry captures."""
    return frozenset((isinstance(entry, Entry) and entry.capture) or ())


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _shown(text: str) -> str:
    """Return the beginning of a text, for a message. The rest may be a body, which may be secret."""
    words = text.split(None, 2)
    return repr(" ".join(words[:2]))[:80]
