"""Which operation comes when, which IDs it needs, and where an answer has them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from slimmer.exercise.api.findings import path_to, path_to_token, value_in
from slimmer.exercise.api.operation import Body, Operation, Parameter
from slimmer.exercise.api.order import Need, Order, singular


def operation(text: str, body: Any = None, query: tuple[str, ...] = ()) -> Operation:
    method, _, path = text.partition(" ")
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    given = [Parameter(name, "path", True, ((name, "1"),)) for name in names]
    given += [Parameter(name, "query", False, ((name, "1"),)) for name in query]
    bodies = () if body is None else (Body("json", "application/json", True, json.dumps(body), json.dumps(body)),)
    return Operation(method, path, "", tuple(given), bodies)


def order(*operations: Operation | str) -> Order:
    return Order(operation(one) if isinstance(one, str) else one for one in operations)


def needs(made: Order, text: str) -> set[tuple[str, str]]:
    found = next(one for one in made.operations if str(one) == text)
    return {(use.need.thing, use.name) for use in made.uses(found)}


def test_what_is_made_comes_first_and_what_is_deleted_last() -> None:
    made = order(
        "DELETE /users/{id}", "GET /users/{id}", "PUT /users/{id}", "GET /users", "POST /users", "POST /logout", "GET /health"
    )  # fmt: skip
    assert [str(one) for one in made.operations] == [
        "POST /users", "GET /users/{id}", "GET /users", "GET /health", "PUT /users/{id}", "DELETE /users/{id}", "POST /logout",
    ]  # fmt: skip


def test_what_others_refer_to_is_made_before_them_and_deleted_after_them() -> None:
    made = order(
        operation("POST /orders", {"user_id": 1, "lines": [{"itemId": 1}]}),
        "GET /orders/{id}",
        operation("POST /items", {"owner": {"userId": 1}}),
        "DELETE /items/{id}",
        "POST /users",
        "DELETE /users/{id}",
        "DELETE /orders/{id}",
        "POST /users/{id}/posts/{post_id}/likes",
        "POST /users/{id}/posts",
    )
    names = [str(one) for one in made.operations]
    assert names[:3] == ["POST /users", "POST /items", "POST /orders"]
    assert names.index("POST /users/{id}/posts") < names.index("POST /users/{id}/posts/{post_id}/likes")
    assert names[-3:] == ["DELETE /orders/{id}", "DELETE /items/{id}", "DELETE /users/{id}"]
    assert needs(made, "POST /orders") == {("/users", "user_id"), ("/items", "itemId")}
    assert needs(made, "POST /users/{id}/posts/{post_id}/likes") == {("/users", "id"), ("/users/{}/posts", "post_id")}


@pytest.mark.parametrize(
    ("maker", "user"),
    [
        ("POST /items", "GET /items/{item_id}"),
        ("POST /item", "GET /items/{id}"),
        ("POST /items/create", "GET /items/{id}"),
        ("POST /shops/{shop_id}/items", "GET /items/{id}"),
        ("PUT /items/{name}", "GET /items/{name}"),
        ("POST /api/v2/categories/", "GET /api/v2/categories/{pk}"),
        ("GET /items", "GET /items/{id}"),
    ],
)
def test_who_makes_a_thing(maker: str, user: str) -> None:
    made = order(user, maker)
    giver = next(one for one in made.operations if str(one) == maker)
    assert [need.name for need in made.gives(giver)] == [user.rpartition("{")[2].rstrip("}")]


def test_a_name_refers_to_a_thing_wherever_it_stands() -> None:
    made = order(
        "POST /pets", "GET /pets/{petId}", operation("GET /visits", query=("pet_id", "limit")), "GET /stock/{petId}"
    )
    assert needs(made, "GET /visits") == {("/pets", "pet_id")}
    assert needs(made, "GET /stock/{petId}") == {("/pets", "petId")}


def test_a_user_registers_and_logs_in_first() -> None:
    made = order("POST /items", "GET /items/{id}", "POST /auth/login", "POST /auth/sign-up")
    assert [str(one) for one in made.operations][:3] == ["POST /auth/sign-up", "POST /auth/login", "POST /items"]


def test_a_user_logs_out_last() -> None:
    made = order("GET /user/logout", "POST /items/bulk-delete", "GET /me", "DELETE /me")
    assert [str(one) for one in made.operations] == [
        "GET /me", "DELETE /me", "POST /items/bulk-delete", "GET /user/logout",
    ]  # fmt: skip


def test_a_name_is_no_id() -> None:
    made = order("POST /files", "GET /files/{id}", operation("POST /mail", {"file_name": "a", "file_id": 1}))
    assert needs(made, "POST /mail") == {("/files", "file_id")}


def test_the_name_of_a_parameter_is_a_name_of_the_thing() -> None:
    made = order("POST /organizations", "GET /organizations/{org_id}", operation("POST /projects", {"orgId": "x"}))
    assert needs(made, "POST /projects") == {("/organizations", "orgId")}


def test_what_waits_for_each_other_does_not_wait_for_ever() -> None:
    made = order(operation("POST /as", {"b_id": 1}), operation("POST /bs", {"a_id": 1}), "GET /as/{id}", "GET /bs/{id}")
    assert len(made.operations) == 4


def test_what_ends_the_app_is_left_out() -> None:
    made = order("POST /actuator/shutdown", "POST /admin/restart", "GET /exits", "GET /restart")
    assert [str(one) for one in made.left_out] == ["POST /actuator/shutdown", "POST /admin/restart"]


def test_thousands_of_operations_are_put_in_order_soon() -> None:
    every = [operation(f"{method} /t{n}s{tail}", {f"t{n - 1}_id": 1} if method == "POST" else None) for n in range(500) for method, tail in (("POST", ""), ("GET", ""), ("GET", "/{id}"), ("DELETE", "/{id}"))]  # fmt: skip
    started = time.monotonic()
    assert len(Order(every).operations) == 2000
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("items", "item"),
        ("categories", "category"),
        ("boxes", "box"),
        ("status", "status"),
        ("address", "address"),
        ("series", "sery"),
    ],
)
def test_the_singular_of_a_word(word: str, expected: str) -> None:
    assert singular(word) == expected


@pytest.mark.parametrize(
    ("answer", "name", "path"),
    [
        ({"id": 5}, "item_id", "$['id']"),
        ({"itemId": 5, "id": 6}, "item_id", "$['itemId']"),
        ({"name": "x", "_id": "ab12"}, "id", "$['_id']"),
        ({"data": {"id": 5}}, "item_id", "$['data']['id']"),
        ({"items": [{"uuid": "a-b"}]}, "item_id", "$['items'][0]['uuid']"),
        ([{"id": 5}], "id", "$[0]['id']"),
        (5, "id", "$"),
        ({"username": "me", "id": 5}, "username", "$['username']"),
        ({"slug": "a-b", "id": 5}, "item_slug", "$['slug']"),
        ({"ok": True}, "id", ""),
        ({"id": True}, "id", ""),
        ({"id": "a/../b"}, "id", ""),
        ({"id": ".."}, "id", ""),
        ({"id": "x" * 1000}, "id", ""),
        ({"id": {"a": 1}}, "id", ""),
        (None, "id", ""),
    ],
)
def test_where_an_answer_has_the_id(answer: Any, name: str, path: str) -> None:
    assert path_to(answer, Need("/items", name)) == path


def test_an_id_that_the_client_chose() -> None:
    assert value_in({"slug": "a", "x": 1}, Need("/tags", "slug")) == "a"
    assert value_in({"x": 1}, Need("/tags", "slug")) == ""


def test_where_an_answer_has_a_token() -> None:
    assert path_to_token({"data": {"accessToken": "abc.def"}}) == "$['data']['accessToken']"
    assert path_to_token({"token": "with spaces"}) == "" == path_to_token([1])
