"""Crawls of real servers on the loopback: what is asked, kept and sent again; and servers that are hostile."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from slimmer.errors import AppFailed
from slimmer.exercise.drive import exercise
from slimmer.exercise.expectations import replay_expectations
from slimmer.exercise.plan import Api, Crawl, ExercisePlan, GraphQl, Grpc
from slimmer.exercise.request import Ask, Request
from slimmer.exercise.result import ExerciseResult, GeneratedSet
from slimmer.exercise.verdict import failure
from tests.unit.local_app import LocalApp, free_port

SITE = """
import re
class Site(Handler):
    pages = {}
    opened = set()
    protocol_version = "HTTP/1.0"

    def open(self, *files):
        for file in files:
            if file not in self.opened:
                self.opened.add(file)
                print("open", file, flush=True)

    def do_GET(self):
        with open(LOG, "a") as log:
            log.write(f"{self.path} {sorted(name for name in self.headers if name in ('Cookie', 'Authorization', 'X-Key'))}\\n")
        path = self.path.partition("?")[0]
        for pattern, page in self.pages.items():
            if match := re.fullmatch(pattern, path):
                return page(self, *match.groups())
        self.open("404.html")
        self.answer(404, b"<a href=/>home</a>")

    def redirect(self, target):
        self.send_response(302)
        self.send_header("Location", target)
        self.end_headers()

def page(text, *files, kind="text/html"):
    def answer(site, *groups):
        site.open(*(file.format(*groups) for file in files))
        site.answer(200, text.format(*groups).encode(), kind)
    return answer
"""


ON = Crawl(on=True)


class Result:
    """What came of a crawl: the whole exercise, the paths that the server was asked for, in order, and what was said."""

    def __init__(self, exercised: ExerciseResult, log: list[str], said: list[str]) -> None:
        self.exercised, self.said = exercised, said
        self.asked = [line.partition(" ")[0] for line in log]
        self.secrets = [line for line in log if not line.endswith("[]")]
        self.kept = [answer.request.path for answer in exercised.answers if answer.request.source]
        self.told: GeneratedSet = exercised.generated[0] if exercised.generated else GeneratedSet("", 0, 0, 0)


def crawl(
    folder: Path,
    source: str,
    bounds: Crawl = ON,
    *,
    watched: bool = True,
    requests: tuple[Ask, ...] = (),
    again: ExerciseResult | None = None,
) -> Result:
    """Crawl an app; with `again`, send again what that run kept."""
    log, said, port = folder / "asked", list[str](), again.http_ports[0] if again else free_port()
    log.write_text("")
    setup = f"LOG = {str(log)!r}\n" + SITE + textwrap.dedent(source) + f"\nserve({port}, handler=Site)\nforever()\n"
    plan = ExercisePlan(ports=(port,), crawl=bounds, api=Api(on=False), graphql=GraphQl(on=False), grpc=Grpc(on=False))
    if requests:
        plan = replace(plan, requests=requests, explicit=True)
    with LocalApp(folder, setup, watched=watched) as app:
        expected = replay_expectations(again) if again else None
        exercised = exercise(app, plan, expected, say=said.append)
    return Result(exercised, log.read_text().splitlines(), said)


SHOP = """
Site.pages = {
    "/": page("<link rel=stylesheet href=/s.css><a href=/items?page=1>items</a><a href=/about>about</a><a href=http://example.com/>x</a>", "front"),
    "/s.css": page("body {{ background: url(bg.png) }}", "s.css", kind="text/css"),
    "/bg.png": page("png", "bg.png", kind="image/png"),
    "/items": page("".join(f"<a href=/item/{n}>i</a>" for n in range(100)) + "<a href='?page=2'>next</a>", "items"),
    "/item/(.*)": page("<form action=/find><input name=q value=x></form><a href=/logout>bye</a><a href=/item/delete?id={}>d</a>", "item"),
    "/find": page("<script src=app.js></script>", "find"),
    "/app.js": page("fetch('/api/stock')", "app.js", kind="text/javascript"),
    "/api/stock": page("[]", "stock", kind="application/json"),
    "/about": page("<a href=/old>old</a>", "about"),
    "/old": lambda site: site.redirect("/new"),
    "/new": page("new", "new"),
    "/hidden": page("hidden", "hidden"),
    "/robots.txt": page("User-agent: *\\nDisallow: /hidden\\nSitemap: http://localhost/else.xml", kind="text/plain"),
    "/sitemap.xml": page("<sitemapindex><sitemap><loc>/more.xml</loc></sitemap></sitemapindex>", kind="application/xml"),
    "/more.xml": page("<urlset><url><loc>/deep</loc></url></urlset>", kind="text/xml"),
    "/deep": page("deep", "deep"),
}
"""
FILES = {
    "front",
    "s.css",
    "bg.png",
    "items",
    "item",
    "find",
    "app.js",
    "stock",
    "about",
    "new",
    "hidden",
    "deep",
    "404.html",
}


def opened(folder: Path) -> set[str]:
    return {line.split()[1] for line in (folder / "app.log").read_text().splitlines() if line.startswith("open ")}


def test_a_crawl_finds_every_file_and_keeps_few_requests(tmp_path: Path) -> None:
    result = crawl(tmp_path, SHOP)
    assert opened(tmp_path) == FILES
    assert not [path for path in result.asked if "logout" in path or "delete" in path]
    assert len(result.asked) == len({*result.asked}), "each URL is asked once"
    assert result.asked.count("/") == 1, "the default request has asked it"
    items = [path for path in result.asked if path.startswith("/item/")]
    assert len(items) < 60 and len(result.kept) <= 25
    assert {"/find?q=x", "/new", "/api/stock", "/bg.png", "/deep", "/hidden"} <= {*result.kept}
    told = result.told
    assert (told.source, told.asked, told.kept) == ("crawl", len(result.asked) - 1, len(result.kept))
    assert result.said[1] == f"crawled {told.asked} of {told.found} pages; {told.kept} requests cover what they opened"
    assert any("may change something" in line for line in told.limits)
    assert any("/item/{n}" in line for line in told.limits)
    assert failure(result.exercised) is None and not result.exercised.warnings


def test_two_crawls_of_the_same_app_are_identical(tmp_path: Path) -> None:
    results = [crawl(tmp_path, SHOP) for _ in range(2)]
    first, second = ((result.kept, result.told.found, result.told.asked, result.told.limits) for result in results)
    assert [path.rpartition(":")[2] for path in first[0]] == second[0]
    assert first[1:3] == second[1:3]
    assert sorted(results[0].asked) == sorted(results[1].asked)


def test_a_replay_sends_only_what_was_kept_in_its_order(tmp_path: Path) -> None:
    first = crawl(tmp_path, SHOP)
    second = crawl(tmp_path, SHOP, again=first.exercised)
    assert second.asked == ["/", *first.kept]
    before, after = first.exercised.answers, second.exercised.answers
    assert [(one.request, one.status, one.digest) for one in before] == [
        (one.request, one.status, one.digest) for one in after
    ]
    assert second.exercised.done_after - second.exercised.ready_after < 20


def test_without_a_watch_each_shape_is_kept(tmp_path: Path) -> None:
    result = crawl(tmp_path, SHOP, watched=False)
    assert opened(tmp_path) == FILES
    assert {"/about", "/find?q=x", "/new", "/api/stock"} <= {*result.kept}


def test_no_crawl_if_it_is_turned_off(tmp_path: Path) -> None:
    result = crawl(tmp_path, SHOP, Crawl(on=False))
    assert result.asked == ["/"] and not result.exercised.generated


def test_an_app_without_pages_is_not_crawled(tmp_path: Path) -> None:
    result = crawl(tmp_path, "Site.pages = {'/': page('{{}}', kind='application/json')}")
    assert result.asked == ["/"] and not result.exercised.generated


def test_credentials_of_the_users_requests_stay_theirs(tmp_path: Path) -> None:
    own = Request("GET", "/items", (("Authorization", "Basic x"), ("Cookie", "a=b"), ("X-Key", "k")))
    result = crawl(tmp_path, SHOP, requests=(own,))
    assert len(result.secrets) == 1 and result.secrets[0].startswith("/items ")
    assert result.asked.count("/items") == 2, "once with credentials, and once without"
    assert "/item/1" in result.asked and "/" in result.asked


def test_cookies_are_not_kept(tmp_path: Path) -> None:
    source = """
    def cookie(site):
        site.send_response(200)
        site.send_header("Set-Cookie", "a=b")
        site.send_header("Content-Type", "text/html")
        site.end_headers()
        site.wfile.write(b"<a href=/a>a</a>")
    Site.pages = {"/": cookie, "/a": cookie}
    """
    assert not crawl(tmp_path, source).secrets


@pytest.mark.parametrize(
    ("bounds", "line"),
    [
        (Crawl(on=True, pages=7), "stopped after 7 pages with "),
        (Crawl(on=True, depth=1), "more than 1 link away (--crawl-depth)"),
        (Crawl(on=True, seconds=0.0), "stopped after 0 s with "),
    ],
)
def test_bounds_of_the_user_are_kept_and_told(tmp_path: Path, bounds: Crawl, line: str) -> None:
    result = crawl(tmp_path, SHOP, bounds)
    assert any(line in limit for limit in result.told.limits), result.told.limits
    assert result.told.asked <= min(bounds.pages, 12)
    assert [text for text in result.said if text.startswith("crawl: ")] == [
        f"crawl: {text}" for text in result.told.limits
    ]


def test_errors_of_pages_are_neither_failures_nor_warnings(tmp_path: Path) -> None:
    source = """
    Site.pages = {
        "/": page("<a href=/broken>b</a><a href=/missing>m</a><a href=/cut>c</a>"),
        "/broken": lambda site: (site.open("500.html"), site.answer(500, b"oh")),
        "/cut": lambda site: site.wfile.write(b"HTTP/1.0 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nshort"),
    }
    """
    result = crawl(tmp_path, source)
    statuses = {answer.request.path: answer.status for answer in result.exercised.answers}
    assert statuses["/broken"] == 500 and "/cut" not in statuses
    assert not result.exercised.warnings and failure(result.exercised) is None
    assert any("got no answer" in line for line in result.told.limits)
    again = crawl(tmp_path, source.replace("oh", "other"), again=result.exercised)
    assert failure(again.exercised) is None and not again.exercised.warnings


def test_an_answer_that_is_missing_in_a_replay_is_a_difference_to_find(tmp_path: Path) -> None:
    source = "Site.pages = {'/': page('<a href=/a>a</a>'), '/a': page('a', 'a')}"
    first = crawl(tmp_path, source)
    again = crawl(tmp_path, source.replace("page('a', 'a')", "lambda site: None"), again=first.exercised)
    answer = next(one for one in again.exercised.answers if one.request.path == "/a")
    assert answer.status is None and answer.problem and failure(again.exercised) is None


def test_an_app_that_a_page_ends_is_told_with_a_remedy(tmp_path: Path) -> None:
    source = """
    Site.pages = {"/": page("<a href=/x>x</a>"), "/x": lambda site: (print("crashed"), os._exit(3))}
    """
    with pytest.raises(AppFailed, match=r"code 3 while slimmer crawled") as caught:
        crawl(tmp_path, source)
    assert "--no-crawl" in str(caught.value.hint)


HOSTILE = {
    "a calendar that goes on for ever": (
        """
        Site.pages = {"/": page("<a href=/day/1>c</a>"),
                      "/day/(.*)": lambda site, n: site.answer(200, f"<a href=/day/{int(n) + 1}>next</a><a href=?week={n}>w</a>".encode())}
        """,
        "because 16 others opened nothing new",
    ),
    "folders in folders": (
        """Site.pages = {"/(?:a/)*": page("<a href=a/>in</a>")}""",
        "",
    ),
    "redirects that go on for ever": (
        """
        Site.pages = {"/": page("<a href=/r?n=1>r</a>"), "/r": lambda site: site.redirect(site.path + "1")}
        """,
        "gave up after 5 redirects in a row",
    ),
    "a redirect loop": (
        """
        Site.pages = {"/": page("<a href=/r>r</a>"), "/r": lambda site: site.redirect("/s"), "/s": lambda site: site.redirect("/r")}
        """,
        "",
    ),
    "redirects to another host": (
        """
        Site.pages = {"/": page("<a href=/r>r</a>"), "/r": lambda site: site.redirect("http://192.0.2.1/")}
        """,
        "",
    ),
    "a page with too many links": (
        """
        Site.pages = {"/": page("".join(f"<a href=/{n}/x{n}>a</a>" for n in range(20_000))), "/.*/x.*": page("x")}
        """,
        "read only the first 1,000 links",
    ),
    "a long page": (
        """
        Site.pages = {"/": page("<a href=/long>l</a>"), "/long": lambda site: site.answer(200, b"<a href=/in>in</a>" + b"x" * (3 << 20)), "/in": page("in", "in")}
        """,
        "read only the first 512 kB of 1 document",
    ),
    "a page that is nested too deeply": (
        """
        Site.pages = {"/": page("<a href=/deep>d</a><a href=/b>b</a>"), "/deep": lambda site: site.answer(200, b"<div>" * 100_000), "/b": page("b", "b")}
        """,
        "could not read the links of 1 document",
    ),
    "100 MB": (
        """
        def much(site):
            site.send_response(200); site.send_header("Content-Type", "text/html"); site.end_headers()
            for _ in range(100):
                site.wfile.write(bytes(1 << 20))
        Site.pages = {"/": page("<a href=/much>m</a>"), "/much": much}
        """,
        "cut 1 answer",
    ),
    "a bomb": (
        """
        import zlib
        squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
        BOMB = b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(200)) + squeeze.flush()
        def bomb(site):
            site.send_response(200); site.send_header("Content-Type", "text/html"); site.send_header("Content-Encoding", "gzip"); site.end_headers()
            site.wfile.write(BOMB)
        Site.pages = {"/": page("<a href=/bomb>m</a>"), "/bomb": bomb}
        """,
        "cut 1 answer",
    ),
    "an answer that never ends": (
        """
        def endless(site):
            site.send_response(200); site.send_header("Content-Type", "text/event-stream"); site.end_headers()
            while True:
                site.wfile.write(b"data: x\\n\\n"); time.sleep(0.1)
        Site.pages = {"/": page("<a href=/events>e</a><a href=/b>b</a>"), "/events": endless, "/b": page("b", "b")}
        """,
        "cut 1 answer",
    ),
    "silence": (
        """
        Site.pages = {"/": page("<a href=/hang>h</a>"), "/hang": lambda site: time.sleep(600)}
        """,
        "1 request got no answer within 5 s",
    ),
    "nonsense": (
        """
        Site.pages = {"/": page("<a href='http://[::1'>a</a><a href='/%zz\\x00'>b</a><a href='//'>c</a><base href='http://[x'>")}
        """,
        "",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_app_is_left_in_the_end(tmp_path: Path, name: str) -> None:
    source, line = HOSTILE[name]
    result = crawl(tmp_path, textwrap.dedent(source), Crawl(on=True, seconds=60.0))
    assert line in "\n".join(result.told.limits), result.told.limits
    assert len(result.asked) <= 150 and failure(result.exercised) is None
    assert all(not answer.truncated or answer.size >= 8 << 20 for answer in result.exercised.answers)


def test_a_long_page_leads_on_from_its_beginning(tmp_path: Path) -> None:
    assert "/in" in crawl(tmp_path, HOSTILE["a long page"][0]).asked


def test_the_time_of_a_crawl_is_no_time_to_watch() -> None:
    told = GeneratedSet("crawl", 9, 9, 3, seconds=20.0)
    observed = ExerciseResult(ready_after=1.0, done_after=24.0, generated=(told,))
    assert replay_expectations(observed).watched == 3.0
    assert replay_expectations(replace(observed, done_after=2.0)).watched == 0.0
