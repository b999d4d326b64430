"""Read an introspection into calls. This runs in the sandbox, because it comes from an app that is not trusted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from slimmer.exercise.api.schema import Endless, node
from slimmer.exercise.graphql.argument import Values
from slimmer.exercise.graphql.field import Call, Field, Schema
from slimmer.exercise.graphql.selection import Selection
from slimmer.exercise.graphql.types import Argument, Member, Types
from slimmer.formatting import counted
from slimmer.sandbox.readers import reader

MOST_FIELDS = 500
"""The most fields of the query type, and of the mutation type."""

ROOM = 4 << 20
"""The characters of all calls."""

KINDS = (("query", "queryType"), ("mutation", "mutationType"))

_TYPE = "kind name " + "ofType { kind name " * 7 + "} " * 7
_ARGUMENT = f"name defaultValue type {{ {_TYPE}}}"
INTROSPECTION = " ".join(
    "query slimmer { __schema { queryType { name } mutationType { name } types { kind name "
    f"fields {{ name args {{ {_ARGUMENT} }} type {{ {_TYPE}}} }} inputFields {{ {_ARGUMENT} }} "
    "enumValues { name } possibleTypes { name } } } }".split()
)
"""The query that asks an API what it has (section 4.2). Deprecated fields are not asked for."""


@reader
def read_schema(content: bytes) -> Schema:
    """Read the answer to INTROSPECTION."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return Schema("its answer is not JSON")
    root = node(node(node(value).get("data")).get("__schema"))
    if not root:
        return Schema("it does not tell its schema (introspection is off)")
    return _Reader(Types(root)).schema([(kind, _name(root.get(key))) for kind, key in KINDS])


def _name(given: object) -> str:
    name = node(given).get("name")
    return name if isinstance(name, str) else ""


class _Reader:
    def __init__(self, types: Types) -> None:
        self._types = types
        self._room = ROOM
        self._left_out: Counter[tuple[str, str]] = Counter()

    def schema(self, roots: list[tuple[str, str]]) -> Schema:
        numbers = {kind: len(self._types.members(name)) for kind, name in roots}
        if not numbers["query"]:
            return Schema("its schema has no queries")
        fields = [one for kind, name in roots for one in self._fields(kind, name)]
        wanted = {value for field in fields for call in field.calls for need in call.needs for value in need.values}
        kept = tuple(replace(one, calls=tuple(_giving(call, wanted) for call in one.calls)) for one in fields)
        return Schema("", numbers["query"], numbers["mutation"], kept, *(tuple(self._notes(kind)) for kind, _ in KINDS))

    def _notes(self, kind: str) -> Iterator[str]:
        for (own, why), number in self._left_out.items():
            if own == kind:
                yield f"left out {counted(number, 'field' if kind == 'query' else kind)} {why}"

    def _fields(self, kind: str, name: str) -> Iterator[Field]:
        for at, member in enumerate(self._types.members(name).values()):
            if at >= MOST_FIELDS:
                self._left_out[kind, f"after the first {MOST_FIELDS}"] += 1
                continue
            try:
                calls = tuple(self._calls(kind, member))
            except Endless:
                self._left_out[kind, "whose arguments cannot be made, or have no end"] += 1
                continue
            yield Field(kind, member.name, calls)

    def _calls(self, kind: str, member: Member) -> Iterator[Call]:
        """Yield the calls: a query with what it must have first, since other arguments often mean less; a mutation with all first."""
        made = [self._call(kind, member, full=False)]
        try:
            more = self._call(kind, member, full=True)
            made.insert(0 if kind == "mutation" else 1, more)
        except Endless:
            pass
        yield from dict.fromkeys(made)

    def _call(self, kind: str, member: Member, *, full: bool) -> Call:
        values, selection = Values(self._types, kind, member), Selection(self._types)
        declared, given, variables = list[str](), list[str](), {}
        for one in values.chosen(full=full):
            try:
                value = values.of(one, full=full)
            except Endless:
                if one.required:
                    raise
                continue
            if _is_number(one, values):
                given.append(f"{one.name}: {value}")  # an ID is often a text in answers, where the argument is a number
            else:
                declared.append(f"${one.name}: {one.type.text}")
                given.append(f"{one.name}: ${one.name}")
                variables[one.name] = value
        chosen = selection.of(member)
        head = f"{kind} slimmer" + (f"({', '.join(declared)})" if declared else "")
        arguments = f"({', '.join(given)})" if given else ""
        text = f"{head} {{ {member.name}{arguments}{chosen} }}"
        written = json.dumps(variables)
        self._room -= len(text) + len(written)
        if self._room < 0:
            raise Endless
        return Call(text, written, tuple(values.needs.values()), tuple(selection.gifts))


def _is_number(argument: Argument, values: Values) -> bool:
    return argument.type.name == "Int" and not argument.type.lists and values.is_id(argument)


def _giving(call: Call, wanted: set[str]) -> Call:
    return replace(call, gifts=tuple(one for one in call.gifts if one.name in wanted))
