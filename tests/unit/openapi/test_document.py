"""Descriptions of both versions, in JSON and YAML; and those that are broken, hostile or huge."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import yaml

from slimmer.exercise.api.discovery import is_likely, linked, read_mentions
from slimmer.exercise.api.document import read_description
from slimmer.exercise.api.operation import Description, Operation
from slimmer.sandbox.sandbox import Job, Sandbox


def described(paths: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"openapi": "3.0.3", "paths": paths, **more}


def read(document: Any, place: str = "/openapi.json") -> Description:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_description(content, place)


def only(document: Any, place: str = "/openapi.json") -> Operation:
    found = read(document, place)
    assert not found.problem and len(found.operations) == 1, found
    return found.operations[0]


PET = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "born": {"type": "string", "format": "date"}},
}


def test_an_operation_has_its_parameters_and_its_body() -> None:
    operation = only(
        described(
            {
                "/pets/{petId}": {
                    "parameters": [{"name": "petId", "in": "path", "required": True, "schema": {"type": "integer"}}],
                    "put": {
                        "operationId": "changePet",
                        "parameters": [
                            {"name": "dry", "in": "query", "schema": {"type": "boolean"}},
                            {"name": "tag", "in": "query", "schema": {"type": "array", "items": {"enum": ["a"]}}},
                            {
                                "name": "f",
                                "in": "query",
                                "style": "deepObject",
                                "schema": {"properties": {"x": {"const": 1}}},
                            },
                            {"name": "X-Key", "in": "header", "schema": {"type": "string"}, "example": "k"},
                            {"name": "Authorization", "in": "header", "schema": {"type": "string"}},
                        ],
                        "requestBody": {
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}
                        },
                    },
                }
            },
            components={"schemas": {"Pet": PET}},
        )
    )
    assert (str(operation), operation.label) == ("PUT /pets/{petId}", "changePet")
    assert [one.pairs for one in operation.parameters] == [
        (("petId", "1"),), (("dry", "true"),), (("tag", "a"),), (("f[x]", "1"),), (("X-Key", "k"),),
    ]  # fmt: skip
    body = operation.body[0]
    assert (body.kind, json.loads(body.full)) == ("json", {"name": "slimmer", "born": "2024-01-15"})
    assert (json.loads(body.least), body.wrong) == ({"name": "slimmer"}, "{}")


def test_swagger_2_is_read_like_openapi_3() -> None:
    document = {
        "swagger": "2.0",
        "host": "petstore.example.com",
        "basePath": "/v2",
        "consumes": ["application/json"],
        "definitions": {"Pet": PET},
        "paths": {
            "/pet": {"post": {"parameters": [{"name": "body", "in": "body", "required": True, "schema": {"$ref": "#/definitions/Pet"}}]}},
            "/find": {"get": {"parameters": [{"name": "s", "in": "query", "type": "array", "items": {"type": "string", "enum": ["x"]}, "collectionFormat": "multi"}]}},
            "/upload": {"post": {"consumes": ["multipart/form-data"], "parameters": [{"name": "file", "in": "formData", "type": "file"}, {"name": "n", "in": "formData", "type": "integer", "required": True}]}},
        },
    }  # fmt: skip
    pet, find, upload = read(document).operations
    assert str(pet) == "POST /v2/pet" and json.loads(pet.body[0].full)["name"] == "slimmer"
    assert find.parameters[0].pairs == (("s", "x"),)
    assert (upload.body[0].kind, upload.body[0].files) == ("multipart", (("file", "text/plain"),))


def test_yaml_has_dates_and_numbers_as_json_has_them() -> None:
    text = b"""
openapi: 3.1.0
paths:
  /on/{day}:
    get:
      parameters: [{name: day, in: path, required: true, schema: {type: string, example: 2024-02-03}}]
      responses: {200: {description: fine}}
"""
    assert only(text).parameters[0].pairs == (("day", "2024-02-03"),)


@pytest.mark.parametrize(
    ("servers", "path"),
    [
        ([{"url": "https://api.example.com/v1"}], "/v1/a"),
        ([{"url": "//evil.example.com:99/x/"}], "/x/a"),
        (
            [{"url": "{scheme}://h/{base}", "variables": {"scheme": {"default": "https"}, "base": {"default": "b"}}}],
            "/b/a",
        ),
        ([{"url": "/"}], "/a"),
        ([{"url": "v3"}], "/api/v3/a"),
        ([{"url": "http://[broken"}], "/a"),
        ("nonsense", "/a"),
        ([], "/a"),
    ],
)
def test_only_the_path_of_a_server_counts(servers: Any, path: str) -> None:
    assert only(described({"/a": {"get": {}}}, servers=servers), "/api/openapi.json").path == path


@pytest.mark.parametrize(
    ("own", "whole", "secured"),
    [
        (None, [{"a": []}], True),
        ([], [{"a": []}], False),
        ([{"a": []}, {}], None, False),
        ([{"a": []}], None, True),
        (None, None, False),
    ],
)
def test_what_needs_a_login(own: Any, whole: Any, secured: bool) -> None:
    operation = {} if own is None else {"security": own}
    more = {} if whole is None else {"security": whole}
    assert only(described({"/a": {"get": operation}}, **more)).secured is secured


def test_the_example_of_a_body_comes_first() -> None:
    content = {"schema": PET, "examples": {"a": {"value": {"name": "Rex"}}}}
    operation = only(described({"/a": {"post": {"requestBody": {"content": {"application/json": content}}}}}))
    assert json.loads(operation.body[0].full) == {"name": "Rex"}


def test_a_parameter_that_the_description_forgot_is_there() -> None:
    assert only(described({"/a/{b}": {"get": {}}})).parameters[0].name == "b"


def test_what_slimmer_cannot_do_is_told() -> None:
    ring = {"type": "object", "required": ["r"], "properties": {"r": {"$ref": "#/components/schemas/Ring"}}}
    found = read(
        described(
            {
                "/xml": {"post": {"requestBody": {"required": True, "content": {"application/xml": {}}}}},
                "/ring": {"post": {"requestBody": {"content": {"application/json": {"schema": ring}}}}},
                "no slash": {"get": {}},
                "/else": {"get": {"parameters": [{"$ref": "http://192.0.2.1/p.json#/x"}, {"$ref": "#/nothing"}]}},
            },
            components={"schemas": {"Ring": ring}},
        )
    )
    assert found.found == 4 and [str(one) for one in found.operations] == ["GET /else"]
    text = "\n".join(found.notes)
    for part in (
        "bodies of application/xml are not made",
        "have no end",
        "paths are none",
        "(never fetched): http://192.0.2.1/p.json",
        "#/nothing",
    ):
        assert part in text


DEEP = b'{"openapi": "3.0.0", "paths": ' + b'{"a": ' * 100_000
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is no object"),
        (b"<html>", "it is no object"),
        (b"{", "it is not JSON"),
        (b'{"openapi": NaN}', "it is not JSON"),
        (b"[1]", "it is no object"),
        (b'{"openapi": "4.0.0"}', "it is neither OpenAPI 3 nor Swagger 2"),
        (b'{"openapi": "3.0.0"}', "it has no operations"),
        (b'{"openapi": "3.0.0", "paths": [1, 2]}', "it has no operations"),
        (b"a: [", "it is not YAML"),
        (b"openapi: !!python/object/apply:os.system [ls]", "it is not YAML"),
        (b"openapi: 3.0.0\nopenapi: 3.0.1", "occurs twice"),
        (BOMB.encode(), "too large with its aliases expanded"),
        (b"\xff\xfe\x00", "it is not YAML"),
    ],
)
def test_what_is_no_description_is_told_in_one_line(content: bytes, why: str) -> None:
    problem = read(content).problem
    assert why in problem and "\n" not in problem


def test_a_thousand_operations_are_read_and_the_rest_is_left_out() -> None:
    schemas = {
        f"S{n}": {"properties": {f"p{m}": {"$ref": f"#/components/schemas/S{n + 1}"} for m in range(8)}}
        for n in range(30)
    }
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}
    paths = {f"/{n}": {"post": {"requestBody": body}, "get": {}} for n in range(1500)}
    started = time.monotonic()
    found = Sandbox().facts(
        read_description,
        Description,
        [Job("d", json.dumps(described(paths, components={"schemas": schemas})).encode(), ("/",))],
    )[0]
    assert found is not None and found.found == 3000
    assert len(found.operations) >= 1000 and any("only the first 2,000 are read" in note for note in found.notes)
    assert time.monotonic() - started < 10


def test_hostile_documents_end_their_child_alone() -> None:
    sandbox = Sandbox()
    jobs = [
        Job(f"{n}", content, ("/",))
        for n, content in enumerate((DEEP, b"[" * 50_000, yaml.dump(described({"/a": {"get": {}}})).encode()))
    ]
    found = sandbox.facts(read_description, Description, jobs)
    assert found[2] is not None and not found[2].problem
    assert all(one is None or one.problem for one in found[:2])


@pytest.mark.parametrize(
    ("page", "link"),
    [
        ("<script>SwaggerUIBundle({url: '/spec/openapi.json', dom_id: '#x'})</script>", "/spec/openapi.json"),
        ("<redoc spec-url='../my-swagger'></redoc>", "../my-swagger"),
        ('<script id=api data-url="/deep/openapi"></script>', "/deep/openapi"),
        ("<script src='./swagger-initializer.js'></script>", "./swagger-initializer.js"),
        ('{"configUrl": "/v3/api-docs/swagger-config", "urls": [{"url": "/v3/api-docs/a"}]}', "/v3/api-docs/a"),
        ('<link rel="service-desc" href="/api.yaml">', "/api.yaml"),
        ('window.ui = {"url": "\\/api\\/docs-json"}', "/api/docs-json"),
    ],
)
def test_a_page_names_its_description(page: str, link: str) -> None:
    assert link in read_mentions(page.encode()).links


def test_pictures_and_libraries_are_no_descriptions() -> None:
    page = b"<link href='swagger-ui.css'><script src='swagger-ui-bundle.js'></script><img src='openapi.png'>"
    assert not read_mentions(page).links


def test_an_answer_may_link_its_description() -> None:
    assert linked((("link", '</a>; rel="next", </spec>; rel="service-desc"'),)) == ("/spec",)


def test_a_page_is_no_description() -> None:
    assert is_likely(b'{"openapi":"3.0.0"', "application/json") and is_likely(b"swagger: '2.0'", "text/plain")
    assert not is_likely(b'{"openapi":"3.0.0"', "text/html") and not is_likely(b'{"a": 1}', "application/json")
