"""URLs: which are the app's own, which are alike, and which may change something."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimmer.exercise.crawl.origin import LONGEST, Origin
from slimmer.exercise.crawl.safety import may_change
from slimmer.exercise.crawl.shape import shape_of

APP = Origin("http", 8000, ("172.17.0.2", 8000))
RELAYED = Origin("https", 443, ("127.0.0.1", 40123))
PATHS = st.lists(st.text(max_size=8), max_size=5).map(lambda parts: "/" + "/".join(map(quote, parts)))


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("x", "/a/x"),
        ("/x", "/x"),
        ("/x/y.css?v=1#top", "/x/y.css?v=1"),
        ("../../../z", "/z"),
        ("./", "/a/"),
        ("?q=1", "/a/b?q=1"),
        (" /a b\n", "/a%20b"),
        ("/é?ü=1", "/%C3%A9?%C3%BC=1"),
        ("/%41%zz", "/%41%zz"),
        ("http://localhost:8000", "/"),
        ("HTTP://LOCALHOST:8000/y?z", "/y?z"),
        ("http://127.0.0.1:8000/y", "/y"),
        ("http://172.17.0.2:8000/y", "/y"),
        ("http://user:secret@localhost:8000/y", "/y"),
        ("\\x", "/x"),
        ("//localhost:8000/y", "/y"),
        ("//example.com/", None),
        ("\\\\example.com\\x", None),
        ("/\t/example.com/", None),
        ("http://example.com:8000/", None),
        ("http://localhost/", None),
        ("http://localhost:8001/", None),
        ("http://172.17.0.3:8000/", None),
        ("https://localhost:8000/", None),
        ("http://localhost:8000@example.com/", None),
        ("http://[::1", None),
        ("http://localhost:99999/", None),
        ("mailto:a@b", None),
        ("javascript:void(0)", None),
        ("data:text/html,x", None),
        ("#top", None),
        ("", None),
        ("/" + "x" * LONGEST, None),
        ("/" + "%20" * LONGEST, None),
    ],
)
def test_only_links_to_the_app_become_paths(link: str, path: str | None) -> None:
    assert APP.path_of(link, "/a/b?c") == path


def test_an_app_behind_a_relay_is_known_by_both_ports() -> None:
    assert RELAYED.path_of("https://localhost/x") == "/x"
    assert RELAYED.path_of("https://127.0.0.1:40123/x") == "/x"
    assert RELAYED.path_of("https://localhost:40123/x") is None
    assert RELAYED.path_of("http://localhost/x") is None


def test_the_base_of_a_page_moves_its_links() -> None:
    assert APP.path_of("x", "/a/b", "/c/") == "/c/x"
    assert APP.path_of("/x", "/a/b", "http://example.com/") is None
    assert APP.path_of("http://localhost:8000/x", "/a/b", "http://example.com/") == "/x"


@given(st.text(max_size=60), PATHS, st.text(max_size=20))
def test_every_path_can_be_sent(link: str, document: str, base: str) -> None:
    path = APP.path_of(link, document, base)
    assert path is None or (
        path.startswith("/") and not path.startswith("//") and path.isascii() and path.isprintable()
    )
    assert path is None or (" " not in path and "#" not in path and len(path) <= LONGEST)


@given(PATHS)
def test_a_path_is_its_own_link(path: str) -> None:
    first = APP.path_of(path)
    assert first is None or APP.path_of(first) == first


@pytest.mark.parametrize(
    ("urls", "shape"),
    [
        (("/item/17?page=2", "/item/4711?page=99"), "/item/{n}?page={n}"),
        (("/posts/how-to-bake-bread", "/posts/2024-11-05-a-second_one"), "/posts/{s}"),
        (("/static/app.3f2a1b9c.js", "/static/app.00ff00ff00ff.js"), "/static/app.{x}.js"),
        (("/u/3f2a1b9c-aaaa-4bbb-8ccc-123456789abc", "/u/00000000-0000-0000-0000-00000000000A"), "/u/{x}"),
        (("/page-1.html", "/page-12345678.html"), "/page-{n}.html"),
        (("/a?b=1&a=x", "/a?a=x&b=2"), "/a?a=x&b={n}"),
        (("/find?q=two+words", "/find?q=%C3%A9t%C3%A9"), "/find?q={s}"),
        (("/caf%C3%A9",), "/{s}"),
        (("/calendar/2024/12", "/calendar/2025/1"), "/calendar/{n}/{n}"),
        (("/v1/items", "/v1/items"), "/v1/items"),
        (("/a/a/a", "/a/a/a/a/a"), "/a/a/…"),
    ],
)  # fmt: skip
def test_urls_of_the_same_shape(urls: tuple[str, ...], shape: str) -> None:
    assert {shape_of(url) for url in urls} == {shape}


def test_urls_of_different_shapes() -> None:
    urls = ("/", "/about", "/v1/items", "/v2/items", "/list?format=csv", "/list?format=pdf", "/list", "/a.css", "/a.js")
    assert len({shape_of(url) for url in urls}) == len(urls)


@given(PATHS, st.integers(0, 10**9), st.integers(0, 10**9))
def test_numbers_do_not_change_a_shape(path: str, one: int, other: int) -> None:
    assert shape_of(f"{path}/{one}?p={one}") == shape_of(f"{path}/{other}?p={other}")


@given(st.integers(1, 200), st.sampled_from(["a/", "1/", "a/b/", "x%20y/"]))
def test_a_link_to_itself_has_few_shapes(times: int, step: str) -> None:
    assert len({shape_of("/" + step * number) for number in range(times)}) <= 16


@pytest.mark.parametrize(
    "url",
    ["/logout", "/users/sign_out", "/logOut", "/a/delete/5", "/x?action=delete", "/a?x=Remove+it", "/newsletter/unsubscribe?id=1",
     "/cart/add?id=1", "/delete/5.png?x=1", "/Delete", "/%64elete", "/shut-down"],
)  # fmt: skip
def test_urls_that_may_change_something(url: str) -> None:
    assert may_change(url)


@pytest.mark.parametrize(
    "url", ["/", "/undelete-notes", "/deleted", "/icons/delete.svg", "/address", "/help?about=loggingout", "/outlog"]
)
def test_urls_that_only_show_something(url: str) -> None:
    assert not may_change(url)
