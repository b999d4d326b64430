"""Queries of a real GraphQL API: which fields are asked, with which IDs, what is kept and sent again; and apps that are hostile."""

from __future__ import annotations

import json
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from slimmer.errors import AppFailed
from slimmer.exercise.drive import exercise
from slimmer.exercise.expectations import replay_expectations
from slimmer.exercise.plan import Api, Crawl, ExercisePlan, GraphQl, Grpc
from slimmer.exercise.request import Request
from slimmer.exercise.result import ExerciseResult
from slimmer.exercise.verdict import failure
from tests.unit.graphql.server import SERVER
from tests.unit.local_app import LocalApp, free_port

QUERIES = GraphQl(on=True)
ALL = GraphQl(on=True, mutations=True)


class Result:
    """What came of the queries: the whole exercise, what the app was asked for, in order, and what was said."""

    def __init__(self, exercised: ExerciseResult, log: list[str], said: list[str], opened: set[str]) -> None:
        self.exercised, self.log, self.said, self.opened = exercised, log, said, opened
        self.kept = [answer for answer in exercised.answers if answer.request.source == "graphql"]
        self.told = next((one for one in exercised.generated if one.source == "graphql"), None)

    @property
    def bodies(self) -> list[bytes | None]:
        return [one.request.body for one in self.kept if isinstance(one.request, Request)]

    @property
    def numbers(self) -> tuple[int, int, int | None]:
        assert self.told
        return self.told.found, self.told.asked, self.told.answered


def ask(
    folder: Path,
    source: str = "",
    bounds: GraphQl = QUERIES,
    *,
    again: ExerciseResult | None = None,
    crawl: bool = False,
    unchanging: str = "",
) -> Result:
    """Ask an app for its fields; with `again`, send again what that run kept."""
    log, said, port = folder / "asked", list[str](), again.http_ports[0] if again else free_port()
    log.write_text("")
    setup = f"LOG = {str(log)!r}\n{textwrap.dedent(source)}\n{SERVER}\nserve({port}, handler=Server)\nforever()\n"
    with LocalApp(folder, setup, watched=True) as app:
        expected = replay_expectations(again) if again else None
        plan = ExercisePlan(
            ports=(port,),
            api=Api(on=False, unchanging=unchanging),
            crawl=Crawl(on=crawl),
            graphql=bounds,
            grpc=Grpc(on=False),
        )
        exercised = exercise(app, plan, expected, say=said.append)
    lines = (folder / "app.log").read_text().splitlines()
    return Result(exercised, log.read_text().splitlines(), said, {line[5:] for line in lines if line[:5] == "open "})


def test_queries_get_valid_arguments_and_ids_of_other_answers(tmp_path: Path) -> None:
    result = ask(tmp_path)
    assert result.numbers == (15, 10, 9), result.said
    assert result.opened == {
        "user.tmpl",
        "post.tmpl",
        "filter.so",
        "search.so",
        "node.so",
        "flag.png",
        "unknown-field.html",
    }
    assert failure(result.exercised) is None and not result.exercised.warnings
    assert result.said[1:] == [
        f"asked for 10 of 15 fields of GraphQL at /graphql: 9 answered without errors; {len(result.kept)} requests cover what they opened",
        "graphql: left out 4 mutations; to send them: --graphql-mutations",
        "graphql: left out 1 field of which no answer gave the ID: invoice",
        "graphql: 1 field answered with errors: secret",
    ]
    assert not [line for line in result.log if "mutation slimmer" in line]


def test_mutations_make_things_before_they_take_them_away(tmp_path: Path) -> None:
    result = ask(tmp_path, bounds=ALL)
    assert {"created.tmpl", "deleted.tmpl"} <= result.opened
    sent = [json.loads(line.split(" ", 2)[2]) for line in result.log if "mutation slimmer" in line]
    assert [one["query"].partition("{ ")[2].partition("(")[0] for one in sent] == ["createPost", "deletePost"]
    assert sent[0]["variables"]["input"] == {"title": "slimmer", "authorId": "1", "language": "EN"}
    assert "graphql: left out 1 mutation that would end the app: shutdown" in result.said
    assert "graphql: left out 1 mutation whose arguments cannot be made, or have no end" in result.said
    assert failure(result.exercised) is None


@pytest.mark.parametrize("bounds", [QUERIES, ALL])
def test_a_replay_finds_its_own_ids(tmp_path: Path, bounds: GraphQl) -> None:
    first = ask(tmp_path, "RANDOM_IDS = True", bounds)
    second = ask(tmp_path, "RANDOM_IDS = True", bounds, again=first.exercised)
    assert second.bodies == first.bodies and len(second.log) == len(first.kept) + 1
    assert second.opened == first.opened
    assert b"${User_id}" in b"".join(one or b"" for one in first.bodies)
    assert failure(second.exercised) is None


def test_two_runs_are_identical(tmp_path: Path) -> None:
    first, second = (ask(tmp_path, bounds=ALL) for _ in range(2))
    assert first.log == second.log and first.bodies == second.bodies
    assert first.told and second.told and replace(first.told, seconds=0) == replace(second.told, seconds=0)


def test_shared_state_is_not_changed(tmp_path: Path) -> None:
    result = ask(tmp_path, "PLACE = '/query'", ALL, unchanging="the app shares data with others (--share-mounts)")
    assert result.numbers == (0, 0, 0) and "POST /query" not in {line[:11] for line in result.log}
    result = ask(tmp_path, "", ALL, unchanging="the app shares data with others (--share-mounts)")
    assert result.numbers[2] == 9 and not [line for line in result.log if "mutation slimmer" in line]
    assert "graphql: left out 4 mutations, because the app shares data with others (--share-mounts)" in result.said


@pytest.mark.parametrize(
    "source",
    [
        "PLACE = '/query'",
        "PLACE = '/api/graphql'",
        "PLACE = '/deep/graphql/'; PAGES = {'/': \"<script>fetch('/deep/graphql/')</script>\"}",
        "PLACE = '/deep/graphql-api'; PAGES = {'/graphiql': 'createFetcher({url: \"/deep/graphql-api\"})'}",
    ],
)
def test_it_is_found_at_usual_places_and_by_pages(tmp_path: Path, source: str) -> None:
    assert ask(tmp_path, source).numbers[2] == 9


def test_an_app_without_it_gets_a_handful_of_requests(tmp_path: Path) -> None:
    result = ask(tmp_path, "PLACE = '/none'")
    assert result.told is None and not result.kept and result.said == result.said[:1]
    assert result.log[1:] == ["POST /graphql", "POST /api/graphql", "POST /v1/graphql", "POST /query", "GET /graphiql"]


def test_the_user_who_wants_mutations_is_told_if_there_are_none(tmp_path: Path) -> None:
    result = ask(tmp_path, "PLACE = '/none'", ALL)
    assert result.said[1:] == ["graphql: found no GraphQL API at the usual places (--graphql-mutations)"]


def test_a_login_is_told(tmp_path: Path) -> None:
    result = ask(tmp_path, "GUARDED = True")
    assert result.said[1:] == [
        "graphql: /graphql wants a login; to call it, ask for it in a probe file that logs in (--probe-file)"
    ]


def test_a_silent_app_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slimmer.exercise.graphql.discovery.TIMEOUT", 0.3)
    result = ask(tmp_path, "SILENT = True")
    assert result.told is None and result.log == ["GET /", "POST /graphql"]


def test_it_is_off_if_the_user_wants_so(tmp_path: Path) -> None:
    assert ask(tmp_path, "", GraphQl(on=False)).log == ["GET /"]


def test_introspection_that_is_off_is_told(tmp_path: Path) -> None:
    result = ask(tmp_path, "INTROSPECTS = False")
    assert result.said[1:] == ["graphql: /graphql: it does not tell its schema (introspection is off)"]


HOSTILE = {
    "not JSON": "{",
    "too deep": "[" * 100_000,
    "other types": json.dumps({"data": {"__schema": {"queryType": [], "types": {"a": 1}}}}),
    "names that are code": json.dumps(
        {
            "data": {
                "__schema": {
                    "queryType": {"name": "Q"},
                    "types": [
                        {
                            "kind": "OBJECT",
                            "name": "Q",
                            "fields": [
                                {
                                    "name": "a } mutation { shutdown",
                                    "args": [],
                                    "type": {"kind": "SCALAR", "name": "Int"},
                                }
                            ],
                        }
                    ],
                }
            }
        }
    ),
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
def test_an_introspection_that_is_hostile_leads_to_nothing(tmp_path: Path, answer: str) -> None:
    result = ask(tmp_path, f"ANSWER = {answer!r}", ALL)
    assert result.numbers == (0, 0, 0) and len(result.said) == 2
    assert len([line for line in result.log if line.startswith("POST")]) == 2


def test_a_query_that_ends_the_app_is_named(tmp_path: Path) -> None:
    with pytest.raises(AppFailed) as failed:
        ask(tmp_path, "FATAL = True")
    assert "query version" in str(failed.value) and "--no-graphql" in failed.value.hint
