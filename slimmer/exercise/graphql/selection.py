"""What to select of a field's result: all that needs no arguments, to a certain depth, without going in circles."""

from __future__ import annotations

from collections.abc import Iterator

from slimmer.exercise.graphql.field import Gift
from slimmer.exercise.graphql.types import Member, Types

DEPTH = 5
"""How many objects are nested at most. Servers often refuse more than 7 or 10."""

BREADTH = 30
"""The most fields of one object."""

MOST_FIELDS = 150
"""The most fields of one selection."""

KINDS = 3
"""The most objects of an interface or a union."""


class Selection:
    """The selection of one field. `gifts` are the values in the answer that later calls may need."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._left = MOST_FIELDS
        self.gifts: list[Gift] = []

    def of(self, field: Member) -> str:
        """Return the selection set with its braces; "" for a field without fields of its own."""
        path = f"$['data']['{field.name}']" + "[0]" * field.type.lists
        text = self._set(field.type.name, path, (), given=True)
        return f" {text}" if text else ""

    def _set(self, name: str, path: str, inside: tuple[str, ...], *, given: bool) -> str:
        """Return a selection set. Without `given`, the position of the object says nothing about its type."""
        if self._types.is_leaf(name):
            return ""
        parts = list(self._fields(name, path, (*inside, name), given=given and self._types.kind(name) == "OBJECT"))
        if self._types.kind(name) in ("UNION", "INTERFACE"):
            parts = ["__typename", *parts, *self._fragments(name, {part.split(" ", 1)[0] for part in parts})]
        return f"{{ {' '.join(parts or ['__typename'])} }}"

    def _fields(self, name: str, path: str, inside: tuple[str, ...], *, given: bool) -> Iterator[str]:
        """Yield what to select of an object: what has no fields of its own comes first."""
        leaves, others = self._types.selectable(name)
        for one in [*leaves, *others][:BREADTH]:
            is_leaf = self._types.is_leaf(one.type.name)
            if self._left <= 0 or (not is_leaf and (len(inside) >= DEPTH or one.type.name in inside)):
                continue
            self._left -= 1
            place = f"{path}['{one.name}']" + "[0]" * one.type.lists
            if is_leaf:
                if given and not one.type.lists:
                    self.gifts.append(Gift(f"{name}_{one.name}", place))
                yield one.name
            else:
                yield f"{one.name} {self._set(one.type.name, place, inside, given=given)}"

    def _fragments(self, name: str, used: set[str]) -> Iterator[str]:
        """Yield the fields of the objects that an interface or a union may be. A name that is used already may have another type."""
        for kind in self._types.possible(name)[:KINDS]:
            leaves, _ = self._types.selectable(kind)
            names = [one.name for one in leaves if one.name not in used][:BREADTH]
            self._left -= len(names)
            used.update(names)
            if names and self._left > 0:
                yield f"... on {kind} {{ {' '.join(names)} }}"
