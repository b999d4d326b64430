"""Which headers of an answer matter, how they are written, and what of them is never kept."""

from __future__ import annotations

import pytest

from slimmer.exercise.headers import LONGEST, telling_headers


@pytest.mark.parametrize(
    ("name", "values", "kept"),
    [
        ("Cache-Control", ["No-Cache, max-age=0", "private"], "max-age=0, no-cache, private"),
        ("VARY", ["Origin,accept , ,ORIGIN"], "accept, origin"),
        ("Allow", ["POST, GET"], "get, post"),
        ("Location", ["/a?b=C"], "/a?b=C"),
        ("Content-Disposition", ['attachment; filename="A.txt"'], 'attachment; filename="A.txt"'),
        ("Set-Cookie", ["sid=hunter2; Path=/; HttpOnly", "lang=de", "sid=other"], "lang, sid"),
        ("Set-Cookie", ["hunter2"], "hunter2"),
        ("WWW-Authenticate", ['Digest realm="a, Bearer b", nonce="hunter2", qop=auth'], "digest"),
        ("WWW-Authenticate", ['Negotiate, Basic realm="x"', "Bearer"], "basic, bearer, negotiate"),
        ("Access-Control-Allow-Origin", ["*"], "*"),
        ("Content-Language", ["de"], "de"),
        ("Location", ["x" * 5000], "x" * LONGEST),
        ("Location", [""], ""),
    ],
)
def test_headers_that_matter_are_written_in_one_way(name: str, values: list[str], kept: str) -> None:
    assert telling_headers((name, value) for value in values) == ((name.lower(), kept),)


@pytest.mark.parametrize("name", ["Date", "ETag", "Last-Modified", "Server", "Content-Length", "X-Request-Id", "Age"])
def test_headers_that_change_by_themselves_are_left_out(name: str) -> None:
    assert telling_headers([(name, "1")]) == ()


def test_their_order_means_nothing() -> None:
    pair = [("Vary", "a"), ("Location", "b")]
    assert telling_headers(pair) == telling_headers(reversed(pair)) == (("location", "b"), ("vary", "a"))


@pytest.mark.timeout(60)
def test_a_challenge_of_quotes_without_an_end_is_read_once() -> None:
    """Not once for each of its quotes, which would take a quarter of an hour."""
    assert telling_headers([("WWW-Authenticate", 'Digest x="' + '\\"' * 400_000)]) == (("www-authenticate", "digest"),)
