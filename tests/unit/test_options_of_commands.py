"""Options that several commands share: in their place in each command, which gets them as values."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, cast

import pytest

from slimmer.api import words
from slimmer.api.requests import build_request
from slimmer.cli import build, keep, observe, verify
from slimmer.cli.option_groups import shares
from slimmer.errors import UsageError
from slimmer.exercise.plan import GENERATES, Api, Crawl, GraphQl, Grpc


def test_every_command_that_runs_an_image_has_the_same_options() -> None:
    asked = [set(inspect.signature(command).parameters) for command in (build.build, observe.observe, verify.verify)]
    shared = set.intersection(*asked)
    assert {"cmd", "env", "probe", "exercise", "until", "runs", "read_only", "config", "recorder"} <= shared
    assert not any("asked" in names for names in asked)
    assert {"access", "verify_as"} <= asked[0] - asked[1]


def test_every_command_that_keeps_has_the_same_options() -> None:
    names = [set(inspect.signature(command).parameters) for command in (build.build, keep.keep)]
    assert {"policy", "include", "exclude", "include_shell", "keep_file", "licences"} <= set.intersection(*names)
    assert not any("choice" in each for each in names)


def test_shared_options_become_one_value_in_the_order_of_the_commands_own() -> None:
    def _size(width: int = 1, height: int = 2) -> int:
        return width * height

    def _volume(depth: int = 3, *, size: int, unit: str = "cm") -> str:
        return f"{depth * size} {unit}"

    once = shares(size=_size)(_volume)
    twice = shares(volume=once)(lambda name, volume: f"{name}: {volume}")
    assert list(inspect.signature(twice).parameters) == ["name", "depth", "width", "height", "unit"]
    assert twice(name="box", depth=1, width=2, height=5, unit="m") == "box: 10 m"


@pytest.mark.parametrize("text", ["0", "1000", "1000680000:0", "4294967294"])
def test_a_user_is_a_number_with_or_without_a_group(text: str) -> None:
    assert words.user("--verify-as", text) == text


@pytest.mark.parametrize("text", ["", "nobody", "1000:", "-1", "4294967295", "1:4294967295", "1:2:3", "１"])
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="not UID or UID:GID"):
        words.user("--verify-as", text)


def test_the_crawl_has_its_defaults_from_one_place() -> None:
    default = Crawl()
    assert build_request("app", {}).plan.crawl == default
    assert f"Default: {default.pages}." in _help("crawl_pages")
    assert f"Default: {default.depth}." in _help("crawl_depth")
    assert f"Default: {default.seconds:g} s." in _help("crawl_seconds")


def _help(name: str) -> str:
    annotation = inspect.signature(build.build).parameters[name].annotation
    return str(annotation.__metadata__[0].help)


def test_the_bounds_of_a_crawl_are_options() -> None:
    asked = build_request("app", {"crawl": True, "crawl_pages": 7, "crawl_depth": 0, "crawl_seconds": "2.5"})
    assert asked.plan.crawl == Crawl(on=True, pages=7, depth=0, seconds=2.5)
    assert not build_request("app", {"no_http": True}).plan.crawl.on


def test_the_calls_of_an_api_begin_with_the_crawl_or_alone(tmp_path: Path) -> None:
    file = tmp_path / "api.json"
    file.write_text("{}")
    apis = {
        text: build_request("app", cast(Any, given)).plan.api
        for text, given in {
            "default": {},
            "crawl": {"crawl": True},
            "crawl alone": {"crawl": True, "no_openapi": True},
            "api alone": {"crawl": False, "openapi": "auto"},
            "a path": {"openapi": "/api/openapi.json", "openapi_seconds": "7"},
            "a file": {"openapi": file},
            "no http": {"no_http": True},
        }.items()
    }
    assert {text: api.on for text, api in apis.items()} == {
        "default": GENERATES, "crawl": True, "crawl alone": False, "api alone": True, "a path": True, "a file": True, "no http": False,
    }  # fmt: skip
    assert apis["a path"] == Api(on=True, asked=True, path="/api/openapi.json", seconds=7.0)
    assert apis["a file"] == Api(on=True, asked=True, file=str(file), content=b"{}")
    assert f"Default: {Api().seconds:g} s." in _help("openapi_seconds")


@pytest.mark.parametrize(
    ("given", "changes"),
    [
        ({}, True),
        ({"network": "none"}, True),
        ({"network": "staging"}, False),
        ({"share_mounts": True}, False),
        ({"share_mounts": True, "openapi": "auto"}, False),
        ({"env": {"DATABASE_URL": "postgres://app@db.example.com/shop"}}, False),
        ({"env": {"DATABASE_URL": "postgres://app@db.example.com/shop"}, "openapi": "auto"}, True),
        ({"env": {"DATABASE_URL": "postgres://app@db/shop"}, "with_": ["db=postgres"]}, True),
        ({"env": {"PGHOST": "10.0.0.7"}}, False),
        ({"env": {"DB_HOST": "10.0.0.7:5432"}}, False),
        ({"env": {"DB_HOST": "/run/postgresql", "CACHE": "redis://localhost:6379", "DB": "sqlite:///a.db"}}, True),
        ({"env": {"KAFKA_BROKERS": "localhost:9092,b2.example.com:9092"}}, False),
        ({"env": {"SECRET": "a://[b", "BASE_URL": "http://127.0.0.1:8000"}}, False),
        ({"env": {"LEVEL": "debug", "BIND_HOST": "0.0.0.0"}}, True),
    ],
)
def test_an_api_changes_nothing_outside_of_the_container(given: dict[str, Any], changes: bool) -> None:
    unchanging = build_request("app", cast(Any, given)).plan.api.unchanging
    assert (unchanging == "") is changes
    if not changes and "env" in given:
        assert "--env" in unchanging and "--openapi auto" in unchanging


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, ""),
        ({"share_mounts": True, "crawl": True}, "the app shares data with others (--share-mounts)"),
        (
            {"env": {"DATABASE_URL": "postgres://app@db.example.com/shop"}},
            "DATABASE_URL may lead the app to a service of others (--env); to crawl there nevertheless: --crawl",
        ),
        ({"env": {"DATABASE_URL": "postgres://app@db.example.com/shop"}, "crawl": True}, ""),
    ],
)
def test_a_crawl_behind_a_log_in_stays_in_the_container(given: dict[str, Any], why: str) -> None:
    assert build_request("app", cast(Any, given)).plan.crawl.outside == why


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, GraphQl(on=GENERATES)),
        ({"no_openapi": True}, GraphQl(on=GENERATES)),
        ({"graphql_mutations": True}, GraphQl(on=True, mutations=True)),
        ({"no_graphql": True}, GraphQl(on=False)),
        ({"no_http": True}, GraphQl(on=False)),
    ],
)
def test_graphql_has_options_of_its_own(given: dict[str, Any], expected: GraphQl) -> None:
    assert build_request("app", cast(Any, given)).plan.graphql == expected


def test_mutations_without_queries_are_refused() -> None:
    with pytest.raises(UsageError, match="contradict each other"):
        build_request("app", {"no_graphql": True, "graphql_mutations": True})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("crawl", True),
        ("openapi", "auto"),
        ("graphql_mutations", True),
        ("probe", "/shop"),
        ("probe_file", "probes.yaml"),
    ],
)
def test_requests_that_the_user_asks_for_need_http(option: str, value: object) -> None:
    words = option.replace("_", "-")
    with pytest.raises(UsageError, match=f"--no-http cannot be used with --{words}$"):
        build_request("app", cast(Any, {"no_http": True, option: value}))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, Grpc(on=GENERATES)),
        ({"grpc": False}, Grpc(on=False)),
        ({"no_http": True}, Grpc(on=False)),
        (
            {"share_mounts": True, "grpc": True},
            Grpc(asked=True, unchanging="the app shares data with others (--share-mounts)"),
        ),
        ({"env": {"DB_HOST": "10.0.0.7"}, "grpc": True}, Grpc(asked=True)),
        ({"no_http": True, "grpc": True}, Grpc(asked=True)),
        (
            {"env": {"DB_HOST": "10.0.0.7"}, "openapi": "auto"},
            Grpc(unchanging="DB_HOST may lead the app to a service of others (--env); to call them: --grpc"),
        ),
    ],
)
def test_calls_of_grpc_change_nothing_outside_of_the_container(given: dict[str, Any], expected: Grpc) -> None:
    assert build_request("app", cast(Any, given)).plan.grpc == expected


def test_sessions_write_nothing_into_data_that_others_share() -> None:
    assert build_request("app", {}).plan.protocols
    assert not build_request("app", {"share_mounts": True}).plan.protocols
    assert build_request("app", {"share_mounts": True, "protocols": True}).plan.protocols


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"openapi": "https://example.com/openapi.json"}, "--openapi: no such file"),
        ({"openapi": "//example.com/openapi.json"}, "--openapi: no such file"),
        ({"openapi": "missing.yaml"}, "--openapi: no such file"),
        ({"openapi": "auto", "no_openapi": True}, "contradict each other"),
        ({"openapi": "auto", "openapi_seconds": "x"}, "--openapi-seconds: not a number of seconds"),
    ],
)
def test_a_description_is_a_path_or_a_file(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build_request("app", cast(Any, given))


@pytest.mark.parametrize(("option", "number"), [("crawl_pages", 0), ("crawl_pages", 10_001), ("crawl_depth", -1)])
def test_a_bound_of_a_crawl_has_a_range(option: str, number: int) -> None:
    with pytest.raises(UsageError, match=f"--{option.replace('_', '-')} must be a number from"):
        build_request("app", {option: number})  # type: ignore[misc]
