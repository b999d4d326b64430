"""The fields of the query and mutation types, each with the calls that slimmer makes of it."""

from __future__ import annotations

from dataclasses import dataclass

from slimmer.exercise.api.order import ENDING, LEAVING, LOGOUT, words


@dataclass(frozen=True, slots=True)
class Need:
    """A value that only another answer gives. `place` stands for it in a call, as `${place}`. `values`: the names of those that will do."""

    place: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gift:
    """A value that an answer has: its name, such as `User_id`, and its JSON path (RFC 9535)."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Call:
    """One request: a document and the JSON of its variables, which have a place for each need."""

    document: str
    variables: str
    needs: tuple[Need, ...] = ()
    gifts: tuple[Gift, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A field and its calls: with the arguments that it must have, and then with all. `kind` is "query" or "mutation"."""

    kind: str
    name: str
    calls: tuple[Call, ...]

    @property
    def takes_away(self) -> bool:
        """True for a mutation that deletes something, or logs out."""
        found = {*words(self.name)}
        return not (LEAVING | LOGOUT).isdisjoint(found)

    @property
    def ends_app(self) -> bool:
        """True for a mutation that seems to end the app."""
        return self.kind == "mutation" and not ENDING.isdisjoint(words(self.name))


@dataclass(frozen=True, slots=True)
class Schema:
    """What an introspection says. `problem`: why it cannot be used; "" if it can. `queries` and `mutations`: how many fields there are.

    `left_out` and `left_out_mutations`: what was left out of them, a line each.
    """

    problem: str = ""
    queries: int = 0
    mutations: int = 0
    fields: tuple[Field, ...] = ()
    left_out: tuple[str, ...] = ()
    left_out_mutations: tuple[str, ...] = ()
