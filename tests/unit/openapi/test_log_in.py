"""APIs behind a log-in of the user's requests: who is called as a stranger, who with the cookies, and the same again in another run."""

from __future__ import annotations

from pathlib import Path

from slimmer.exercise.drive import exercise
from slimmer.exercise.expectations import replay_expectations
from slimmer.exercise.plan import Api, Crawl, ExercisePlan, GraphQl, Grpc
from slimmer.exercise.probe_file import requests_from_file
from slimmer.exercise.request import Request
from slimmer.exercise.result import ExerciseResult
from slimmer.exercise.verdict import failure
from slimmer.verify.behaviour import compare_behaviour
from tests.unit.local_app import LocalApp, free_port

APP = r"""
import json, secrets

sessions, items, opened = set(), {}, set()
GET = {"parameters": [], "responses": {"200": {"description": "fine"}}}
BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {
    "type": "object", "required": ["title"], "properties": {"title": {"type": "string"}}}}}}}
ID = {"parameters": [{"name": "item_id", "in": "path", "required": True, "schema": {"type": "string"}}]}
API = {"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {
    "/public": {"get": GET},
    "/items": {"get": GET, "post": GET | BODY},
    "/items/{item_id}": {"get": GET | ID, "delete": GET | ID},
    "/profile": {"get": GET},
    "/logout": {"post": GET},
}}
STRING = {"kind": "SCALAR", "name": "String", "ofType": None}
FIELD = {"name": "secret", "args": [], "type": STRING, "isDeprecated": False}
SCHEMA = {"__schema": {"queryType": {"name": "Query"}, "mutationType": None, "types": [
    {"kind": "OBJECT", "name": "Query", "fields": [FIELD], "inputFields": None, "enumValues": None, "possibleTypes": None},
    {"kind": "SCALAR", "name": "String", "fields": None, "inputFields": None, "enumValues": None, "possibleTypes": None}]}}

class App(Handler):
    def do_GET(self):
        self.serve_one()

    do_POST = do_DELETE = do_GET

    def serve_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        known = any(f"sid={one}" in self.headers.get("Cookie", "") for one in sessions)
        with open(LOG, "a") as log:
            print(self.command, self.path, "known" if known else "stranger", file=log)
        place = (self.command, self.path)
        if place == ("POST", "/login"):
            sid = secrets.token_hex(8)
            sessions.add(sid)
            return self.say(200, {"welcome": sid}, sid)
        if place == ("GET", "/openapi.json"):
            return self.say(200, API)
        if place == ("GET", "/public"):
            return self.say(200, {})
        if place == ("GET", "/profile") and not known:
            return self.say(302, {}, location="/login")
        if self.path == "/graphql" and not known:
            return self.say(401, {"errors": [{"message": "who?"}]})
        if self.path == "/graphql":
            query = json.loads(body)["query"]
            if "__schema" in query:
                return self.say(200, {"data": SCHEMA})
            self.open("graphql")
            return self.say(200, {"data": {"__typename": "Query"} if "__typename" in query else {"secret": "s"}})
        if self.path.startswith(("/items", "/profile", "/logout")) and not known:
            return self.say(401, {})
        if place == ("POST", "/items"):
            name = secrets.token_hex(8)
            items[name] = json.loads(body)
            self.open("made")
            return self.say(201, {"id": name})
        if place == ("GET", "/items"):
            self.open("list")
            return self.say(200, [])
        if place == ("GET", "/profile"):
            self.open("profile")
            return self.say(200, {"name": "ann"})
        if self.path.startswith("/items/") and self.path[7:] in items:
            self.open(self.command)
            return self.say(200, {"title": "x"} if self.command == "GET" else {"gone": bool(items.pop(self.path[7:]))})
        self.say(404, {})

    def open(self, name):
        if name not in opened:
            opened.add(name)
            print("open", name, flush=True)

    def say(self, status, value, sid="", location=""):
        data = json.dumps(value).encode()
        self.send_response(status)
        if sid:
            self.send_header("Set-Cookie", f"sid={sid}; Path=/; HttpOnly")
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
"""


def run(
    folder: Path, *, log_in: bool = True, again: ExerciseResult | None = None, outside: str = ""
) -> tuple[ExerciseResult, list[str], list[str]]:
    """Exercise the app. Return what came of it, what it was asked for and by whom, and what was said."""
    log, said, port = folder / "asked", list[str](), again.http_ports[0] if again else free_port()
    log.write_text("")
    method = "POST" if log_in else "GET"
    (folder / "probes.yaml").write_text(f"[{{method: {method}, path: /login, capture: {{sid: {{regex: '.+'}}}}}}]")
    plan = ExercisePlan(
        requests=requests_from_file(folder / "probes.yaml"), explicit=True, ports=(port,),
        crawl=Crawl(on=False, outside=outside), api=Api(on=True, unchanging=outside), graphql=GraphQl(on=True), grpc=Grpc(on=False),
    )  # fmt: skip
    with LocalApp(folder, f"{APP}\nLOG = {str(log)!r}\nserve({port}, handler=App)\nforever()", watched=True) as app:
        exercised = exercise(app, plan, replay_expectations(again) if again else None, say=said.append)
    return exercised, log.read_text().splitlines(), said


def kept(exercised: ExerciseResult) -> set[tuple[str, str, int | None, bool]]:
    return {
        (one.request.method, one.request.path, one.status, one.request.session is not None)
        for one in exercised.answers
        if isinstance(one.request, Request) and one.request.source
    }


def test_what_strangers_may_not_call_is_called_with_the_cookies(tmp_path: Path) -> None:
    exercised, asked, said = run(tmp_path)
    assert failure(exercised) is None
    assert "called 7 of 7 operations of /openapi.json: 6 answered 2xx" in said[1]
    assert "GET /items stranger" in asked and "GET /items known" in asked
    assert "GET /public stranger" in asked and "GET /public known" not in asked
    assert "GET /profile stranger" in asked and "GET /profile known" in asked
    assert "POST /logout stranger" in asked and "POST /logout known" not in asked
    assert {("POST", "/items", 201, True), ("GET", "/profile", 200, True)} <= kept(exercised)
    assert ("GET", "/items/${items_item_id}", 200, True) in kept(exercised)


def test_graphql_is_asked_with_the_cookies(tmp_path: Path) -> None:
    exercised, _, said = run(tmp_path)
    (told,) = [one for one in exercised.generated if one.source == "graphql"]
    assert (told.found, told.asked, told.answered) == (1, 1, 1)
    assert any(text.startswith("asked for 1 of 1 field of GraphQL at /graphql") for text in said)
    assert ("POST", "/graphql", 200, True) in kept(exercised)


def test_another_run_sends_its_own_cookies(tmp_path: Path) -> None:
    first, _, _ = run(tmp_path)
    second, asked, _ = run(tmp_path, again=first)
    assert kept(second) == kept(first) and "POST /items known" in asked
    assert compare_behaviour(first, second) == ()


def test_without_a_log_in_nobody_is_known(tmp_path: Path) -> None:
    exercised, asked, said = run(tmp_path, log_in=False)
    assert not [line for line in asked if line.endswith("known")]
    assert any("answered 401 or 403" in text for text in said)
    assert not any(session for _, _, _, session in kept(exercised))


def test_cookies_are_not_for_what_is_outside_of_the_container(tmp_path: Path) -> None:
    _, asked, _ = run(tmp_path, outside="--share-mounts lets the app change your files")
    assert not [line for line in asked if line.endswith("known")]
