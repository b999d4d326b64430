"""Requests that build on each other, against a real server: cookies, values of answers, and what of them shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from slimmer.exercise import capture
from slimmer.exercise.capture import Capture, NothingCaptured, capture_from
from slimmer.exercise.cookies import MOST, Cookies
from slimmer.exercise.drive import exercise
from slimmer.exercise.expectations import replay_expectations
from slimmer.exercise.plan import ExercisePlan
from slimmer.exercise.probe_file import request_from_text, requests_from_file
from slimmer.exercise.request import Ask
from slimmer.exercise.result import ExerciseResult
from slimmer.verify.behaviour import compare_behaviour
from tests.unit.local_app import LocalApp, free_port

SHOP = """
import json, secrets, base64
from urllib.parse import parse_qs

sessions = {}

class Shop(Handler):
    def session(self):
        cookies = dict(part.split("=", 1) for part in (self.headers.get("Cookie") or "").split("; ") if part)
        return sessions.get(cookies.get("sid"))

    def get_login(self):
        sid, token = secrets.token_hex(8), secrets.token_hex(8)
        sessions[sid] = {"token": token}
        self.answer(200, f'<input name="csrf" value="{token}">'.encode(), cookie=f"sid={sid}; Path=/; HttpOnly; Secure")

    def get_me(self):
        session = self.session()
        user = session and session.get("user")
        body = {"user": user, "csrf": session and session["token"], "next": "/item/" + (session or {}).get("token", "")}
        self.answer(200 if user else 401, json.dumps(body).encode(), "application/json", location=body["next"])

    def get_who(self):
        self.answer(200, (self.headers.get("Authorization") or "nobody").encode())

    def do_GET(self):
        if self.path.startswith("/item/"):
            return self.answer(200, self.path.encode())
        super().do_GET()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        session = self.session()
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        if not session or form.get("csrf", self.headers.get("X-CSRF")) != session["token"]:
            return self.answer(403, b"forged")
        session["user"] = form.get("user", "someone")
        self.answer(200, b"welcome, your token is " + session["token"].encode())

    def answer(self, status, body, kind="text/html; charset=utf-8", cookie="", location=""):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if cookie:
            self.send_header("Set-Cookie", cookie)
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

serve(handler=Shop)
forever()
"""

LOGIN = """
- {path: /me, expect: {status: 401}}
- {path: /login, capture: {token: {regex: 'value="(.*?)"'}}, expect: {status: 200}}
- {method: POST, path: /login, form: {user: ann, csrf: "${token}"}, expect: {status: 200, contains: welcome}}
- {path: /me, capture: {same: {json: $.csrf}, next: {header: location}}, expect: {status: 200, contains: ann}}
- {method: POST, path: /login, headers: {X-CSRF: "${same}"}, repeat: 2, expect: {status: 200}}
- {path: "${next}", expect: {status: 200, contains: /item/}}
- {path: /who, auth: {bearer: "${token}"}, expect: {status: 200, contains: Bearer}}
"""


def requests(folder: Path, text: str, name: str = "probes.yaml") -> tuple[Ask, ...]:
    (folder / name).write_text(text)
    return requests_from_file(folder / name)


def run(folder: Path, asks: Sequence[Ask], source: str = SHOP) -> ExerciseResult:
    with LocalApp(folder, source) as app:
        return exercise(app, plan(asks))


def plan(asks: Sequence[Ask]) -> ExercisePlan:
    return ExercisePlan(requests=tuple(asks), explicit=True, ready_timeout=10, request_timeout=5)


def test_a_login_with_a_cookie_and_a_token(tmp_path: Path) -> None:
    exercised = run(tmp_path, requests(tmp_path, LOGIN))
    assert exercised.problems == ()
    assert [answer.status for answer in exercised.answers] == [401, 200, 200, 200, 200, 200, 200, 200]
    assert [answer.request.path for answer in exercised.answers][-2:] == ["${next}", "/who"]


def test_captured_values_are_in_no_answer(tmp_path: Path) -> None:
    exercised = run(tmp_path, requests(tmp_path, LOGIN))
    assert exercised.answers[1].body == b'<input name="csrf" value="${token}">'
    assert exercised.answers[2].body == b"welcome, your token is ${token}"
    assert json.loads(exercised.answers[3].body or b"")["user"] == "ann"
    assert dict(exercised.answers[3].headers)["location"] in ("${next}", "/item/${token}", "/item/${same}")
    assert exercised.answers[-1].body == b"Bearer ${token}" or exercised.answers[-1].body == b"Bearer ${same}"


def test_tokens_that_differ_in_each_run_are_no_difference(tmp_path: Path) -> None:
    asks, shop = requests(tmp_path, LOGIN), SHOP.replace("serve(handler", f"serve({free_port()}, handler")
    observed = run(tmp_path, asks, shop)
    with LocalApp(tmp_path, shop) as app:
        replayed = exercise(app, plan(asks), replay_expectations(observed))
    assert [(a.status, a.digest, a.headers) for a in observed.answers] == [
        (a.status, a.digest, a.headers) for a in replayed.answers
    ]
    assert compare_behaviour(observed, replayed) == ()


def test_a_scenario_is_one_file(tmp_path: Path) -> None:
    first, second = requests(tmp_path, LOGIN), requests(tmp_path, "- {path: /me, expect: {status: 401}}", "other.yaml")
    exercised = run(tmp_path, (*first, *second, request_from_text("/me")))
    assert exercised.problems == ()
    assert exercised.answers[-1].status == 401


def test_a_cookie_header_of_its_own_takes_the_place_of_kept_ones(tmp_path: Path) -> None:
    own = "- {path: /me, headers: {Cookie: a=b}, expect: {status: 401}}\n"
    assert run(tmp_path, requests(tmp_path, LOGIN + own)).problems == ()


def test_a_value_that_is_not_there_is_a_problem_of_both_requests(tmp_path: Path) -> None:
    text = """
    - {path: /, capture: {token: {regex: "no such text"}, id: {json: $.id}, h: {header: X-None}}}
    - {path: "/x/${token}"}
    - {method: POST, path: /, json: {a: ["${id}"]}}
    - {path: /}
    """
    exercised = run(tmp_path, requests(tmp_path, text))
    captured, path, body = exercised.problems
    assert "nothing to capture as `token`: the body does not match 'no such text'" in captured
    assert "nothing to capture as `id`: the body is not JSON" in captured
    assert "nothing to capture as `h`: the answer has no header X-None" in captured
    assert (
        f"it was not sent: `path` needs `${{token}}`, which has no value because no answer gave one ({tmp_path}" in path
    )
    assert "probes.yaml: request 2)" in path and "GET /x/${token} on port" in path
    assert "`json` needs `${id}`" in body and "probes.yaml: request 3)" in body
    assert exercised.answers[-1].status == 200


def test_a_port_that_gives_no_value_is_forgiven_if_another_does(tmp_path: Path) -> None:
    exercised = run(tmp_path, requests(tmp_path, LOGIN), SHOP.replace("forever()", "serve(); forever()"))
    assert len(exercised.http_ports) == 2
    assert exercised.problems == ()


# ---------------------------------------------------------------------- values of answers


@pytest.mark.parametrize(
    ("kind", "pattern", "value"),
    [
        ("json", "$.a.b[1]", 2),
        ("json", "$..c", "x\ny"),
        ("json", "$.a", {"b": [1, 2], "c": "x\ny"}),
        ("json", "$.a.b[?@ > 1]", 2),
        ("regex", r'"b": \[(\d+), (\d+)', "1"),
        ("regex", r"\d+, \d+", "1, 2"),
        ("header", "x-token", "t"),
    ],
)
def test_values_of_an_answer(kind: str, pattern: str, value: object) -> None:
    body = b'{"a": {"b": [1, 2], "c": "x\\ny"}}'
    found = capture_from(Capture("n", kind, pattern), [("X-Token", " t "), ("X-Token", "u")], body, "utf-8")  # type: ignore[arg-type]
    assert found == value


@pytest.mark.parametrize(
    ("kind", "pattern", "body", "why"),
    [
        ("json", "$.a", b"{}", r"the body has no \$\.a"),
        ("json", "$.a", b"[" * 200_000, "the body is not JSON"),
        ("json", "$..a", b'{"b":' * 400 + b"1" + b"}" * 400, "cannot be looked up"),
        ("json", "$.a", b'{"a": "\\ud800"}', "not a character"),
        ("json", "$.a", b'{"a": "' + b"x" * 70_000 + b'"}', "longer than 64 kB"),
        ("regex", "x", b"y", "does not match 'x'"),
        ("json", "$.a", None, "too long, or it broke off"),
        ("header", "X-B", b"", "has no header X-B"),
    ],
)
def test_values_that_an_answer_does_not_have(kind: str, pattern: str, body: bytes | None, why: str) -> None:
    with pytest.raises(NothingCaptured, match=why):
        capture_from(Capture("n", kind, pattern), [], body, "utf-8")  # type: ignore[arg-type]


def test_a_search_that_takes_too_long_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "SEARCH_SECONDS", 0.2)
    with pytest.raises(NothingCaptured, match="takes too long"):
        capture_from(Capture("n", "regex", r"(a|aa|b?a)+$"), [], b"a" * 100_000 + b"c", "no-such-charset")


# ---------------------------------------------------------------------- cookies


def test_cookies_go_back_where_they_belong() -> None:
    cookies, url = Cookies(), "http://localhost:8080/login"
    lines = [
        "a=1; Path=/",
        "b=2; Path=/x",
        "c=3; Domain=localhost; Path=/",
        "d=4; Domain=other.test",
        "e=5; Secure",
        "f=a b",
    ]
    cookies.take(url, [("set-cookie", line) for line in lines])
    assert cookies.header("http://localhost:8080/") == "a=1; c=3; e=5; f=a b"
    assert cookies.header("http://localhost:8080/x/y").startswith("b=2; ")
    assert cookies.header("http://other.test/") == ""
    cookies.take(url, [("Set-Cookie", "a=; Path=/; Max-Age=0"), ("Set-Cookie", "c=9; Path=/")])
    assert cookies.header("http://localhost:8080/") == "c=9; e=5; f=a b"


def test_cookies_of_a_hostile_app_are_few_and_can_be_sent() -> None:
    cookies, url = Cookies(), "http://localhost/"
    cookies.take(url, [("set-cookie", f"a{number}=1") for number in range(1000)])
    assert cookies.header(url).count("=") == MOST
    cookies.take(
        url,
        [("set-cookie", "a0=" + "x" * 5000), ("set-cookie", "a1=\x00"), ("set-cookie", "a2=\xff"), ("set-cookie", "=")],
    )
    assert {"a0=1", "a1=1", "a2=1"} <= set(cookies.header(url).split("; "))
