"""Bodies of three answers: which way they are compared, and what is shown of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from slimmer.exercise.request import Request
from slimmer.exercise.result import Answer
from slimmer.verify.bodies import compare_bodies

JSON, HTML, PNG = "application/json", "text/html; charset=utf-8", "image/png"


def answer(body: bytes | str, content_type: str = HTML, *, held: bool = True) -> Answer:
    data = body.encode() if isinstance(body, str) else body
    digest = hashlib.sha256(data).hexdigest()
    return Answer(Request("GET", "/"), 80, 200, content_type, len(data), digest, 0.1, body=data if held else None)


def endless(size: int) -> Answer:
    return replace(answer("x" * size, held=False), digest="", truncated=True)


def excerpt(before: Answer, after: Answer, again: Answer) -> str:
    change = compare_bodies(before, after, again)
    assert change is not None
    return change.excerpt


def test_json_is_compared_by_structure() -> None:
    before, again = (answer(json.dumps({"id": i, "name": "a"}), JSON) for i in (1, 2))
    assert compare_bodies(before, answer('{"name":"a",\n"id":3}', JSON), again) is None
    assert excerpt(before, answer('{"name":"b", "id":3}', JSON), again) == '- $.name: "a"\n+ $.name: "b"'


@pytest.mark.parametrize("kind", ["application/problem+json", "application/json; charset=utf-8", "", "text/plain"])
def test_json_is_known_by_its_type_and_by_its_look(kind: str) -> None:
    assert compare_bodies(answer('{"a": 1}', kind), answer('{"a":1}', kind), answer('{"a": 1}', kind)) is None


def test_json_that_became_text_is_shown_as_text() -> None:
    before = answer('{"a": 1}', JSON)
    assert excerpt(before, answer("no such table", JSON), before) == '- {"a": 1}\n+ no such table'


def test_a_text_that_only_looks_like_json_is_a_text() -> None:
    before = answer("{not json}", "text/plain")
    assert excerpt(before, answer("{not  json}", "text/plain"), before).startswith("- {not json}\n+ ")


def test_json_that_is_nested_too_deep_is_a_text() -> None:
    before, after = (answer("[" * 90_000 + inner + "]" * 90_000, JSON) for inner in ("", "1"))
    assert compare_bodies(before, after, before) is not None


def test_lines_that_have_no_order_in_the_originals() -> None:
    one, other, third, less = (answer(text) for text in ("a\nb\nc\n", "c\na\nb\n", "b\nc\na\n", "b\nc\nc\n"))
    assert compare_bodies(one, third, other) is None
    assert compare_bodies(one, third, one) is not None
    assert compare_bodies(one, less, other) is not None


def test_an_excerpt_leaves_out_what_is_noise() -> None:
    def page(number: int, word: str) -> Answer:
        return answer("".join([f"<p>token {number * 7919}</p>\n", "<p>same</p>\n" * 30, f"<p>{word}</p>\n"]))

    shown = excerpt(page(1, "template"), page(3, "nothing"), page(2, "template"))
    assert shown == "- <p>template</p>\n+ <p>nothing</p>"


def test_an_excerpt_leaves_out_noise_that_is_next_to_a_difference() -> None:
    before, after, again = (answer(f"{n} a{n}\n{word}\nend\n") for n, word in ((1, "good"), (3, "bad"), (2, "good")))
    assert excerpt(before, after, again) == "- good\n+ bad"


def test_an_excerpt_shows_noise_that_is_of_another_kind() -> None:
    before, after, again = (answer(f"token: {token}\n") for token in ("1a", "no random device", "2b"))
    assert excerpt(before, after, again) == "- token: 1a\n+ token: no random device"


def test_an_excerpt_is_short_and_on_lines_of_its_own() -> None:
    before, after = (answer("".join(f"{w} {i}\x1b[31m\u2028\n" * 2 for i in range(300))) for w in ("old", "new"))
    shown = excerpt(before, after, before)
    assert len(shown.splitlines()) <= 10
    assert "\x1b" not in shown and "\u2028" not in shown and "more" in shown


def test_an_excerpt_of_a_long_line_shows_where_it_differs() -> None:
    before, after = (answer("x" * 50_000 + word + "x" * 50_000) for word in ("old", "new"))
    shown = excerpt(before, after, before)
    assert "old" in shown and "new" in shown and len(shown) < 500


def test_a_line_end_that_is_missing_is_told() -> None:
    assert "ends differently" in excerpt(answer("a\n"), answer("a"), answer("a\n"))


def test_what_is_no_text_is_compared_by_its_digest() -> None:
    before, after = answer(b"\x89PNG\0\1", PNG), answer(b"\x89PNG\0\2", PNG)
    change = compare_bodies(before, after, before)
    assert change is not None and change.excerpt == ""
    assert change.before.startswith("6 bytes (sha256:") and change.before != change.after


@pytest.mark.parametrize(
    ("after", "fits"),
    [
        (b"\x89PNG\0\7zzzzzz", True),  # a captcha: another one each time
        (b"\x89PNG\0\7", True),
        (b"GIF89a\0\0\0\0\0", False),
        (b"\x89PNG\0" + b"\7" * 100, False),
        (b"\x89", False),
        (b"", False),
    ],
)
def test_of_noise_that_is_no_text_format_and_size_count(after: bytes, fits: bool) -> None:
    before, again = answer(b"\x89PNG\0\1aaaaaa", PNG), answer(b"\x89PNG\0\2bbbbbbb", PNG)
    assert (compare_bodies(before, answer(after, PNG), again) is None) == fits


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", "shift_jis", "no-such", "punycode", "zlib", "idna"])
def test_any_character_set_and_none(charset: str) -> None:
    bodies = [word.encode("utf-16" if charset == "utf-16" else "ascii") for word in ("one", "two")]
    before, after = (answer(body, f"text/plain; charset={charset}") for body in bodies)
    assert excerpt(before, after, before) == "- one\n+ two"


def test_bodies_that_were_not_held_have_their_digests() -> None:
    before, after = answer("a" * 10, held=False), answer("b" * 10, held=False)
    assert compare_bodies(before, before, before) is None
    assert compare_bodies(before, after, before) is not None
    assert compare_bodies(before, after, answer("c" * 11, held=False)) is None
    assert compare_bodies(before, answer("b" * 50, held=False), answer("c" * 11, held=False)) is not None


def test_streams_that_do_not_end() -> None:
    assert compare_bodies(endless(10), endless(5000), endless(10)) is None
    assert compare_bodies(endless(10), endless(0), endless(10)) is not None
    assert compare_bodies(endless(10), answer("over"), endless(10)) is not None
    assert compare_bodies(answer("over"), endless(10), answer("over")) is not None
    assert compare_bodies(endless(10), answer("over"), answer("over")) is None
    assert compare_bodies(endless(10), answer("over"), answer("also over")) is None


def test_a_second_original_that_came_to_no_end_tells_nothing() -> None:
    assert compare_bodies(answer("a"), answer("b"), endless(10)) is not None
    assert compare_bodies(answer("a"), answer("a"), endless(10)) is None


def test_a_body_becomes_empty() -> None:
    assert excerpt(answer("a 1"), answer(""), answer("a 2")) == "- a 1"


def test_a_row_among_rows_of_noise_is_shown_alone() -> None:
    """Every row has a token of its own, so every row differs; in one of them something else is another, too."""

    def table(seed: int) -> str:
        return "".join(f"<tr><td>{row}</td><td>{seed * 7919 + row * 31:08x}</td></tr>\n" for row in range(500))

    slim = table(3).replace("<td>77</td>", "<td>none</td>")
    assert [line[:20] for line in excerpt(answer(table(1)), answer(slim), answer(table(2))).splitlines()] == [
        "- <tr><td>77</td><td",
        "+ <tr><td>none</td><",
    ]


def test_a_file_with_a_stamp_in_it_is_the_same_but_for_the_stamp() -> None:
    def file(stamp: int, content: bytes = b"content" * 30) -> Answer:
        return answer(b"%PDF\0" + content + stamp.to_bytes(4) + b"end", "application/pdf")

    originals = file(7), file(0x01020304)
    assert compare_bodies(originals[0], file(0x0A0B0C0D), originals[1]) is None
    assert compare_bodies(originals[0], file(9, b"c0ntent" * 30), originals[1]) is not None
    assert compare_bodies(originals[0], file(9, b"content" * 29), originals[1]) is not None
    assert compare_bodies(originals[0], file(9), file(7)) is not None
    assert (
        compare_bodies(originals[0], file(9, b"c0ntent" * 30), file(8, b"other" * 42)) is None
    )  # another file each time
