"""What originals' texts tell about another: what must be there, and where anything of the kind will do."""

from __future__ import annotations

import json
import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimmer.verify import noise
from slimmer.verify.noise import lines_of, steady, tells_failure, template
from slimmer.verify.shape import VAST
from tests.damage import examples
from tests.work import work_of_at_most

PAGE = """<!doctype html>
<html><head><title>The shop</title>
<meta name="csrf" content="{token}">
</head><body>
<p>It is {date}.</p>
<ul><li>apples</li><li>pears</li></ul>
<footer>request {number} served by {host}</footer>
</body></html>
"""


def page(seed: int, text: str = PAGE) -> str:
    chance = random.Random(seed)
    return text.format(
        token="".join(chance.choices("abcdefXYZ0123456789-_.=/+", k=40)),
        date=f"Mon, {seed:02d} Jan 2026 10:{seed:02d}:{seed + 1:02d} GMT",
        number=chance.randrange(10**9),
        host=f"{chance.randrange(16**12):012x}",
    )


@pytest.mark.parametrize("seed", range(3, 40))
def test_dates_tokens_and_ids_are_noise(seed: int) -> None:
    assert template(page(1), page(2)).fits(page(seed))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("apples", "apple"),
        ("<li>pears</li>", ""),
        ("It is ", "Es ist "),
        ("</html>\n", ""),
        ("</html>\n", "</html>\nmore"),
        ("<!doctype", "\n<!doctype"),
        ("served by {host}", "served by "),
        ("{token}", ""),
        ("{token}", "no token: the template is missing"),
        ("{number}", "None of the numbers could be had, since the generator is not here"),
    ],
)
def test_what_is_the_same_in_both_must_stay_and_noise_must_be_of_its_kind(old: str, new: str) -> None:
    assert not template(page(1), page(2)).fits(page(3, PAGE.replace(old, new)))


def test_without_noise_everything_counts() -> None:
    same = template("a b c", "a b c")
    assert same.fits("a b c")
    assert not same.fits("a b  c")
    assert not same.fits("")


@pytest.mark.parametrize(
    ("first", "second", "fits", "fits_not"),
    [
        ("x", "y", "z", "z z"),  # all of it is a word
        ("", "warning\n", "other\n", "w" * 1000),  # there or not, but not without end
        ("id=1", "id=2", "id=30", ""),
        ("a\n", "a\n", "a\n", "a"),
        ("one two", "three four five", "six", "s" * 1000),
        (str(uuid.UUID(int=1)), str(uuid.UUID(int=2**100)), str(uuid.UUID(int=2**127)), "Error: no entropy"),
    ],
)
def test_small_texts(first: str, second: str, fits: str, fits_not: str) -> None:
    known = template(first, second)
    assert known.fits(fits) and known.fits(first) and known.fits(second)
    assert not known.fits(fits_not)


def test_a_word_that_two_random_sentences_share_is_chance() -> None:
    known = template("<p>to be or not to be</p>", "<p>better to be late</p>")
    assert known.fits("<p>nobody expects this</p>")
    assert not known.fits("<b>nobody expects this</b>")


def test_what_lies_far_between_two_noises_counts() -> None:
    """A long page with a token at its start and a time at its end."""
    middle = "".join(f"line {number} of the page\n" for number in range(3000))
    first, second, third = (f"token {n}x{n}\n{middle}took {n}.{n} ms\n" for n in (11, 22, 33))
    known = template(first, second)
    assert known.fits(third)
    assert not known.fits(third.replace("line 1500 of", "line of"))


def test_a_single_long_line_is_looked_at_in_parts() -> None:
    def minified(number: int, word: str) -> str:
        return "".join(f"<td>{word}{i}</td>" for i in range(4000)) + f"<i>{number}</i>" + "<td>last</td>" * 100

    known = template(minified(123, "cell"), minified(456, "cell"))
    assert known.fits(minified(789, "cell"))
    assert not known.fits(minified(789, "sell"))


@pytest.mark.parametrize(
    "text", ["", "\n", "a", "a\r\nb\x0bc\u2028d\n", "x" * 1000, "a>" * 500 + "\n" + ";," * 300, "\udcff\n"]
)
def test_parts_of_a_text_are_the_text(text: str) -> None:
    assert "".join(lines_of(text)) == text
    assert template(text, text + "tail").fits(text)


def hard_texts() -> list[tuple[str, str]]:
    """Pairs that make naive alignments take minutes."""
    chance = random.Random(7)
    few = [f"w{n}" for n in range(100)]
    size = 250_000
    return [
        ("\n" * size, "a\n" * (size // 2)),
        ("a " * (size // 2), "b a " * (size // 4)),
        (" ".join(chance.choices(few, k=60_000)), " ".join(chance.choices(few, k=60_000))),
        ("\n".join(chance.choices(few, k=60_000)), "\n".join(chance.choices(few, k=60_000))),
        (json.dumps(list(range(40_000))), json.dumps(list(range(40_000, 0, -1)))),
        ("(" * size, ")" * size),
        (many("a", size), many("b", size)),
    ]


def many(letter: str, size: int) -> str:
    """Long stretches of noise, with what is the same in both between them, and in them, too."""
    return "".join(letter * (size // 20) + " and so it goes on\n" * 200 for _ in range(4))


@pytest.mark.parametrize("number", range(7))
def test_the_work_is_bounded_whatever_an_app_sends(number: int) -> None:
    first, second = hard_texts()[number]
    with work_of_at_most(3000):
        known = template(first, second)
        assert known.fits(first) and known.fits(second)


PIECES = st.sampled_from(["a", "bb", " ", "\n", "<p>", "common words here", "1", '="x"'])
TEXTS = st.lists(PIECES, max_size=60).map("".join)


@examples(300)
@given(TEXTS, TEXTS)
def test_both_originals_fit_their_own_template(first: str, second: str) -> None:
    known = template(first, second)
    assert known.fits(first), (first, second, known)
    assert known.fits(second), (first, second, known)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3 passed in 0.12s", "3 passed in 1.5s"),
        ("took 3 ms", "took 12 ms"),
        ("1e-05 seconds", "0.7 seconds"),
        ("(12.5µs)", "(7µs)"),
        ("pid 7, PID=7", "pid 12, PID=12"),
    ],
)
def test_measured_times_and_numbers_of_processes_are_steady(one: str, other: str) -> None:
    assert steady(one) == steady(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3 passed", "2 passed"),
        ("10:00:00", "11:00:00"),
        ("port 80", "port 81"),
        ("5 sheep", "6 sheep"),
        ("a1 s", "a2 s"),
    ],
)
def test_other_numbers_are_not(one: str, other: str) -> None:
    assert steady(one) != steady(other)


def test_a_time_with_its_milliseconds_is_one_word() -> None:
    """A third of the times that two lines of a log show may share its milliseconds with another by chance."""
    known = template("2026-01-01 10:00:01,123 INFO up\n", "2026-01-01 10:00:02,123 INFO up\n")
    assert known.fits("2026-01-01 10:00:03,456 INFO up\n")


def test_an_equal_number_in_another_row_of_a_table_is_chance() -> None:
    def table(seed: int, *seats: int) -> str:
        row = "<tr><td>{}</td><td>seat {}</td></tr>\n"
        return "".join(row.format(seed * 7919 + at, seat) for at, seat in enumerate(seats))

    known = template(table(1, 11, 22, 33, 44, 55), table(2, 66, 77, 11, 88, 99))
    assert known.fits(table(3, 12, 23, 34, 45, 56))
    assert not known.fits(table(3, 12, 23, 34, 45, 56).replace("seat", "seal"))


@pytest.mark.parametrize(
    ("originals", "text", "fits"),
    [
        (("same",), "same", True),
        (("same",), "other", False),
        (("id=a1;", "id=b2;"), "id=c3;", True),
        (("id=a1;", "id=b2;"), "id=c3", False),
        (("id=a1;", "id=b2;"), "id=;", False),
        (("<p>seat 3</p> as it was <p>row 4</p>", "<p>seat 5</p> as it was <p>row 4</p>"),
         "<p>seat 6</p> as it was <p>row 6</p>", False),
        (("<p>seat 3</p> as it was <p>row 4</p>", "<p>seat 5</p> as it was <p>row 4</p>",
          "<p>seat 3</p> as it was <p>row 5</p>"), "<p>seat 6</p> as it was <p>row 6</p>", True),
        (("at 10:00\nthe end\n", "at 10:01\nthe end\n", "at 10:02\n\nthe end\n"), "at 10:03\nthe end\n", True),
        (("saying: to be", "saying: all the world"), "saying: much ado about it", True),
        (("saying: to be", "saying: all the world"), "saying: error: no such file", False),
        (("saying: to be", "saying: not found", "saying: all"), "saying: error", True),
        (("job a1 is up", "job b2 is up"), "job undefined is up", False),
        (("x" * 10, "y" * 10), "z" * 1000, False),
    ],
)  # fmt: skip
def test_what_fits(originals: tuple[str, ...], text: str, fits: bool) -> None:
    assert template(*originals).fits(text) is fits
    assert all(template(*originals).fits(original) for original in originals)


def test_a_gap_holds_what_each_original_has_there() -> None:
    found = template("one 1111 two three", "one 2222 two three", "one 1111 two 3333")
    assert [gap.texts for gap in found.gaps] == [("1111 two three", "2222 two three", "1111 two 3333")]
    far = " two, and much later on: "
    found = template(f"one 1111{far}three", f"one 2222{far}three", f"one 1111{far}3333")
    assert [gap.texts for gap in found.gaps] == [("1111", "2222", "1111"), ("three", "three", "3333")]
    assert [found.is_volatile(*place) for place in ((0, 4), (4, 8), (8, 20), (33, 38))] == [False, True, False, True]


def test_what_is_next_to_something_that_only_other_originals_have_is_volatile() -> None:
    found = template("seats () free", "seats (12) free")
    assert [gap.texts for gap in found.gaps] == [("", "12")]
    assert [found.is_volatile(*place) for place in ((0, 5), (7, 8), (8, 13))] == [False, True, False]


def vast(seed: int) -> str:
    """Lines of nothing but noise, more than what is compared character by character."""
    chance = random.Random(seed)
    return "".join(f"{chance.getrandbits(160):040x}\n" for _ in range(2 * VAST // 41))


@pytest.mark.parametrize(("start", "end"), [("ab", "yz"), ("xx", "yz"), ("ab", "xx"), ("xx", "xx")])
def test_a_few_characters_at_the_ends_of_vast_noise_are_equal_by_chance(start: str, end: str) -> None:
    found = template(*(f"ab {vast(seed)} yz" for seed in (1, 2)))
    assert found.is_vast and found.fits(f"{start} {vast(3)} {end}")


@pytest.mark.parametrize(("start", "end"), [("xx", "the end of all of it"), ("the start of all of it", "xx")])
def test_what_is_long_at_the_ends_of_vast_noise_must_be_there(start: str, end: str) -> None:
    found = template(*(f"the start of all of it\n{vast(seed)}\nthe end of all of it" for seed in (1, 2)))
    assert found.fits(f"the start of all of it\n{vast(3)}\nthe end of all of it")
    assert not found.fits(f"{start}\n{vast(3)}\n{end}")


def test_vast_noise_has_about_its_size() -> None:
    found = template(vast(1), vast(2))
    assert found.fits(vast(3))
    assert not found.fits(vast(3)[: len(vast(3)) // 3])


def test_between_two_stretches_of_vast_noise_a_line_of_its_own_must_be_there() -> None:
    def page(first: int, middle: str = "the second part begins here\n") -> str:
        return vast(first) + middle + vast(first + 10) + "small 12 and more of it\n"

    found = template(page(1), page(2))
    assert found.fits(page(3))
    assert not found.fits(page(3, "another part\n"))
    assert len(found.gaps) == 2


def test_a_few_characters_count_at_the_end_of_small_noise_but_not_of_vast_noise_though_the_text_has_both() -> None:
    line = "the second part begins here\n"
    small = template(*(f"{vast(seed)}{line}id {seed:020d} yz" for seed in (10**19, 2 * 10**19)))
    assert small.fits(f"{vast(3)}{line}id {3 * 10**19} yz")
    assert not small.fits(f"{vast(3)}{line}id {3 * 10**19} xx")
    both = template(*(f"{vast(seed)}{line}{vast(seed + 10)}yz" for seed in (1, 2)))
    assert both.fits(f"{vast(3)}{line}{vast(13)}xx")
    assert not both.fits(f"{vast(3)}no second part\n{vast(13)}yz")


def test_much_noise_in_many_small_places_is_vast() -> None:
    def page(seed: int) -> str:
        chance = random.Random(seed)
        return "".join(f"this is what number {number} has: {chance.getrandbits(1200):x}\n" for number in range(60))

    found = template(page(1), page(2))
    assert found.is_vast
    assert found.fits(page(3))


def test_words_of_failure() -> None:
    assert all(map(tells_failure, ["Error: x", "<b>not found</b>", "null", '"None"', "[Errno 2] No such file"]))
    assert not any(map(tells_failure, ["terror", "nonesuch", "7d3e", "", "Mon, 02 Jan", "mirror"]))


@pytest.mark.parametrize(
    ("originals", "fits", "fits_not"),
    [
        (("ready-ab12", "ready-cd34"), "ready-00ff", "degraded"),
        (("/static/app.3f2a.js", "/static/app.77c0.js"), "/static/app.0815.js", "/fallback.js"),
        (("1024.5", "1024.7"), "1030.1", "1030.1 1"),
        (("2026-01-01T10:00:05Z", "2026-01-01T10:00:09Z"), "2026-02-01T00:00:00Z", ""),
        (("cafe1234", "cafe5678"), "00001234", ""),
        (("a-1", "b-1"), "c-1", ""),
    ],
)
def test_words_begin_as_all_originals_do(originals: tuple[str, ...], fits: str, fits_not: str) -> None:
    known = template(*originals)
    assert known.fits(fits) and not known.fits(fits_not) and all(map(known.fits, originals))


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("id=3333 name=apple\nid=9 name=pear\n", None, None),
        ("id=3333 name=apple\nid=9 name=fig\n", "pear\n", "fig\n"),
        ("id=3333 label=apple\nid=9 name=pear\n", "name=apple\n", "label=apple\n"),
        ("ID=3333 name=apple\nid=9 name=pear\n", "id=1111 name=apple\n", "ID=3333 name=apple\n"),
        ("", "id=1111", ""),
    ],
)
def test_where_a_text_ceases_to_fit(text: str, first: str | None, second: str | None) -> None:
    original = "id=1111 name=apple\nid=8 name=pear\n"
    place = template(original, original.replace("1111", "2222").replace("8", "7")).misfit(text)
    if place is None:
        assert first is second is None
    else:
        assert original[place[0] :].startswith(str(first)) and text[place[1] :].startswith(str(second))


def test_a_text_that_repeats_what_is_stable_costs_no_more_than_a_few_looks_a_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each gap may begin and end at many places; the same end is not looked at again from each beginning."""
    gaps, stable = 40, "abcabcabc abcabcabc"
    first, second = (
        "".join(f"{stable} {at * 7 + start} {at * 3 + start} " for at in range(gaps)) for start in (100_000, 300_000)
    )
    found, looked = template(first, second), list[str]()

    def look(text: str, *limit: int) -> bool:
        looked.append(text)
        return False

    monkeypatch.setattr(noise, "tells_failure", look)
    assert not found.fits(f"{stable} " * (8 * gaps) + "x")
    assert len(found.gaps) == gaps
    assert len(looked) <= 4 * noise.MOST_PLACES * gaps
