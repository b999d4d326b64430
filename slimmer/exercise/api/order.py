"""The order of operations: what is made comes before what needs it, and what is deleted goes last.

A *thing* is a kind of resource, named by the path of its collection: `/users/{}/posts` for `/users/{user_id}/posts/{post_id}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from slimmer.exercise.api.operation import Operation

DEPTH = 6
"""How deep the names of a body are looked at."""

ENDING = frozenset(("shutdown", "poweroff", "halt", "reboot", "restart", "quit", "exit", "suicide", "terminate"))
"""Words of operations that end the app. They are not called."""

REGISTERING = frozenset(("register", "registration", "signup"))
LOGIN = frozenset(("login", "signin", "authenticate", "token"))
"""Words of operations by which a user becomes known. They come first."""

LOGOUT = frozenset(("logout", "signout", "logoff", "signoff"))
"""Words of operations after which the user is unknown. Some are a GET."""

LEAVING = frozenset(("delete", "remove", "clear", "reset", "purge", "flush", "revoke"))
"""Words of operations that take something away. They come with the DELETEs."""

_PARAMETER = re.compile(r"\{[^{}/]*\}")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[-_. /{}]+")
_KEY = ("id", "ids", "uuid", "guid", "key", "slug", "ref")
"""The last words of names that refer to a thing."""


@dataclass(frozen=True, order=True, slots=True)
class Need:
    """An ID that an operation needs: of which thing, and by which name of a parameter or property."""

    thing: str
    name: str

    @property
    def word(self) -> str:
        """The singular of the thing: "post"."""
        return word_of(self.thing)


@dataclass(frozen=True, slots=True)
class Use:
    """Where an operation needs an ID: in its "path", "query" or "body", by this name."""

    place: str
    name: str
    need: Need


def words(text: str) -> list[str]:
    """Return the words of a name or a path, in lower case."""
    return [word.lower() for word in _HUMP.split(text) if word]


def thing_at(path: str) -> str:
    """Return a path without the names of its parameters, and without a slash at its end."""
    return _PARAMETER.sub("{}", path).rstrip("/")


def word_of(thing: str) -> str:
    """Return the singular of the last fixed part of a thing's path."""
    fixed = [part for part in thing.split("/") if part and "{" not in part]
    return singular("".join(words(fixed[-1]))) if fixed else ""


def singular(word: str) -> str:
    """Return the singular of an English noun, as far as three rules go."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


class Order:
    """The operations of an API, and what they need of each other."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        every = tuple(dict.fromkeys(operations))
        self.left_out = tuple(one for one in every if _ends_app(one))
        self._every = tuple(one for one in every if not _ends_app(one))
        self._things = dict.fromkeys(thing for one in self._every for _, thing in _things(one.path))
        self._last = {one for one in self._every if one.method == "DELETE" or _takes_away(one)}
        self._makers: dict[str, Operation] = {}
        self._listers: dict[str, Operation] = {}
        self._find_makers()
        self._by_word: dict[str, str] = {}
        for thing in sorted(self._makers.keys() | self._listers.keys(), key=lambda thing: (len(thing), thing)):
            self._by_word.setdefault(word_of(thing), thing)
        for name, thing in (pair for one in self._every for pair in _things(one.path)):
            if thing in self._makers or thing in self._listers:
                self._by_word.setdefault(singular("".join(words(name)[:-1])), thing)  # `{org_id}` of /organizations
        self._uses = {one: tuple(self._uses_of(one)) for one in self._every}
        self._gives: dict[Operation, list[Need]] = {}
        for need in sorted({use.need for uses in self._uses.values() for use in uses}):
            for giver in {self._makers.get(need.thing), self._listers.get(need.thing)} - {None}:
                self._gives.setdefault(cast(Operation, giver), []).append(need)
        self._before = {one: self._needed_before(one) for one in self._every}
        self.operations = tuple(self._sorted())

    def uses(self, operation: Operation) -> tuple[Use, ...]:
        """Return the IDs that an operation needs."""
        return self._uses[operation]

    def gives(self, operation: Operation) -> tuple[Need, ...]:
        """Return the IDs that are looked for in the answer of an operation: that of what it made, or of the first in a list."""
        return tuple(self._gives.get(operation, ()))

    def is_last(self, operation: Operation) -> bool:
        """Return True for an operation that takes something away."""
        return operation in self._last

    @staticmethod
    def logs_out(operation: Operation) -> bool:
        """Return True for an operation after which the user is unknown."""
        return not LOGOUT.isdisjoint(_words(operation))

    # ------------------------------------------------------------------ who makes what

    def _find_makers(self) -> None:
        """Find who makes each thing: a POST to its collection, one that is alike, or a PUT to a place that the client chooses."""
        alike: dict[str, list[Operation]] = {}
        putters: dict[str, Operation] = {}
        for one in self._every:
            thing = thing_at(one.path)
            if one.method == "GET" and thing in self._things:
                self._listers.setdefault(thing, one)
            elif one.method == "PUT":
                putters.setdefault(thing, one)
            elif one.method == "POST" and one not in self._last:
                if thing in self._things:
                    self._makers.setdefault(thing, one)
                if word := _made_by(one):
                    alike.setdefault(word, []).append(one)
        for thing in self._things:
            near = alike.get(word_of(thing)) or [putters[place] for place in (f"{thing}/{{}}",) if place in putters]
            if thing not in self._makers and near:
                self._makers[thing] = min(near, key=lambda one: one.path.count("{"))

    def _uses_of(self, operation: Operation) -> Iterator[Use]:
        for name, thing in _things(operation.path):
            found = thing if thing in self._makers or thing in self._listers else self._referred(name)
            if found:
                yield Use("path", name, Need(found, name))
        for parameter in operation.parameters:
            if parameter.place == "query" and (found := self._referred(parameter.name)):
                yield Use("query", parameter.name, Need(found, parameter.name))
        for body in operation.body:
            for name in dict.fromkeys(_names(json.loads(body.full), DEPTH)):
                if found := self._referred_in_body(name, operation):
                    yield Use("body", name, Need(found, name))

    def _referred_in_body(self, name: str, operation: Operation) -> str:
        own = thing_at(operation.path)
        if words(name) == ["id"] and operation.method in ("PUT", "PATCH"):
            return own if own in self._makers else ""
        found = self._referred(name)
        return "" if found and self._makers.get(found) is operation else found

    def _referred(self, name: str) -> str:
        """Return the thing that a name as `item_id` or `petId` refers to; "" if none."""
        parts = words(name)
        if len(parts) < 2 or parts[-1] not in _KEY:
            return ""
        for start in range(len(parts) - 1):  # `billing_user_id` is a user's
            if found := self._by_word.get(singular("".join(parts[start:-1]))):
                return found
        return ""

    # ------------------------------------------------------------------ which comes first

    def _sorted(self) -> Iterator[Operation]:
        """Yield the operations. One that needs what another makes waits for that, unless both wait for each other."""
        makers = {*self._makers.values()}
        waiting, done = sorted(self._every, key=lambda one: self._phase(one, makers)), set[Operation]()
        while waiting:
            ready = (one for one in waiting if self._before[one] <= done)
            chosen = next(ready, waiting[0])
            waiting.remove(chosen)
            done.add(chosen)
            if not self.is_last(chosen):
                yield chosen
        yield from self._deletions()

    def _phase(self, operation: Operation, makers: set[Operation]) -> int:
        if operation in self._last:
            return 3
        if operation.is_safe:
            return 1
        if operation.method == "POST" and "{" not in operation.path and (rank := _by_user(operation)):
            return rank
        return 0 if operation in makers or (operation.method == "POST" and not _things(operation.path)) else 2

    def _needed_before(self, operation: Operation) -> set[Operation]:
        makers = {self._makers.get(use.need.thing) for use in self._uses[operation]}
        return {one for one in makers if one is not None and one is not operation}

    def _deletions(self) -> Iterator[Operation]:
        """Yield what takes something away: a thing goes before those that it needs."""
        made = list(self._makers.values())
        last = [one for one in self._every if self.is_last(one)]
        rank = {one: at for at, one in enumerate(self._makers_in_order(made))}

        def key(one: Operation) -> tuple[bool, bool, int, int]:
            own, leaves = self._makers.get(_own_thing(one.path)), not LOGOUT.isdisjoint(_words(one))
            return leaves, one.method != "DELETE", -one.path.count("/"), -rank.get(own, -1) if own else 1

        yield from sorted(last, key=key)

    def _makers_in_order(self, makers: list[Operation]) -> Iterator[Operation]:
        waiting, done = list(dict.fromkeys(makers)), set[Operation]()
        while waiting:
            chosen = next((one for one in waiting if (self._before[one] & {*makers}) <= done), waiting[0])
            waiting.remove(chosen)
            done.add(chosen)
            yield chosen


def _things(path: str) -> list[tuple[str, str]]:
    """Return each parameter of a path that is a whole part of it, with the thing that it is an ID of."""
    parts = path.split("/")
    found = [(at, part[1:-1]) for at, part in enumerate(parts) if _PARAMETER.fullmatch(part)]
    return [(name, thing_at("/".join(parts[:at]))) for at, name in found if at > 1]


def _own_thing(path: str) -> str:
    found = _things(path)
    return found[-1][1] if found else thing_at(path)


def _made_by(operation: Operation) -> str:
    """Return the word of what a POST seems to make: "item" for `/item`, `/items/create` and `/shops/{id}/items`."""
    parts = [part for part in operation.path.split("/") if part]
    if not parts or "{" in parts[-1]:
        return ""
    verb = len(parts) > 1 and parts[-1].lower() in ("create", "add", "new", "register")
    return word_of("/".join(parts[:-1] if verb else parts))


def _names(value: object, depth: int) -> Iterator[str]:
    if depth and isinstance(value, dict):
        for name, one in value.items():
            if isinstance(one, dict | list):
                yield from [name] if isinstance(one, list) else []
                yield from _names(one, depth - 1)
            else:
                yield name
    elif depth and isinstance(value, list):
        for one in value:
            yield from _names(one, depth - 1)


def _words(operation: Operation) -> set[str]:
    path = _PARAMETER.sub("", operation.path)
    return {*words(path), *words(operation.label)}


def _by_user(operation: Operation) -> int:
    """Return a negative number for an operation that makes a user known, the least for one that makes a user; else 0."""
    found = _words(operation)
    if {"sign", "up"} <= found or not REGISTERING.isdisjoint(found):
        return -2
    return -1 if {"sign", "in"} <= found or {"log", "in"} <= found or not LOGIN.isdisjoint(found) else 0


def _takes_away(operation: Operation) -> bool:
    found = _words(operation)
    return not LOGOUT.isdisjoint(found) or (not operation.is_safe and not LEAVING.isdisjoint(found))


def _ends_app(operation: Operation) -> bool:
    return not ENDING.isdisjoint(_words(operation)) and not operation.is_safe
