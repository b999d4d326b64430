"""Crawls of real servers whose pages are built by scripts, with a real Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.errors import ExerciseFailed
from slimmer.exercise.browser import program
from slimmer.exercise.plan import Crawl
from tests.unit.browser.chromium import needs_chromium
from tests.unit.crawl.test_crawler import Result, crawl, opened

pytestmark = needs_chromium

ON = Crawl(on=True, browser=True, seconds=120.0)

SHOP = """
import json
SCRIPT = '''
const api = ["", "api", "items"].join("/"), head = {"X-Shop": "yes", "Accept": "application/json"};
const kind = document.cookie;
fetch(api, {headers: head}).then(a => a.json()).then(items => {
  for (const item of items) {
    const link = document.createElement("a");
    link.href = ["", "item", item].join("/");
    document.body.append(link);
  }
  const out = document.createElement("a");
  out.href = "/log" + "out";
  document.body.append(out);
});
const send = (method, path, body) => fetch(["", ...path].join("/"), {method, body: JSON.stringify(body), headers: {"Content-Type": "application/json"}});
send("POST", ["api", "seen"], {page: location.pathname}).then(() => fetch(["", "api", "seen-by-me"].join("/")));
send("DELETE", ["api", "seen"], {}); send("POST", ["auth", "logout"], {});
const picture = new Image();
picture.src = ["", "pictures", "big.png"].join("/");
'''

def need(header, value):
    def decorate(answer):
        return lambda site, *groups: answer(site, *groups) if site.headers.get(header) == value else site.answer(400, b"no")
    return decorate

@need("X-Shop", "yes")
def items(site):
    site.open("items.json")
    site.answer(200, json.dumps([1, 2]).encode(), "application/json")

def seen(site):
    if "visitor=7" not in site.headers.get("Cookie", ""):
        return site.answer(401, b"who?")
    site.open("seen")
    site.answer(200, b"{}", "application/json")

class Shop(Site):
    def do_POST(self):
        with open(LOG, "a") as log:
            log.write(f"{self.command}:{self.path} []\\n")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.open(self.command)
        self.send_response(200)
        if self.path == "/api/seen":
            self.send_header("Set-Cookie", "visitor=7")
        self.send_header("Content-Length", "0")
        self.end_headers()
    do_DELETE = do_POST

Site = Shop
Site.pages = {
    "/": page("<title>shop</title><script src=/app.js></script>", "front"),
    "/app.js": lambda site: (site.open("app.js"), site.answer(200, SCRIPT.encode(), "text/javascript")),
    "/api/items": items,
    "/api/seen-by-me": seen,
    "/item/(.*)": page("item {}", "item"),
    "/pictures/big.png": page("png", "big.png", kind="image/png"),
}
"""


def requests(result: Result) -> list[tuple[str, str]]:
    kept = [answer.request for answer in result.exercised.answers if getattr(answer.request, "source", "")]
    return [(getattr(request, "method", ""), request.path) for request in kept]


def test_what_scripts_ask_for_and_build_is_crawled_and_sent_again_without_a_browser(tmp_path: Path) -> None:
    found = crawl(tmp_path, SHOP, ON)
    everything = {"front", "app.js", "items.json", "item", "big.png", "POST", "DELETE", "seen", "404.html"}
    assert opened(tmp_path) == everything
    assert ("GET", "/api/items") in requests(found) and "/item/1" in found.kept
    assert not [path for path in found.asked if "logout" in path]
    assert any(line.startswith("opened ") and "in a browser" in line for line in found.told.limits)
    assert "left out 1 URL that may change something, such as a logout" in found.told.limits

    again = crawl(tmp_path, SHOP, ON, again=found.exercised)
    answers = [
        [(answer.request, answer.status, answer.digest) for answer in result.exercised.answers]
        for result in (found, again)
    ]
    assert answers[0] == answers[1]
    assert opened(tmp_path) >= {"items.json", "item", "big.png", "POST", "seen"}
    assert len(again.asked) <= 1 + len(found.kept)

    without = crawl(tmp_path, SHOP, Crawl(on=True))
    assert not {"items.json", "item", "big.png", "POST", "DELETE", "seen"} & opened(tmp_path)
    assert not [path for path in without.asked if path.startswith("/api")]


VIEWS = """
Site.pages = {
    "/": page("<script>"
        "const show = () => {{ const name = location.hash.slice(2) || 'home';"
        " fetch(['', 'data', name].join('/')).then(a => a.text()).then(t => document.body.innerHTML = t) }};"
        "addEventListener('hashchange', show); show();"
        "class Box extends HTMLElement {{ connectedCallback() {{ this.attachShadow({{mode: 'open'}}).innerHTML = '<a href=/in' + 'side>in</a>' }} }}"
        "customElements.define('a-box', Box);"
        "</script><body><p>nothing yet<a-box></a-box>", "front"),
    "/data/home": page("<a href='#/rooms'>rooms</a><a href='#/delete'>no</a><a-box></a-box>", "home"),
    "/data/rooms": page("<form action=/find><input name=q value=x></form>", "rooms"),
    "/data/delete": page("gone", "gone"),
    "/find": page("found", "found"),
    "/inside": page("inside", "inside"),
}
"""


def test_views_behind_a_hash_and_shadow_trees_are_read(tmp_path: Path) -> None:
    crawl(tmp_path, VIEWS, ON)
    assert opened(tmp_path) == {"front", "home", "rooms", "found", "inside", "404.html"}


ROUTED = """
Site.pages = {
    "/": page("<script>location.replace('/wel' + 'come')</script>", "front"),
    "/welcome": page("<script>history.pushState(0, '', '/pu' + 'shed'); document.write('<form id=f method=post action=/login></form>'); f.submit()</script>", "welcome"),
    "/pushed": page("<meta http-equiv=refresh content='0; url=/fresh'>", "pushed"),
    "/fresh": page("<script>fetch('/o' + 'ld').then(a => a.text()).then(t => document.body.innerHTML = t)</script><body>", "fresh"),
    "/old": lambda site: site.redirect("/new"),
    "/new": page("<a href=/la{{}}st>x</a>".replace("{{}}", ""), "new"),
    "/last": page("<iframe src=/fra" "me></iframe>", "last"),
    "/frame": page("<script>fetch('/in-' + 'frame')</script>", "frame"),
    "/in-frame": page("x", "in-frame"),
}
def post(site):
    site.open("login")
    site.answer(200, b"hello")
Site.do_POST = post
"""


def test_scripts_that_go_elsewhere_lead_to_further_pages(tmp_path: Path) -> None:
    crawl(tmp_path, ROUTED, ON)
    files = {"front", "welcome", "pushed", "fresh", "new", "last", "frame", "in-frame", "login", "404.html"}
    assert opened(tmp_path) == files


MANY = """
Site.pages = {
    "/": page("<script>for (let n = 0; n < 20; n++) fetch(['', 'part', n].join('/'))</script>", "front"),
    "/part/(.*)": page("part {}", "part-{}"),
}
"""


def test_the_bounds_of_the_crawl_hold_for_what_scripts_ask_for(tmp_path: Path) -> None:
    found = crawl(tmp_path, MANY, Crawl(on=True, browser=True, seconds=120.0, pages=8))
    assert found.told.asked == 8 and len({*found.asked}) == 8 + 1, "the default request is not the crawl's"
    assert found.kept


def test_a_browser_that_does_not_start_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(program.VARIABLE, "false")
    with pytest.raises(ExerciseFailed, match="--crawl-browser: the browser does not start") as raised:
        crawl(tmp_path, MANY, ON)
    assert program.VARIABLE in raised.value.hint
