"""Values of arguments: by their type, and by their name where that tells more. IDs have a place that an earlier answer fills."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from slimmer.exercise.api.example import FORMATS, NAMES, WORD
from slimmer.exercise.api.order import words
from slimmer.exercise.api.schema import Endless
from slimmer.exercise.graphql.field import Need
from slimmer.exercise.graphql.types import ID_NAMES, ID_TYPES, Argument, Member, Types

DEPTH = 5
"""How deep an input object is nested at most."""

MOST_VALUES = 200
"""The most values of one call."""

PAGE = ("first", "limit", "take", "pagesize", "perpage", "size", "count")
"""Names of arguments that say how many things of a list are wanted, in lower case."""

PAGE_LENGTH = 3
CURSORS = frozenset(("last", "after", "before", "cursor", "endcursor", "startcursor"))
"""Names of arguments that continue a list. Nobody knows their values."""

ZERO = frozenset(("skip", "offset"))

SCALARS: dict[str, Any] = {
    "int": 1,
    "float": 1.5,
    "boolean": True,
    "long": 1,
    "bigint": 1,
    "short": 1,
    "byte": 1,
    "double": 1.5,
    "decimal": "1.5",
    "bigdecimal": "1.5",
    "datetime": FORMATS["date-time"],
    "timestamp": FORMATS["date-time"],
    "timestamptz": FORMATS["date-time"],
    "instant": FORMATS["date-time"],
    "date": FORMATS["date"],
    "localdate": FORMATS["date"],
    "time": FORMATS["time"],
    "uuid": FORMATS["uuid"],
    "guid": FORMATS["uuid"],
    "email": FORMATS["email"],
    "emailaddress": FORMATS["email"],
    "url": FORMATS["url"],
    "uri": FORMATS["uri"],
    "json": {},
    "jsonobject": {},
    "jsonb": {},
    "object": {},
    "any": WORD,
}
"""Values of scalars: those of section 3.5, and those that servers often add."""


class Values:
    """Makes the values of one call of a field. `needs` are those for which earlier answers must give a value."""

    def __init__(self, types: Types, kind: str, field: Member) -> None:
        self._types, self._kind, self._field = types, kind, field
        self._left = MOST_VALUES
        self.needs: dict[str, Need] = {}

    def chosen(self, *, full: bool) -> Iterator[Argument]:
        """Yield the arguments to send: those that the field must have, and with `full`, those of which a value is known, too."""
        paged = False
        for one in self._field.arguments:
            is_page = one.name.lower() in PAGE and one.type.name == "Int"
            if one.required or (is_page and not paged) or (full and not is_page and self._helps(one)):
                yield one
            paged = paged or is_page

    def _helps(self, argument: Argument) -> bool:
        if argument.name.lower() in CURSORS:
            return False
        return not self.is_id(argument) or (not self._field.type.lists and bool(self._owners(argument)))

    def is_id(self, argument: Argument) -> bool:
        """Return True if the value must be that of something which exists."""
        if argument.type.name.lower() in ID_TYPES or argument.name.lower() in ID_NAMES:
            return self._types.is_leaf(argument.type.name)
        if argument.type.name not in ("Int", "String"):
            return False
        if words(argument.name)[-1:] in (["id"], ["ids"]):
            return True
        own = self._types.members(self._field.type.name).get(argument.name)
        return self._kind == "query" and argument.required and own is not None and own.type.name == argument.type.name

    def of(self, argument: Argument, *, full: bool, depth: int = 0) -> Any:
        """Return the value of an argument. Raise Endless if there is none of a reasonable size, or of this type."""
        self._left -= 1
        if depth > DEPTH or self._left < 0 or argument.type.lists > DEPTH:
            raise Endless
        value = self._id(argument) if self.is_id(argument) else self._value(argument, full=full, depth=depth)
        for _ in range(argument.type.lists):
            value = [value]
        return value

    def _value(self, argument: Argument, *, full: bool, depth: int) -> Any:
        name, kind = argument.type.name, self._types.kind(argument.type.name)
        if kind == "ENUM":
            if choices := self._types.choices(name):
                return choices[0]
            raise Endless
        if kind == "INPUT_OBJECT":
            return self._object(name, full=full, depth=depth)
        if kind != "SCALAR" or name == "Upload":
            raise Endless
        return scalar(name, argument.name)

    def _object(self, name: str, *, full: bool, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for one in self._types.inputs(name):
            if not one.required and (not full or self.is_id(one) or one.name.lower() in CURSORS):
                continue
            try:
                made[one.name] = self.of(one, full=full, depth=depth + 1)
            except Endless:
                if one.required:
                    raise
        return made

    def _id(self, argument: Argument) -> str:
        owners = self._owners(argument)
        place = f"{self._field.name}_{argument.name}"
        self.needs[place] = Need(place, owners)
        return f"${{{place}}}"

    def _owners(self, argument: Argument) -> tuple[str, ...]:
        """Return the names of the values that will do: of the objects that the argument may mean."""
        parts = words(argument.name)
        named = self._types.object_of("_".join(parts[:-1])) if len(parts) > 1 else ""
        result = self._field.type.name
        others = (result, *self._types.possible(result), *map(self._types.object_of, _tails(self._field.name)))
        for one in (named,) if named else others:
            if one and (key := self._types.key_of(one, argument.name)):
                more = [two for two in self._types.possible(result) if self._types.kind(one) != "OBJECT"]
                keyed = [(two, self._types.key_of(two, argument.name)) for two in more] or [(one, key)]
                return tuple(f"{two}_{own}" for two, own in keyed if own)
        return ()


def _tails(name: str) -> list[str]:
    """Return the words of a name without its first ones: `updateBlogPost` gives `blog_post` and `post`."""
    parts = words(name)
    return ["_".join(parts[start:]) for start in range(1, len(parts))]


def scalar(kind: str, name: str) -> Any:
    """Return a value of a scalar type for an argument of this name."""
    lower = name.lower()
    if kind.lower() in SCALARS:
        value = SCALARS[kind.lower()]
        if kind == "Int" and lower.replace("_", "") in PAGE:
            return PAGE_LENGTH
        return 0 if kind == "Int" and lower in ZERO else value
    return next((FORMATS[form] for pattern, form in NAMES if pattern.search(name)), WORD)
