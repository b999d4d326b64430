"""Calls of a real app's API: in which order, with which IDs, what is kept and sent again; and apps that are hostile."""

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
from slimmer.exercise.result import ExerciseResult, GeneratedSet
from slimmer.exercise.verdict import failure
from tests.unit.local_app import LocalApp, free_port
from tests.unit.openapi.shop import SHOP

ON = Api(on=True)


class Result:
    """What came of the calls: the whole exercise, what the app was asked for, in order, and what was said."""

    def __init__(self, exercised: ExerciseResult, log: list[str], said: list[str]) -> None:
        self.exercised, self.log, self.said = exercised, log, said
        self.kept = [answer for answer in exercised.answers if answer.request.source == "openapi"]
        self.told = next((one for one in exercised.generated if one.source == "openapi"), GeneratedSet("", 0, 0, 0))

    @property
    def calls(self) -> list[tuple[str, str, int | None]]:
        return [(one.request.method, one.request.path, one.status) for one in self.kept]


def call(
    folder: Path,
    source: str,
    bounds: Api = ON,
    *,
    watched: bool = True,
    again: ExerciseResult | None = None,
    crawl: bool = False,
) -> Result:
    """Call the API of an app; with `again`, send again what that run kept."""
    log, said, port = folder / "asked", list[str](), again.http_ports[0] if again else free_port()
    log.write_text("")
    setup = f"LOG = {str(log)!r}\n{textwrap.dedent(source)}\nserve({port}, handler=Shop)\nforever()\n"
    with LocalApp(folder, setup, watched=watched) as app:
        expected = replay_expectations(again) if again else None
        exercised = exercise(
            app,
            ExercisePlan(
                ports=(port,), api=bounds, crawl=Crawl(on=crawl), graphql=GraphQl(on=False), grpc=Grpc(on=False)
            ),
            expected,
            say=said.append,
        )
    return Result(exercised, log.read_text().splitlines(), said)


def test_nearly_every_operation_of_a_shop_is_answered_well(tmp_path: Path) -> None:
    result = call(tmp_path, SHOP)
    assert (result.told.found, result.told.asked, result.told.answered) == (44, 43, 42)
    assert (
        result.said[1]
        == f"called 43 of 44 operations of /openapi.json: 42 answered 2xx; {result.told.kept} requests cover what they opened"
    )
    assert result.said[2:] == [
        "openapi: left out 1 operation that would end the app: POST /admin/shutdown",
        "openapi: 1 operation answered 401 or 403: GET /secret; to call them, ask for them in a probe file that logs in (--probe-file)",
    ]
    opened = {line.split()[1] for line in (tmp_path / "app.log").read_text().splitlines() if line.startswith("open ")}
    assert {
        "invoice.tex",
        "libpng.so",
        "mail.tmpl",
        "error-422.html",
        "error-404.html",
        "users-removed",
        "me",
    } <= opened
    assert failure(result.exercised) is None and not result.exercised.warnings


@pytest.mark.parametrize("more", ["", "RANDOM_IDS = True\nBASE = '/shop/v1'\n"])
def test_a_replay_finds_its_own_ids(tmp_path: Path, more: str) -> None:
    first = call(tmp_path, more + SHOP)
    second = call(tmp_path, more + SHOP, again=first.exercised)
    assert second.calls == first.calls
    assert len(second.log) == len(first.kept) + 1, "what was kept, and the default request"
    assert not [
        path
        for _, path, _ in first.calls
        if path.startswith("/shop/v1/orders/") and "${" not in path and "2147480000" not in path
    ]
    if not more:
        assert [one.digest for one in second.kept] == [one.digest for one in first.kept]


def test_two_runs_are_identical(tmp_path: Path) -> None:
    first, second = (call(tmp_path, SHOP) for _ in range(2))
    assert first.calls == second.calls and first.log == second.log
    assert replace(first.told, seconds=0) == replace(second.told, seconds=0)


def test_what_opens_nothing_is_kept_only_if_it_changes_something(tmp_path: Path) -> None:
    result = call(tmp_path, SHOP)
    paths = [(method, path) for method, path, _ in result.calls]
    assert ("GET", "/health") not in paths and ("HEAD", "/items/${items_item_id}") not in paths
    assert paths.index(("POST", "/login")) < paths.index(("GET", "/me"))
    assert ("GET", "/health") in [tuple(line.split()) for line in result.log]


def test_without_a_watch_every_call_is_kept(tmp_path: Path) -> None:
    result = call(tmp_path, SHOP, watched=False)
    assert ("GET", "/health", 200) in result.calls and len(result.calls) + 1 >= len(result.log) - 1


def test_shared_state_is_not_changed(tmp_path: Path) -> None:
    result = call(tmp_path, SHOP, replace(ON, unchanging="the app shares data with others (--share-mounts)"))
    assert {line.split()[0] for line in result.log} == {"GET", "HEAD"}
    assert any("--share-mounts" in line for line in result.told.limits)


@pytest.mark.parametrize(
    "pages",
    [
        {"/docs": "<script>SwaggerUIBundle({url: '/deep/spec?openapi'})</script>"},
        {"/": "<a href='/help/api-docs'>help</a>", "/help/api-docs": "<redoc spec-url='../deep/spec?openapi'></redoc>"},
    ],
)
def test_a_page_leads_to_the_description(tmp_path: Path, pages: dict[str, str]) -> None:
    result = call(tmp_path, f"PLACE = '/deep/spec'\nPAGES = {pages!r}\n" + SHOP)
    assert result.told.answered == 42 and "/deep/spec?openapi" in result.said[1]


def test_the_user_names_the_place(tmp_path: Path) -> None:
    result = call(tmp_path, "PLACE = '/deep/spec'\n" + SHOP, replace(ON, path="/deep/spec"))
    assert result.told.answered == 42 and result.log[1] == "GET /deep/spec"


def test_a_place_that_has_none_is_told(tmp_path: Path) -> None:
    result = call(tmp_path, SHOP, replace(ON, path="/none"))
    assert result.said[1:] == ["openapi: /none answered 404"] and result.told.asked == 0


def test_a_file_of_the_user_describes_the_app(tmp_path: Path) -> None:
    described = {
        "swagger": "2.0",
        "host": "elsewhere.example.com",
        "basePath": "/users",
        "paths": {"/": {"get": {}}, "/1": {"get": {}}},
    }
    result = call(tmp_path, SHOP, replace(ON, file="api.json", content=json.dumps(described).encode()))
    assert {*result.log[1:]} == {"GET /users/", "GET /users/1", "GET /1"}, "no other host"
    result = call(tmp_path, SHOP, replace(ON, file="api.json", content=b"{"))
    assert result.said[1:] == ["openapi: api.json cannot be used: it is not JSON"]


def test_nothing_is_called_if_it_is_turned_off(tmp_path: Path) -> None:
    result = call(tmp_path, SHOP, Api(on=False))
    assert result.log == ["GET /"] and not result.exercised.generated


def test_an_app_without_a_description_is_asked_and_left(tmp_path: Path) -> None:
    result = call(tmp_path, "PLACE = '/hidden'\n" + SHOP)
    assert len(result.log) < 45 and not result.exercised.generated and len(result.said) == 1


def test_a_search_in_vain_is_told_to_those_who_asked_for_it(tmp_path: Path) -> None:
    result = call(tmp_path, "PLACE = '/hidden'\n" + SHOP, replace(ON, asked=True))
    assert result.said[1:] == [
        "openapi: found no description of an API at the usual places: name its path or a file (--openapi)"
    ]


def test_the_path_of_a_proxy_is_left_out(tmp_path: Path) -> None:
    proxied = 'description["servers"] = [{"url": "https://shop.example.com/proxy/v1"}]\n'
    result = call(tmp_path, SHOP + "\n" + proxied)
    assert result.told.answered == 42 and not any(
        "/proxy/" in path for _, path, status in result.calls if status == 200
    )


def test_the_crawl_and_the_calls_are_both_sent_again(tmp_path: Path) -> None:
    first = call(tmp_path, SHOP, crawl=True)
    assert [one.source for one in first.exercised.generated] == ["crawl", "openapi"]
    second = call(tmp_path, SHOP, again=first.exercised)
    assert second.calls == first.calls


def test_secrets_of_answers_are_in_no_request(tmp_path: Path) -> None:
    source = SHOP + textwrap.dedent(
        """
        SECRET = "s3cret-token-" + ("%x" % os.getpid())
        @operation("post", "/auth/token", body={"type": "object", "required": ["username"], "properties": {"username": {"type": "string"}}})
        def token(call):
            text(call.data, "username")
            return {"access_token": SECRET, "token_type": "bearer"}
        @operation("get", "/private")
        def private(call):
            need(call.headers.get("Authorization") == f"Bearer {SECRET}", "who?", 401)
            open_once("private")
            return {"yours": SECRET}
        """
    )
    first = call(tmp_path, source)
    assert ("GET", "/private", 200) in first.calls
    assert "s3cret" not in repr(first.exercised) and all(b"s3cret" not in (one.body or b"") for one in first.kept)
    second = call(tmp_path, source, again=first.exercised)
    assert second.calls == first.calls and [one.digest for one in second.kept] == [one.digest for one in first.kept]


def test_an_app_that_a_call_ends_is_told_with_a_remedy(tmp_path: Path) -> None:
    source = SHOP + "\n@operation('get', '/boom')\ndef boom(call):\n    print('oh'); os._exit(3)\n"
    with pytest.raises(AppFailed, match=r"code 3 while slimmer called GET /boom of its API") as caught:
        call(tmp_path, source)
    assert "--no-openapi" in str(caught.value.hint)


def test_a_capture_that_fails_in_a_replay_is_a_difference_to_find(tmp_path: Path) -> None:
    first = call(tmp_path, SHOP)
    broken = (
        SHOP
        + "\nmade_before = made\ndef made(kind, data, key=None):\n    return {'made': bool(made_before(kind, data, key))}\n"
    )
    second = call(tmp_path, broken, again=first.exercised)
    shown = next(one for one in second.kept if one.request.path == "/users/${users_user_id}")
    assert shown.unsent and shown.status is None and failure(second.exercised) is None
    assert shown.problem.endswith(
        "it was not sent: `path` needs `${users_user_id}`, which has no value because no answer gave one"
    )


HOSTILE = {
    "silence": ("@operation('get', '/hang')\ndef hang(call):\n    time.sleep(600)", "got no whole answer"),
    "more than is read": ("@operation('get', '/much')\ndef much(call):\n    return 'x' * (20 << 20)", ""),
    "errors": (
        "@operation('get', '/error')\ndef error(call):\n    need(False, 'oh', 500)",
        "1 operation answered 500: GET /error",
    ),
    "an ID that leads elsewhere": (
        "@operation('post', '/ways')\ndef ways(call):\n    call.location = 'http://192.0.2.1/x'; return {'id': '../../x'}\n@operation('get', '/ways/{way_id}')\ndef way(call, key):\n    return key",
        "",
    ),
    "an answer that is nested too deeply": (
        "@operation('post', '/deep')\ndef deep(call):\n    call.wfile.write(b'HTTP/1.0 200 OK\\r\\n\\r\\n' + b'[' * 200_000); call.wfile.flush(); call.connection.close()\n@operation('get', '/deep/{id}')\ndef way(call, key):\n    return key",
        "",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_app_is_called_to_the_end(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slimmer.exercise.api.caller.TIMEOUT", 0.5)
    source, line = HOSTILE[name]
    few = "paths.clear(); handlers.clear()\n"
    result = call(tmp_path, SHOP + "\n" + few + source + "\n")
    assert line in "\n".join(result.told.limits), result.told.limits
    assert failure(result.exercised) is None and result.told.asked >= 1
    assert all("192.0.2.1" not in one.request.path for one in result.kept)


def test_the_time_is_a_bound(tmp_path: Path) -> None:
    result = call(tmp_path, SHOP, replace(ON, seconds=0.0))
    assert result.told.limits[0].startswith("left out 1 operation") or "stopped after 0 s" in "".join(
        result.told.limits
    )
    assert any(
        line.startswith("stopped after 0 s with 43 operations left (--openapi-seconds)") for line in result.told.limits
    )


def test_the_requests_of_the_user_come_first_and_stay_theirs(tmp_path: Path) -> None:
    own = Request("GET", "/health", (("X-Key", "k"),))
    port, log = free_port(), tmp_path / "asked"
    log.write_text("")
    setup = f"LOG = {str(log)!r}\n{SHOP}\nserve({port}, handler=Shop)\nforever()\n"
    with LocalApp(tmp_path, setup, watched=True) as app:
        exercised = exercise(
            app,
            ExercisePlan(
                ports=(port,), requests=(own,), explicit=True, api=ON, graphql=GraphQl(on=False), grpc=Grpc(on=False)
            ),
        )
    assert exercised.answers[0].request is own
    assert all(
        ("X-Key", "k") not in one.request.headers for one in exercised.answers[1:] if isinstance(one.request, Request)
    )
