"""What documents link: as it is written, in order, and from hostile documents too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimmer.exercise.crawl.links import LINKS, Kind, Links, kind_of, read_links
from slimmer.sandbox.sandbox import Job, Sandbox
from tests.work import work_of_at_most


def page(text: str) -> tuple[str, ...]:
    return read_links(text.encode(), Kind.PAGE, "utf-8").links


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ('<a href="x?a=1&amp;b=2#c">x</a><area href=y>', ("x?a=1&b=2#c", "y")),
        ('<img src=a.png srcset="b.png 1x, c,d.png 2x,e.png 3x">', ("a.png", "b.png", "c,d.png", "e.png")),
        ("<script src=/app.js></script><link rel=stylesheet href=/a.css>", ("/app.js", "/a.css")),
        ('<link rel=manifest href=/m.json><link rel="alternate" href=/feed.xml>', ("/m.json", "/feed.xml")),
        ("<link rel=preconnect href=//cdn.example><link rel='DNS-prefetch' href=//x>", ()),
        ("<iframe src=/f></iframe><video poster=/p.jpg src=/v.mp4></video><object data=/o>", ("/f", "/p.jpg", "/v.mp4", "/o")),
        ('<style>@import "z.css"; a { background: url( q.png ) }</style>', ("z.css", "q.png")),
        ("<div style='background:url(\"w.gif\")'>", ("w.gif",)),
        ('<meta http-equiv=Refresh content="5; URL=/later">', ("/later",)),
        ('<svg><use xlink:href="/icons.svg#a"/></svg>', ("/icons.svg#a",)),
        ('<script>fetch("/api/items"); go(`/api/${x}`); n = "/a b"; import "./m.js"; r("./lodash")</script>', ("/api/items", "./m.js")),
        ("<img data-src=/lazy.png>", ("/lazy.png",)),
        ("<a href=/a data-method=delete>x</a><a href=/b data-turbo-method=post>x</a><a href=/c data-confirm=sure?>x</a>", ()),
        ("<a href=/a data-method=GET>x</a>", ("/a",)),
        ("<a href=''>x</a><a>x</a><a href>x</a>", ()),
        ("<p><a href=/unclosed <b><a href='/next'", ("/unclosed",)),
    ],
)  # fmt: skip
def test_a_page_links(text: str, links: tuple[str, ...]) -> None:
    assert page(text) == links


def test_forms_that_get_are_links_with_their_default_values() -> None:
    form = """<form action="/find?old=1#top"><input name=q value="a b"><input name=off disabled value=1><input value=nameless>
        <input type=checkbox name=c checked><input type=checkbox name=d><input type=radio name=r value=1><input type=radio name=r value=2 checked>
        <select name=s><option value=1>a<option value=2 selected>b</select><select name=t><option disabled>-<option> first </select>
        <textarea name=u>é</textarea><input type=submit name=go value=Go><input type=file name=f></form>"""
    assert page(form) == ("/find?q=a+b&c=on&r=2&s=2&t=first&u=%C3%A9",)
    assert page("<form method=POST action=/change><input name=x></form><form method=dialog action=/d></form>") == ()
    assert page("<form action=/all></form>") == ("/all",)


def test_the_base_of_a_page_is_told_apart() -> None:
    found = read_links(b"<base href='/b/'><base href=/c/><a href=x>", Kind.PAGE, "utf-8")
    assert found == Links(("x",), "/b/")


def test_links_count_once_and_up_to_a_limit() -> None:
    text = "".join(f"<a href=/{n}><a href=/{n}>" for n in range(LINKS + 1))
    found = read_links(text.encode(), Kind.PAGE, "utf-8")
    assert found.cut and found.links == tuple(f"/{n}" for n in range(LINKS))
    assert not read_links(text.encode()[:-20], Kind.PAGE, "utf-8").cut


def test_the_charset_of_a_page_matters_and_an_unknown_one_does_not() -> None:
    assert read_links("<a href=/é>".encode("latin-1"), Kind.PAGE, "latin-1").links == ("/é",)
    assert read_links("<a href=/é>".encode(), Kind.PAGE, "no-such-charset").links == ("/é",)


def test_sitemaps_and_feeds_link() -> None:
    sitemap = b'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc> http://localhost/a </loc></url>'
    assert read_links(sitemap, Kind.XML, "").links == ("http://localhost/a",), "it is cut after that"
    rss = b"<rss><channel><link>/</link><item><link>/one</link><enclosure url='/one.mp3'/></item></channel></rss>"
    assert read_links(rss, Kind.XML, "").links == ("/", "/one", "/one.mp3")
    atom = b"<feed xmlns='http://www.w3.org/2005/Atom'><link href='/feed'/><entry><link rel='alternate' href='/two'/></entry></feed>"
    assert read_links(atom, Kind.XML, "").links == ("/feed", "/two")


def test_an_xml_bomb_ends_the_document() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "/aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x><loc>/before</loc><loc>&b;</loc></x>'
    assert read_links(bomb, Kind.XML, "").links == ()


def test_a_manifest_links_pages_and_pictures() -> None:
    manifest = b'{"name": "/no", "start_url": "/s", "icons": [{"src": "i.png", "type": "/no"}], "shortcuts": [{"url": "/q", "icons": [{"src": "z"}]}]}'
    assert read_links(manifest, Kind.MANIFEST, "").links == ("/s", "i.png", "/q", "z")
    assert read_links(b"[" * 100_000, Kind.MANIFEST, "").links == ()


def test_robots_txt_names_paths_and_sitemaps() -> None:
    robots = (
        "User-agent: *\r\nDisallow: /admin/ # x\r\nDisallow:\r\nAllow: /*.gif$\r\nSITEMAP: http://localhost/s.xml\r\n"
    )
    assert read_links(robots.encode(), Kind.ROBOTS, "utf-8").links == ("/admin/", "http://localhost/s.xml")


@pytest.mark.parametrize(
    ("media", "path", "kind"),
    [
        ("text/html; charset=utf-8", "/", Kind.PAGE),
        ("application/xhtml+xml", "/", Kind.PAGE),
        ("text/css", "/a", Kind.STYLE),
        ("application/javascript", "/a", Kind.SCRIPT),
        ("text/javascript; charset=utf-8", "/a", Kind.SCRIPT),
        ("application/manifest+json", "/a", Kind.MANIFEST),
        ("application/json", "/x/manifest.json?v=1", Kind.MANIFEST),
        ("application/json", "/x/data.json", None),
        ("application/rss+xml", "/feed", Kind.XML),
        ("image/svg+xml", "/a.svg", Kind.XML),
        ("text/plain", "/robots.txt", Kind.ROBOTS),
        ("text/plain", "/notes.txt", None),
        ("", "/", None),
    ],
)
def test_the_kind_of_a_document(media: str, path: str, kind: Kind | None) -> None:
    assert kind_of(media, path) is kind


@given(st.binary(max_size=300), st.sampled_from(list(Kind)))
def test_no_document_is_refused(content: bytes, kind: Kind) -> None:
    found = read_links(content, kind, "utf-8")
    assert len(found.links) <= LINKS and all(found.links)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(
    "piece", [b"url(", b'"/a/', b"<a href=", b"@import '", b"srcset=' , , ", b"disallow: ", b"<form><select>", b"/a", b"'./"]
)  # fmt: skip
def test_the_work_is_linear_in_a_hostile_document(kind: Kind, piece: bytes) -> None:
    content = piece * ((1 << 19) // len(piece))
    with work_of_at_most(1000):
        read_links(content, kind, "utf-8")


def test_documents_are_read_in_the_sandbox() -> None:
    sandbox = Sandbox()
    jobs = [
        Job("/", b"<a href=/x>", ("page", "utf-8")),
        Job("/s", b"<x><loc>/y</loc></x>", ("xml", "")),
        Job("/b", b"", ("no kind", "")),
    ]
    found = sandbox.facts(read_links, Links, jobs)
    assert found == [Links(("/x",)), Links(("/y",)), None]
