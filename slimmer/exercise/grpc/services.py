"""The services of a server, as it tells them by reflection: grpc.reflection.v1, or v1alpha, which has the same messages.

Of a file descriptor (descriptor.proto), only its services are read. Whatever is not as it must be is left out, or raises Nonsense.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from slimmer.exercise.api.order import ENDING, LEAVING, LOGOUT, words
from slimmer.exercise.grpc.wire_format import encoded, integer, part, parts
from slimmer.exercise.protocols.wire import Nonsense
from slimmer.formatting import printable

REFLECTIONS = tuple(
    f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo" for version in ("v1", "v1alpha")
)

OWN = ("grpc.reflection.", "grpc.health.")
"""Services by which a server tells of others."""

MOST_FILES = 1000
"""The most files of one answer that are read. An answer may have all files that a file imports."""

NO_SIDE_EFFECTS = 1
"""A value of MethodOptions.idempotency_level."""

READING = frozenset(
    (
        "get", "list", "read", "find", "search", "query", "fetch", "check", "describe", "show", "lookup", "look", "count", "exists",
        "has", "is", "status", "info", "version", "ping", "echo", "health", "watch", "view", "stats", "export", "download",
    )
)  # fmt: skip
"""First words of methods that change nothing."""

CHANGING = frozenset(
    (
        "create", "add", "insert", "update", "set", "put", "save", "write", "upsert", "replace", "move", "increment", "register",
        "lock", "claim", "acquire",
    )
)  # fmt: skip
"""Words that, behind an "or" or an "and", make a method change something although it begins as one that reads: `GetOrCreate`."""

STOPPING = frozenset(("stop", "kill", "abort", "crash", "panic", "die"))
"""Words of methods that may end the app, unless they read."""

_NAME = re.compile(r"[A-Za-z_]\w{0,127}", re.ASCII)
_FULL_NAME = re.compile(r"(?:[A-Za-z_]\w{0,127}\.){0,20}[A-Za-z_]\w{0,127}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a service. `takes_stream`, `gives_stream`: it takes or gives any number of messages. `is_safe`: its options say that it changes nothing."""

    service: str
    name: str
    takes_stream: bool = False
    gives_stream: bool = False
    is_safe: bool = False

    @property
    def path(self) -> str:
        """The path of a call."""
        return f"/{self.service}/{self.name}"

    def __str__(self) -> str:
        return f"{self.service.rpartition('.')[2]}/{self.name}"

    @property
    def reads(self) -> bool:
        """True if it seems to change nothing."""
        first, *others = words(self.name) or [""]
        joined = {after for before, after in pairwise(others) if before in ("or", "and")}
        changes = not CHANGING.isdisjoint(joined) or not LEAVING.isdisjoint(others)
        return self.is_safe or (first in READING and not changes)

    @property
    def takes_away(self) -> bool:
        """True if it seems to delete something, or to log out."""
        return not (LEAVING | LOGOUT).isdisjoint(words(self.name))

    @property
    def ends_app(self) -> bool:
        """True if it seems to end the app."""
        own, of_service = words(self.name), words(self.service.rpartition(".")[2])
        if not ENDING.isdisjoint((*own, *of_service)) or {"shut", "down"} <= {*own}:
            return True
        return not self.reads and not STOPPING.isdisjoint(own)


class Refused(Exception):
    """The server answered a question with an error, whose text is for people."""


def list_services() -> bytes:
    """Return the question for the names of all services."""
    return encoded(7, b"*")


def file_of(service: str) -> bytes:
    """Return the question for the file that has a service."""
    return encoded(4, service.encode())


def listed(answer: bytes) -> list[str]:
    """Return the names in the answer to `list_services`, each once. Raise Refused or Nonsense."""
    _check(answer)
    names = (part(one, 1).decode("utf-8", "replace") for one in parts(part(answer, 6), 1))
    return list(dict.fromkeys(name for name in names if _FULL_NAME.fullmatch(name)))


def methods(answer: bytes, service: str) -> tuple[Method, ...]:
    """Return the methods of a service, from the answer to `file_of`. Raise Refused or Nonsense."""
    _check(answer)
    for number, file in enumerate(parts(part(answer, 4), 1)):
        if number >= MOST_FILES:
            break
        package = part(file, 2).decode("utf-8", "replace")
        for one in parts(file, 6):
            name = part(one, 1).decode("utf-8", "replace")
            if service == (f"{package}.{name}" if package else name):
                return tuple(dict.fromkeys(_methods(one, service)))
    raise Nonsense("its description is missing")


def _check(answer: bytes) -> None:
    """Raise Refused if an answer is an error."""
    for error in parts(answer, 7):
        text = printable(part(error, 2).decode("utf-8", "replace"))[:200]
        raise Refused(text or f"error {integer(error, 1)}")


def _methods(service: bytes, name: str) -> Iterator[Method]:
    for one in parts(service, 2):
        own = part(one, 1).decode("utf-8", "replace")
        if _NAME.fullmatch(own):
            is_safe = integer(part(one, 4), 34) == NO_SIDE_EFFECTS
            yield Method(name, own, bool(integer(one, 5)), bool(integer(one, 6)), is_safe)
