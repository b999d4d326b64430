"""Which requests of a page are sent, and how; and what slimmer and its worker say to each other."""

from __future__ import annotations

import json

import pytest

from slimmer.exercise.browser.browser import Asked
from slimmer.exercise.browser.messages import BODY_LIMIT, HEAD_LIMIT, SIZES, Garbled, packed, read_head, sizes
from slimmer.exercise.browser.page_request import Refusal, mark_of, refusal, request_of
from slimmer.exercise.crawl.frontier import Frontier

OUTSIDE = "the app shares data with others (--share-mounts)"


def asked(method: str = "GET", kind: str = "fetch", body: bytes = b"", **headers: str) -> Asked:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Asked(method, "http://localhost:8000/x", named, body, kind)


def graphql(*queries: object) -> bytes:
    return json.dumps([{"query": query} for query in queries]).encode()


@pytest.mark.parametrize(
    ("request_", "path", "unchanging", "why"),
    [
        (asked(), "/api/items", "", None),
        (asked(), "/api/items", OUTSIDE, None),
        (asked(), None, "", Refusal.FOREIGN),
        (asked(), "/session/logout", "", Refusal.UNSAFE),
        (asked(), "/item/delete?id=7", "", Refusal.UNSAFE),
        (asked("HEAD"), "/session/logout", "", Refusal.UNSAFE),
        (asked("POST"), "/api/items/add", "", None),
        (asked("DELETE"), "/api/items/7", "", None),
        (asked("POST"), "/api/items", OUTSIDE, Refusal.CHANGING),
        (asked("DELETE"), "/api/items/7", OUTSIDE, Refusal.CHANGING),
        (asked("POST"), "/auth/logout", "", Refusal.UNSAFE),
        (asked("POST"), "/admin/shutdown", "", Refusal.UNSAFE),
        (asked("post"), "/api", "", Refusal.FOREIGN),
        (asked(kind="eventsource"), "/events", "", Refusal.STREAM),
        (asked("POST", body=graphql("{ books { id } }")), "/graphql", OUTSIDE, None),
        (asked("POST", body=b'{"query": "query A { a }"}'), "/api/graphql", OUTSIDE, None),
        (asked("POST", body=graphql("{ a }", "mutation { b }")), "/graphql", OUTSIDE, Refusal.CHANGING),
        (asked("POST", body=graphql("mutation { b }")), "/graphql", "", None),
        (asked("POST", body=graphql("{ a }", None)), "/graphql", OUTSIDE, Refusal.CHANGING),
        (asked("POST", body=graphql("{ a }")), "/api/run", OUTSIDE, Refusal.CHANGING),
        (asked("POST", body=b"[]"), "/graphql", OUTSIDE, Refusal.CHANGING),
        (asked("POST", body=b"[" * 100_000), "/graphql", OUTSIDE, Refusal.CHANGING),
        (asked("POST", body=b"\xff"), "/graphql", OUTSIDE, Refusal.CHANGING),
    ],
)
def test_what_of_a_page_is_sent(request_: Asked, path: str | None, unchanging: str, why: Refusal | None) -> None:
    assert refusal(request_, path, unchanging) is why


def test_a_request_has_what_its_script_chose_and_nothing_of_the_browser() -> None:
    sent = asked(
        "POST", body=b"{}", accept="application/json", content_type="application/json", x_shop="1", cookie="a=b",
        origin="http://localhost:8000", user_agent="Chrome", referer="http://localhost:8000/", sec_fetch_mode="cors",
        x_bad="a\nb", x_odd="\u2603", bad_name_="x", accept_encoding="gzip", authorization="Bearer x",
    )  # fmt: skip
    request = request_of(sent, "/api")
    assert (request.method, request.path, request.body, request.source) == ("POST", "/api", b"{}", "browser")
    assert dict(request.headers) == {
        "Accept": "application/json", "Content-Type": "application/json", "X-Shop": "1", "Origin": "http://localhost:8000",
        "Authorization": "Bearer x", "Bad-Name-": "x",
    }  # fmt: skip
    assert "Bearer" not in repr(request) and "Bearer" not in repr(sent)
    assert request_of(asked("POST"), "/api").body == b""


def test_forms_with_files_have_the_same_boundary_each_time() -> None:
    sent = []
    for boundary in ("----WebKitFormBoundaryyN7YabBNFsbLYn6p", "----WebKitFormBoundaryOE2UYwsQwJkV2i7e"):
        body = f"--{boundary}\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n--{boundary}--\r\n".encode()
        sent.append(
            request_of(asked("POST", body=body, content_type=f"multipart/form-data; boundary={boundary}"), "/x")
        )
    assert sent[0] == sent[1] and b"WebKit" not in (sent[0].body or b"")


def test_what_elements_load_is_what_a_link_would_ask_for() -> None:
    script = request_of(asked(kind="script", accept="*/*", user_agent="Chrome"), "/app.js")
    assert mark_of(script) == "" and script.body is None
    fetched = [mark_of(request_of(asked(accept=kind), "/app.js")) for kind in ("*/*", "application/json")]
    assert all(fetched) and len({*fetched}) == 2


def test_a_script_may_ask_before_the_crawl_does() -> None:
    frontier = Frontier(3)
    frontier.add(80, "/a", 1)
    frontier.add(80, "/b", 1)
    assert frontier.take(80, "/a", 1) is not None
    assert frontier.take(80, "/a", 1) is None
    assert frontier.take(80, "/a", 1, "POST", "12") is not None
    assert frontier.take(80, "/a", 1, "POST", "34") is not None
    assert [target.path for target in frontier.wave()] == ["/b"]
    assert frontier.take(80, "/b", 1) is None
    assert (frontier.found, frontier.asked) == (4, 4)


def test_messages_have_bounds() -> None:
    message = packed({"ask": 1}, b"body")
    head, body = sizes(message[: SIZES.size])
    assert read_head(message[SIZES.size :][:head]) == {"ask": 1} and message[-body:] == b"body"
    for wrong in (SIZES.pack(HEAD_LIMIT + 1, 0), SIZES.pack(0, BODY_LIMIT + 1)):
        with pytest.raises(Garbled):
            sizes(wrong)
    for text in (b"[]", b"x", b"\xff"):
        with pytest.raises(Garbled):
            read_head(text)
