"""Crawls behind a log-in: the user's requests log in, the crawl sends the cookies that they got, and a replay logs in anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from slimmer.exercise.expectations import replay_expectations
from slimmer.exercise.plan import Crawl
from slimmer.exercise.probe_file import requests_from_file
from slimmer.exercise.request import Ask
from slimmer.verify.behaviour import compare_behaviour
from tests.unit.crawl.test_crawler import Result, crawl

CLUB = """
import secrets, urllib.parse
TOKEN, ROOM = secrets.token_hex(8), secrets.token_hex(8)
SESSIONS = {}

def member(site):
    words = [word.strip().partition("=") for word in (site.headers["Cookie"] or "").split(";")]
    return next((SESSIONS[value] for name, _, value in words if name == "session" and value in SESSIONS), None)

def front(site):
    site.open("front")
    site.answer(200, b"<a href=/login>log in</a><a href=/staff>staff</a>")

def login(site):
    site.open("login")
    site.answer(200, f"<form method=post><input name=token value={TOKEN}></form>".encode())

def staff(site):
    if not (name := member(site)):
        return site.redirect("/login?next=/staff")
    site.open("staff")
    site.answer(200, f"<p>{name}, {TOKEN}</p><a href=/staff/list>list</a><a href=/staff/room/{ROOM}>room</a><a href=/logout>bye</a><a href='/staff/list?t={TOKEN}'>t</a>".encode())

def of_staff(file):
    def answer(site, *_):
        if not member(site):
            return site.redirect("/login?next=/staff")
        site.open(file)
        site.answer(200, f"<h1>{file}</h1>".encode())
    return answer

def visit(site):
    site.send_response(200)
    site.send_header("Set-Cookie", "visitor=1; Path=/")
    site.send_header("Content-Type", "text/html")
    site.end_headers()

Site.pages = {
    "/": front, "/login": login, "/staff": staff, "/visit": visit, "/staff/list": of_staff("list"), "/staff/room/(.*)": of_staff("room"),
}

def do_POST(site):
    form = dict(urllib.parse.parse_qsl(site.rfile.read(int(site.headers["Content-Length"])).decode()))
    site.send_response(302)
    if site.path == "/logout":
        site.send_header("Set-Cookie", "session=; Path=/; Max-Age=0")
    elif form.get("token") == TOKEN and form.get("password") == "hunter2":
        session = secrets.token_hex(16)
        SESSIONS[session] = form["user"]
        site.send_header("Set-Cookie", f"session={session}; Path=/; HttpOnly")
    site.send_header("Location", "/staff")
    site.end_headers()

Site.do_POST = do_POST
"""

LOGIN = """requests:
  - {path: /login, capture: {token: {regex: 'name=token value=(\\w+)'}}}
  - {method: POST, path: /login, form: {user: USER, password: PASSWORD, token: "${token}"}, expect: {status: 302}}
"""
OUTSIDE = ("front", "login", "404.html")
INSIDE = ("staff", "list", "room")


def requests(
    folder: Path, name: str = "login.yaml", *, user: str = "ann", password: str = "hunter2", more: str = ""
) -> tuple[Ask, ...]:
    """The requests of a probe file that logs in, and what follows them there."""
    file = folder / name
    file.write_text(LOGIN.replace("USER", user).replace("PASSWORD", password) + more)
    return requests_from_file(file)


def opened(folder: Path) -> list[str]:
    return [line.split()[1] for line in (folder / "app.log").read_text().splitlines() if line.startswith("open ")]


def pages(result: Result, *, session: bool) -> list[tuple[str, int | None]]:
    """The pages that were kept, with their statuses: those of the session, or those that everybody gets."""
    kept = [one for one in result.exercised.answers if one.request.source == "crawl"]
    return [(one.request.path, one.status) for one in kept if (one.request.session is not None) is session]  # type: ignore[union-attr]


def test_the_crawl_goes_on_behind_the_log_in(tmp_path: Path) -> None:
    result = crawl(tmp_path, CLUB, requests=requests(tmp_path))
    assert {*opened(tmp_path)} == {*OUTSIDE, *INSIDE}
    inside = dict(pages(result, session=True))
    assert inside["/staff"] == inside["/staff/list"] == 200 and any(path.startswith("/staff/room/") for path in inside)
    assert "/staff" in result.asked and "/logout" not in result.asked
    (line,) = (line for line in result.said if line.startswith("logged in"))
    assert line.startswith("logged in as login.yaml does, crawled ") and line.endswith("cover what they opened")
    assert [told.source for told in result.exercised.generated] == ["crawl", "crawl"]


def test_the_slim_image_is_logged_in_anew(tmp_path: Path) -> None:
    first = crawl(tmp_path, CLUB, requests=requests(tmp_path))
    again = crawl(tmp_path, CLUB, requests=requests(tmp_path), again=first.exercised)
    fixed = [page for page in pages(first, session=True) if "/room/" not in page[0]]
    assert fixed and {*fixed} <= {*pages(again, session=True)}
    assert pages(again, session=False) == pages(first, session=False)


def test_a_slim_image_that_lets_nobody_in_differs(tmp_path: Path) -> None:
    first = crawl(tmp_path, CLUB, requests=requests(tmp_path))
    broken = CLUB.replace('SESSIONS[session] = form["user"]', "pass")
    again = crawl(tmp_path, broken, requests=requests(tmp_path), again=first.exercised)
    found = compare_behaviour(first.exercised, again.exercised, lambda: first.exercised)
    port = first.exercised.http_ports[0]
    assert f"GET :{port}/staff/list (logged in)" in {one.where for one in found}


def test_values_that_the_requests_capture_are_hidden_in_the_pages(tmp_path: Path) -> None:
    result = crawl(tmp_path, CLUB, requests=requests(tmp_path))
    kept = [one for one in result.exercised.answers if one.request.source == "crawl" and one.request.path == "/staff"]
    assert b"ann, ${token}" in b"".join(one.body or b"" for one in kept)
    assert not [path for path in result.kept if "t=" in path], "they are not asked for, either"
    assert all(name != "Cookie" for one in kept for name, _ in one.request.headers)


@pytest.mark.parametrize(
    ("password", "more"),
    [("wrong", ""), ("hunter2", "  - {method: POST, path: /logout, form: {a: b}}\n")],
    ids=["refused", "logged-out"],
)
def test_without_a_session_there_is_no_other_crawl(tmp_path: Path, password: str, more: str) -> None:
    result = crawl(tmp_path, CLUB, requests=requests(tmp_path, password=password, more=more))
    assert {*opened(tmp_path)} == {*OUTSIDE}
    assert not pages(result, session=True) and len(result.exercised.generated) == 1


def test_a_cookie_that_every_visitor_gets_is_no_session(tmp_path: Path) -> None:
    file = tmp_path / "visit.yaml"
    file.write_text("requests: [{path: /visit}, {path: /}]")
    result = crawl(tmp_path, CLUB, requests=requests_from_file(file))
    assert len(result.exercised.generated) == 1 and result.secrets == ["/ ['Cookie']"]


def test_each_probe_file_that_logs_in_is_followed(tmp_path: Path) -> None:
    """But not more than a few: each may take the whole time of a crawl."""
    asks = [ask for n in range(6) for ask in requests(tmp_path, f"{n}.yaml", user=f"user-{n}")]
    result = crawl(tmp_path, CLUB, requests=tuple(asks))
    assert [line.split()[3] for line in result.said if line.startswith("logged in")] == [
        "0.yaml",
        "1.yaml",
        "2.yaml",
        "3.yaml",
    ]
    assert "crawl: left out 2 of 6 log-ins" in result.said


def test_what_others_share_is_not_crawled_behind_a_log_in(tmp_path: Path) -> None:
    result = crawl(tmp_path, CLUB, Crawl(on=True, outside="the app shares data"), requests=requests(tmp_path))
    assert {*opened(tmp_path)} == {*OUTSIDE}
    assert "crawl: left out 1 of 1 log-in, because the app shares data" in result.said


def test_a_path_with_places_for_values_is_no_page(tmp_path: Path) -> None:
    more = '  - {path: "/staff/list?t=${token}"}\n  - {path: /staff}\n'
    result = crawl(tmp_path, CLUB, requests=requests(tmp_path, more=more))
    assert not [path for path in result.asked if "$" in path or "%7B" in path]


def test_expectations_hold_the_session(tmp_path: Path) -> None:
    result = crawl(tmp_path, CLUB, requests=requests(tmp_path))
    generated = replay_expectations(result.exercised).generated
    assert {request.session for _, request in generated} == {None, str(tmp_path / "login.yaml")}
    assert len({replace(request, session=None) for _, request in generated}) < len(generated), (
        "a page may be asked in both ways"
    )
