"""JSON documents that slimmer writes and reads back. One may be cut short, edited, of another version, or made to do harm.

Each begins with the name of its format and a version, "MAJOR.MINOR" (docs/artifacts.md, "Formats and versions"). msgspec checks the rest against
a type, which is also what the JSON Schemas in docs/schemas are made of. The functions raise ValueError in words, or RecursionError;
`reading` turns either into one UsageError that names the file.

The standard library decodes and encodes: names in images need not be UTF-8, and msgspec refuses escaped surrogates (os.fsdecode).
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
"""No count, size, time or number of a process is larger."""

NAME_PATTERN = r"^[^\u0000\ud800-\udc7f\udd00-\udfff]*$"
"""No NUL, and of surrogates only those that stand for bytes (os.fsdecode)."""

Name = Annotated[str, Meta(pattern=NAME_PATTERN)]
"""A text that could be a name in an image."""

Number = Annotated[int, Meta(extra_json_schema={"minimum": 1 - LARGEST, "maximum": LARGEST - 1})]
"""A whole number. `parse` holds the bounds: those of msgspec are 64-bit numbers with a sign."""

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
    """A kind of document: its name, the version that this slimmer writes, and the type of what follows these two fields."""

    name: str
    version: Version
    body: type[T]

    @property
    def head(self) -> dict[str, str]:
        """The fields with which each document begins."""
        return {"format": self.name, "version": str(self.version)}

    def read(self, data: Any) -> T:
        """The body of a parsed document, if it says that it is of this format, in a version that this slimmer reads."""
        if not isinstance(data, Mapping) or data.get("format") != self.name:
            raise ValueError(f"its format is not {self.name}")
        found = _version(data.get("version"))
        if found.major != self.version.major:
            raise _OtherVersion(self.name, found, self.version)
        return convert(data, self.body)


@contextmanager
def reading(name: str, kind: str, hint: str) -> Iterator[None]:
    """Names the file, and what it should have been ("an access log"), in the UsageError for whatever is wrong with it."""
    try:
        yield
    except _FAILURES as error:
        advice = f"{error.advice} {hint}" if isinstance(error, _OtherVersion) else hint
        words = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"{name} cannot be read as {kind}: {words}", hint=advice) from error


def parse(text: str) -> Any:
    """The value that a JSON text stands for. Numbers of LARGEST or more, and those that are not finite, are refused."""
    return _DECODER.decode(text)


def convert(data: Any, kind: type[T], place: str = "$") -> T:
    """A parsed value as one of this type; `place` is where in its document it stands. Fields that the type lacks are left out."""
    try:
        return msgspec.convert(data, kind, strict=True)
    except msgspec.ValidationError as error:
        raise ValueError(_in_words(str(error), place)) from error
    except UnicodeEncodeError as error:  # msgspec looks for it among fields or words, which are ASCII
        raise ValueError(f"{place}: {_shown(error.object)} is no name of a field, and not known as a word") from error


class _OtherVersion(ValueError):
    """A document of a major version that this slimmer does not read."""

    def __init__(self, name: str, found: Version, known: Version) -> None:
        super().__init__(f"it has version {found} of {name}, and slimmer {__version__} reads versions {known.major}.x")
        newer = found > known
        self.advice = (
            "A newer slimmer wrote it: use that one, or write the file again with this one."
            if newer
            else "An older slimmer wrote it: write the file again with this one."
        )


def _version(found: Any) -> Version:
    """A version as it stands in a document: MAJOR.MINOR. A number alone is the major version, as slimmer once wrote it."""
    if type(found) is int and found >= 0:
        return Version(found, 0)
    match = _VERSION.fullmatch(found) if isinstance(found, str) else None
    if match is None:
        raise ValueError("its version is not of the form MAJOR.MINOR")
    return Version(int(match[1]), int(match[2]))


def _whole_number(digits: str) -> int:
    value = int(digits) if len(digits) <= _DIGITS + 1 else LARGEST
    if abs(value) >= LARGEST:
        raise ValueError(f"it holds a number that is too large, {_shown(digits)}")
    return value


def _not_finite(word: str) -> NoReturn:
    raise ValueError(f"it holds {word}, which is no JSON")


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
    """What msgspec says, with the place first and in the words of this module."""
    at = _PLACE.search(message)
    words = _plain(message[: at.start()] if at else message)
    path = place + (at[2] if at else "")
    where = f"a key of {path}" if at and at[1] else path
    return words if where == "$" else f"{where}: {words}"


def _plain(words: str) -> str:
    """What msgspec says without the place; it quotes whole texts."""
    if match := _INSTEAD.fullmatch(words):
        found = "a fraction" if match[2] == "float" else _kinds(match[2])
        return f"{_kinds(match[1])} is expected, not {found}"
    if match := _MISSING.fullmatch(words):
        return f"it has no {match[1]!r}"
    if match := _LENGTH.fullmatch(words):
        return f"{match[1]} entries are expected, not {match[2]}"
    if match := _ENUM.fullmatch(words):
        return f"{_cut(match[1])} is not known"
    if _PATTERN.fullmatch(words):
        return f"a text {'that could be a name' if repr(NAME_PATTERN) in words else 'of another form'} is expected"
    return re.sub(r"`(\w+)`", lambda match: _kinds(match[1]), words.removeprefix("Expected ")) + " is expected"


def _kinds(names: str) -> str:
    return " or ".join(_KINDS.get(name, name) for name in names.split(" | "))


def _shown(text: Any) -> str:
    return _cut(repr(text[:_SHOWN]))


def _cut(words: str) -> str:
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
