"""Calls that are made of a schema: their arguments and selections, also of schemas that have no end."""

from __future__ import annotations

import json
from typing import Any

from slimmer.exercise.graphql.document import read_schema
from slimmer.exercise.graphql.field import Need
from slimmer.sandbox.facts import dump_facts, load_facts


def scalar(name: str) -> dict[str, Any]:
    return {"kind": "SCALAR", "name": name}


def required(kind: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "NON_NULL", "name": None, "ofType": kind}


def member(name: str, kind: dict[str, Any], **arguments: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "type": kind, "args": [{"name": one, "type": own} for one, own in arguments.items()]}


def thing(name: str, *fields: dict[str, Any], kind: str = "OBJECT") -> dict[str, Any]:
    return {"kind": kind, "name": name, "inputFields" if kind == "INPUT_OBJECT" else "fields": list(fields)}


def answer(*types: dict[str, Any]) -> bytes:
    basic = [scalar(name) for name in ("ID", "Int", "String", "Boolean", "DateTime")]
    return json.dumps({"data": {"__schema": {"queryType": {"name": "Query"}, "types": [*types, *basic]}}}).encode()


def test_an_id_may_be_a_number_where_answers_have_a_text() -> None:
    content = answer(
        thing("Query", member("item", {"kind": "OBJECT", "name": "Item"}, id=required(scalar("Int")))),
        thing("Item", member("id", scalar("ID")), member("name", scalar("String"))),
    )
    [field] = read_schema(content).fields
    [call] = field.calls
    assert call.document == "query slimmer { item(id: ${item_id}) { id name } }" and call.variables == "{}"
    assert call.needs == (Need("item_id", ("Item_id",)),)
    assert [(one.name, one.path) for one in call.gifts] == [("Item_id", "$['data']['item']['id']")]


def test_values_follow_types_and_names() -> None:
    content = answer(
        thing(
            "Query",
            member(
                "find",
                scalar("Boolean"),
                email=required(scalar("String")),
                since=required(scalar("DateTime")),
                first=scalar("Int"),
                after=scalar("String"),
                deep={"kind": "LIST", "name": None, "ofType": required({"kind": "INPUT_OBJECT", "name": "Deep"})},
            ),
        ),
        thing("Deep", member("on", required(scalar("Boolean"))), member("of", scalar("String")), kind="INPUT_OBJECT"),
    )
    least, full = read_schema(content).fields[0].calls
    assert json.loads(least.variables) == {
        "email": "slimmer@example.com",
        "since": "2024-01-15T12:00:00Z",
        "first": 3,
    }
    assert json.loads(full.variables)["deep"] == [{"on": True, "of": "slimmer"}]
    assert "$deep: [Deep!]" in full.document and "after" not in full.document


def test_circles_and_floods_are_bounded() -> None:
    wide = [member(f"f{at}", {"kind": "OBJECT", "name": f"T{at % 40}"}) for at in range(100)]
    types = [thing(f"T{at}", member("id", scalar("ID")), *wide) for at in range(40)]
    loop = thing("Loop", member("next", required({"kind": "INPUT_OBJECT", "name": "Loop"})), kind="INPUT_OBJECT")
    endless = member("endless", scalar("Int"), loop=required({"kind": "INPUT_OBJECT", "name": "Loop"}))
    roots = [member(f"q{at}", {"kind": "OBJECT", "name": f"T{at % 40}"}) for at in range(600)]
    found = read_schema(answer(thing("Query", endless, *roots), *types, loop))
    assert found.queries == 601 and len(found.fields) == 499
    assert found.left_out == (
        "left out 1 field whose arguments cannot be made, or have no end",
        "left out 101 fields after the first 500",
    )
    assert max(len(call.document) for field in found.fields for call in field.calls) < 4_000
    assert max(call.document.count("{") for field in found.fields for call in field.calls) < 200
    assert load_facts(type(found), dump_facts(found)) == found
