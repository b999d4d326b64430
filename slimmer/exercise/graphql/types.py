"""The types of a schema, as an introspection tells them. Whatever is not as the specification says is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from slimmer.exercise.api.order import singular, words
from slimmer.exercise.api.schema import Node, node, nodes

MOST_TYPES = 5_000
MOST_MEMBERS = 1_000
"""The most fields, arguments, enum values or possible types of one type that are read."""

MOST_WRAPPED = 8
"""The most lists and non-nulls around a type."""

NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,127}", re.ASCII)
"""A name (section 2.1.9), of reasonable length."""

LEAVES = ("SCALAR", "ENUM")
COMPOSITE = ("OBJECT", "INTERFACE", "UNION")
"""Kinds of types (section 4.2.2.1) without fields, and with."""

ID_TYPES = frozenset(("id", "uuid", "guid", "objectid", "globalid"))
ID_NAMES = frozenset(("id", "ids", "uuid", "guid", "_id"))


@dataclass(frozen=True, slots=True)
class Reference:
    """A type as it is written: `text`, as `[User!]!`, the `name` in it, how many `lists` are around that, and if it must not be null."""

    text: str
    name: str
    lists: int
    required: bool


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument, or a field of an input object. `required`: it must not be null, and has no default value."""

    name: str
    type: Reference
    required: bool


@dataclass(frozen=True, slots=True)
class Member:
    """A field of an object or an interface."""

    name: str
    type: Reference
    arguments: tuple[Argument, ...]


class Types:
    """All types of a schema, by name. Members are read when they are first needed."""

    def __init__(self, root: Node) -> None:
        given = [node(one) for one in nodes(root.get("types"))[:MOST_TYPES]]
        self._given = {one["name"]: one for one in given if _is_name(one.get("name"))}
        self._members: dict[str, dict[str, Member]] = {}
        self._selectable: dict[str, tuple[tuple[Member, ...], tuple[Member, ...]]] = {}
        self._objects: dict[str, str] = {}
        for name, one in self._given.items():
            if one.get("kind") == "OBJECT" and not name.startswith("__"):
                self._objects.setdefault("".join(words(name)), name)

    def kind(self, name: str) -> str:
        """Return the kind of a type, as "OBJECT"; "" if it is unknown."""
        kind = self._given.get(name, {}).get("kind")
        return kind if isinstance(kind, str) else ""

    def members(self, name: str) -> dict[str, Member]:
        """Return the fields of an object or an interface, in the schema's order."""
        if name not in self._members:
            found = (self._member(node(one)) for one in nodes(self._given.get(name, {}).get("fields"))[:MOST_MEMBERS])
            self._members[name] = {one.name: one for one in found if one is not None}
        return self._members[name]

    def selectable(self, name: str) -> tuple[tuple[Member, ...], tuple[Member, ...]]:
        """Return the fields that need no arguments: those without fields of their own, and the others."""
        if name not in self._selectable:
            free = [one for one in self.members(name).values() if not any(own.required for own in one.arguments)]
            leaves = tuple(one for one in free if self.is_leaf(one.type.name))
            others = tuple(one for one in free if self.kind(one.type.name) in COMPOSITE)
            self._selectable[name] = leaves, others
        return self._selectable[name]

    def inputs(self, name: str) -> tuple[Argument, ...]:
        """Return the fields of an input object."""
        return tuple(_arguments(self._given.get(name, {}).get("inputFields")))

    def choices(self, name: str) -> tuple[str, ...]:
        """Return the values of an enum."""
        return tuple(_names(self._given.get(name, {}).get("enumValues")))

    def possible(self, name: str) -> tuple[str, ...]:
        """Return the objects that an interface or a union may be."""
        return tuple(one for one in _names(self._given.get(name, {}).get("possibleTypes")) if one in self._given)

    def object_of(self, word: str) -> str:
        """Return the object that a word means, as `blogPost` or `users`; "" if there is none."""
        parts = words(word)
        whole = "".join(parts)
        return self._objects.get(whole) or self._objects.get(singular(whole)) or self._played.get(whole, "")

    @cached_property
    def _played(self) -> dict[str, str]:
        """The objects by the names of the fields that have them: an `author` may be a User."""
        found: dict[str, str] = {}
        for name in [*self._objects.values()][:MOST_MEMBERS]:
            for one in self.members(name).values():
                if self.kind(one.type.name) == "OBJECT":
                    found.setdefault("".join(words(one.name)), one.type.name)
        return found

    def is_leaf(self, name: str) -> bool:
        """Return True for a type that has no fields."""
        return self.kind(name) in LEAVES

    def key_of(self, name: str, wanted: str) -> str:
        """Return the field of an object that identifies it: one with the wanted name, `id`, or any of an ID's type. "" if there is none."""
        leaves = [one for one in self.members(name).values() if self.is_leaf(one.type.name) and not one.type.lists]
        for is_it in (
            lambda one: one.name == wanted,
            lambda one: one.name.lower() in ID_NAMES,
            lambda one: one.type.name.lower() in ID_TYPES,
        ):
            if found := next((one.name for one in leaves if is_it(one)), ""):
                return found
        return ""

    def _member(self, given: Node) -> Member | None:
        reference, name = reference_of(given.get("type")), given.get("name")
        if reference is None or not isinstance(name, str) or not NAME.fullmatch(name):
            return None
        return Member(name, reference, tuple(_arguments(given.get("args"))))


def reference_of(given: object) -> Reference | None:
    """Return a type that a field or an argument has; None if it is none."""
    wrappers, inner = list[str](), node(given)
    while inner.get("kind") in ("LIST", "NON_NULL") and len(wrappers) < MOST_WRAPPED:
        wrappers.append(inner["kind"])
        inner = node(inner.get("ofType"))
    name = inner.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return None
    text = name
    for wrapper in reversed(wrappers):
        text = f"[{text}]" if wrapper == "LIST" else f"{text}!"
    return Reference(text, name, wrappers.count("LIST"), wrappers[:1] == ["NON_NULL"])


def _arguments(given: object) -> Iterator[Argument]:
    for one in map(node, nodes(given)[:MOST_MEMBERS]):
        reference, name = reference_of(one.get("type")), one.get("name")
        if reference is not None and isinstance(name, str) and NAME.fullmatch(name):
            yield Argument(name, reference, reference.required and one.get("defaultValue") is None)


def _names(given: object) -> Iterator[str]:
    for one in map(node, nodes(given)[:MOST_MEMBERS]):
        name = one.get("name")
        if isinstance(name, str) and NAME.fullmatch(name):
            yield name


def _is_name(name: object) -> bool:
    return isinstance(name, str) and NAME.fullmatch(name) is not None
