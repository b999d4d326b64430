"""JSON documents that slimmer writes and reads back. They may be cut short, edited, of another version, or malicious.

Each document begins with the name of its format and a version, "MAJOR.MINOR" (docs/artifacts.md, "Formats and versions"). msgspec checks the rest
against a type. The JSON Schemas in docs/schemas are made from the same types. The functions raise ValueError with a message for people,
or RecursionError. `reading` turns both into a UsageError that names the file.

The standard library decodes and encodes, because names in images need not be UTF-8, and msgspec refuses escaped surrogates (os.fsdecode).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Generic, NamedTuple, NoReturn, TypeVar

import msgspec
import zstandard
from msgspec import Meta

from slimmer.errors import UsageError
from slimmer.version import __version__

LARGEST = 1 << 64
"""Every count, size, time and process ID is smaller than this."""

NAME_PATTERN = r"^[^\u0000\ud800-\udc7f\udd00-\udfff]*$"
"""Matches texts without NUL, and with no surrogates except those that stand for bytes (os.fsdecode)."""

Name = Annotated[str, Meta(pattern=NAME_PATTERN)]
"""A text that could be a name in an image."""

Number = Annotated[int, Meta(extra_json_schema={"minimum": 1 - LARGEST, "maximum": LARGEST - 1})]
"""A whole number. `parse` checks the bounds, because msgspec's bounds are signed 64-bit numbers."""

T = TypeVar("T")

_SHOWN = 80
_DIGITS = len(str(LARGEST))
_VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})", re.ASCII)
_FAILURES = (LookupError, RecursionError, ValueError, zstandard.ZstdError)


class Version(NamedTuple):
    """The version of a format. Readers of a major version read all of its minor ones."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True)
class Format(Generic[T]):
    """A kind of document: its name, the version that this slimmer writes, and the type of the other fields."""

    name: str
    version: Version
    body: type[T]

    @property
    def head(self) -> dict[str, str]:
        """The first fields of each document."""
        return {"format": self.name, "version": str(self.version)}

    def read(self, data: Any) -> T:
        """Return the body of a parsed document. Raise ValueError if it has another format, or a version that this slimmer does not read."""
        if not isinstance(data, Mapping) or data.get("format") != self.name:
            raise ValueError(f"its format is not {self.name}")
        found = _version(data.get("version"))
        if found.major != self.version.major:
            raise _OtherVersion(self.name, found, self.version)
        return convert(data, self.body)


@contextmanager
def reading(name: str, kind: str, hint: str) -> Iterator[None]:
    """Turn errors in the block into a UsageError with the name of the file and its expected kind ("an access log")."""
    try:
        yield
    except _FAILURES as error:
        advice = f"{error.advice} {hint}" if isinstance(error, _OtherVersion) else hint
        words = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"{name} cannot be read as {kind}: {words}", hint=advice) from error


def parse(text: str) -> Any:
    """Return the value of a JSON text. Raise ValueError for numbers that are not finite or not below LARGEST."""
    return _DECODER.decode(text)


def convert(data: Any, kind: type[T], place: str = "$") -> T:
    """Convert a parsed value to this type. `place` is its place in the document. Unknown fields are left out."""
    try:
        return msgspec.convert(data, kind, strict=True)
    except msgspec.ValidationError as error:
        raise ValueError(_in_words(str(error), place)) from error
    except UnicodeEncodeError as error:  # msgspec compares it with names of fields or values, which are ASCII
        raise ValueError(f"{place}: {_shown(error.object)} is not a known field or value") from error


def decode(content: bytes | bytearray, kind: type[T]) -> T:
    """Decode the JSON document of another program as this type. Unknown fields are not even kept in memory.

    Texts of such a document are UTF-8: an escaped surrogate without its partner is an error. Raises ValueError or RecursionError.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise ValueError(_in_words(str(error), "$")) from error
    except msgspec.DecodeError as error:
        raise ValueError(f"it is not JSON: {error}") from error


class _OtherVersion(ValueError):
    """A document of a major version that this slimmer does not read."""

    def __init__(self, name: str, found: Version, known: Version) -> None:
        super().__init__(f"it has version {found} of {name}, but slimmer {__version__} reads versions {known.major}.x")
        newer = found > known
        self.advice = (
            "A newer slimmer wrote it. Use that version, or write the file again with this one."
            if newer
            else "An older slimmer wrote it. Write the file again with this version."
        )


def _version(found: Any) -> Version:
    """Parse a document's version: MAJOR.MINOR. A number alone is the major version, as early versions of slimmer wrote it."""
    if type(found) is int and found >= 0:
        return Version(found, 0)
    match = _VERSION.fullmatch(found) if isinstance(found, str) else None
    if match is None:
        raise ValueError("its version is not of the form MAJOR.MINOR")
    return Version(int(match[1]), int(match[2]))


def _whole_number(digits: str) -> int:
    value = int(digits) if len(digits) <= _DIGITS + 1 else LARGEST
    if abs(value) >= LARGEST:
        raise ValueError(f"it has a number that is too large: {_shown(digits)}")
    return value


def _not_finite(word: str) -> NoReturn:
    raise ValueError(f"it has {word}, which is not JSON")


_DECODER = json.JSONDecoder(parse_int=_whole_number, parse_constant=_not_finite)

_KINDS = {
    "array": "an array", "bool": "true or false", "float": "a number", "int": "a whole number", "null": "null", "object": "an object",
    "str": "a text",
}  # fmt: skip
_PLACE = re.compile(r" - at (?:`(key)` in )?`\$([^`]*)`\Z")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_INSTEAD = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_LENGTH = re.compile(r"Expected `array` of (?:at least |at most )?length (\d+), got (\d+)")
_PATTERN = re.compile(r"Expected `str` matching regex .*", re.DOTALL)
_ENUM = re.compile(r"Invalid enum value (.*)", re.DOTALL)


def _in_words(message: str, place: str) -> str:
    """Return msgspec's message in plain words, with the place first."""
    at = _PLACE.search(message)
    words = _plain(message[: at.start()] if at else message)
    path = place + (at[2] if at else "")
    where = f"a key of {path}" if at and at[1] else path
    return words if where == "$" else f"{where}: {words}"


def _plain(words: str) -> str:
    """Return msgspec's message in plain words, without the place. msgspec may quote long texts, which are cut."""
    if match := _INSTEAD.fullmatch(words):
        found = "a fraction" if match[2] == "float" else _kinds(match[2])
        return f"expected {_kinds(match[1])}, not {found}"
    if match := _MISSING.fullmatch(words):
        return f"it has no {match[1]!r}"
    if match := _LENGTH.fullmatch(words):
        return f"expected {match[1]} entries, not {match[2]}"
    if match := _ENUM.fullmatch(words):
        return f"unknown value {_cut(match[1])}"
    if _PATTERN.fullmatch(words):
        return f"expected a text {'that could be a name' if repr(NAME_PATTERN) in words else 'of another form'}"
    return "expected " + re.sub(r"`(\w+)`", lambda match: _kinds(match[1]), words.removeprefix("Expected "))


def _kinds(names: str) -> str:
    return " or ".join(_KINDS.get(name, name) for name in names.split(" | "))


def _shown(text: Any) -> str:
    return _cut(repr(text[:_SHOWN]))


def _cut(words: str) -> str:
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
