"""Answers of which so much is random that no more than their shape can be compared: no false alarm, and what is broken is found."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from slimmer.exercise.result import Answer, ExerciseResult
from slimmer.pipeline.report import difference_lines
from slimmer.verify import noise
from slimmer.verify.behaviour import compare_behaviour
from tests.unit.verify.test_bodies import JSON, answer, endless

Make = Callable[[random.Random], str]
HEADER = "== the second part begins here ==\n"


def numbers(chance: random.Random, count: int = 6_000) -> str:
    """Lines of two digits: 90 kinds, each of them often."""
    return "".join(f"{chance.randrange(9)} {chance.randrange(10)}\n" for _ in range(count))


def kinds(chance: random.Random) -> str:
    """Lines of 100,000 kinds: by chance two texts share many, each of which occurs once."""
    return "".join(f"{chance.randrange(100_000):05d} of them\n" for _ in range(6_000))


def sections(chance: random.Random) -> str:
    return numbers(chance, 3_000) + HEADER + numbers(chance, 3_000)


def labelled(chance: random.Random) -> str:
    return "".join(f"value: {chance.random():.6f} unit: {chance.choice('abc')}\n" for _ in range(1_000))


def rows(chance: random.Random) -> str:
    """A table of which each row has a value of three."""
    return labelled(chance) + HEADER + labelled(chance)


def separated(chance: random.Random) -> str:
    return "".join(numbers(chance, 40) + "--\n" for _ in range(120))


def encoded(chance: random.Random) -> str:
    return base64.b64encode(chance.randbytes(30_000)).decode()


def shuffled(chance: random.Random) -> str:
    lines = [f"the module with the name {number} is loaded\n" for number in range(1_000)]
    lines += [f"request {chance.getrandbits(64):x}\n" for _ in range(50)]
    chance.shuffle(lines)
    return "".join(lines)


def growing(chance: random.Random) -> str:
    return numbers(chance, chance.randrange(4_000, 6_000))


MAKERS: list[Make] = [numbers, kinds, sections, labelled, rows, separated, encoded, shuffled, growing]
makers = pytest.mark.parametrize("make", MAKERS, ids=lambda make: str(make.__name__))


def run(body: str | bytes | Answer, kind: str = "text/plain") -> ExerciseResult:
    one = body if isinstance(body, Answer) else answer(body, kind)
    return ExerciseResult(answers=(one,), http_ports=(80,), ports=(80,))


def compared(originals: Iterator[str], candidate: str, kind: str = "text/plain") -> tuple[str, list[str]]:
    """The differences, and which answers were said to be compared by shape only."""
    shaped: list[str] = []
    found = compare_behaviour(
        run(next(originals), kind), run(candidate, kind), lambda: run(next(originals), kind), shaped.append
    )
    return difference_lines(found), shaped


def drawn(make: Make, seed: int) -> Iterator[str]:
    chance = random.Random(seed)
    while True:
        yield make(chance)


@makers
@pytest.mark.parametrize("seed", range(2))
def test_what_is_random_alone_is_no_difference(make: Make, seed: int) -> None:
    found, shaped = compared(drawn(make, seed), make(random.Random(1000 + seed)))
    assert (found, shaped) == ("", ["GET :80/"])


def test_fifty_thousand_lines() -> None:
    """A chance prefix of two such texts was taken for what is stable in them."""
    texts = drawn(lambda chance: "7 7\n" + numbers(chance, 49_999), 1)
    assert compared(texts, numbers(random.Random(2), 50_000)) == ("", ["GET :80/"])


def half(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(lines[: len(lines) // 2]) if len(lines) > 1 else text[: len(text) // 2]


def error_page(text: str) -> str:
    return "<html><body><h1>Oops</h1>" + "<p>The page that you wanted is not here today, we are sorry.</p>\n" * (
        len(text) // 65
    )


def traceback(text: str) -> str:
    return text[: len(text) // 2] + "\nTraceback (most recent call last): cannot open shared object file\n"


def letters(text: str) -> str:
    return text.translate(str.maketrans("0123456789", "abcdefghij"))


def empty(text: str) -> str:
    return ""


@makers
@pytest.mark.parametrize("breaking", [half, error_page, traceback, letters, empty], ids=lambda make: str(make.__name__))
def test_what_is_broken_is_found(make: Make, breaking: Callable[[str], str]) -> None:
    found, _ = compared(drawn(make, 7), breaking(make(random.Random(8))))
    assert "body was" in found


def without_header(text: str) -> str:
    return text.replace(HEADER, "0 0\n" * 8 if "value" not in text else "")


def without_labels(text: str) -> str:
    return text.replace("unit: ", "null: ")


def without_separators(text: str) -> str:
    return text.replace("--\n", "1 2\n")


def without_a_line(text: str) -> str:
    return text.replace("the module with the name 500 is loaded\n", "")


@pytest.mark.parametrize(
    ("make", "breaking", "words"),
    [
        (sections, without_header, HEADER.strip()),
        (labelled, without_labels, "unit"),
        (rows, without_header, HEADER.strip()),
        (separated, without_separators, "-- (120 times)"),
        (shuffled, without_a_line, "name 500 is loaded"),
    ],
)
def test_what_is_stable_in_it_must_be_there(make: Make, breaking: Callable[[str], str], words: str) -> None:
    found, _ = compared(drawn(make, 3), breaking(make(random.Random(4))))
    assert words in found


def test_what_is_small_or_the_same_is_not_compared_by_shape() -> None:
    texts = drawn(lambda chance: f"{'the same words ' * 2_000} {chance.getrandbits(64):x}", 1)
    assert compared(
        texts, next(drawn(lambda chance: f"{'the same words ' * 2_000} {chance.getrandbits(64):x}", 9))
    ) == ("", [])
    texts = drawn(lambda chance: numbers(chance, 100), 1)
    assert compared(texts, numbers(random.Random(5), 100)) == ("", [])


def test_json_with_many_made_up_keys() -> None:
    def made_up(chance: random.Random, count: int = 5_000) -> str:
        return json.dumps({f"{chance.getrandbits(64):x}": chance.random() for _ in range(count)})

    assert compared(drawn(made_up, 1), made_up(random.Random(2)), JSON)[0] == ""
    assert "body was" in compared(drawn(made_up, 1), made_up(random.Random(2), 2_500), JSON)[0]
    assert "body was" in compared(drawn(made_up, 1), '{"error": "no such table"}', JSON)[0]


def test_streams_that_were_cut_at_different_places() -> None:
    cut = [run(endless(size)) for size in (3_000_000, 4_000_000, 5_000_000)]
    assert compare_behaviour(cut[0], cut[1], lambda: cut[2]) == ()
    assert compare_behaviour(cut[0], run("short"), lambda: cut[2]) != ()


def test_bodies_around_the_limit_of_what_is_held() -> None:
    def body(chance: random.Random, held: bool) -> Answer:
        return answer(chance.randbytes(100_000), "application/octet-stream", held=held)

    chance, shaped = random.Random(1), list[str]()
    sides = [run(body(chance, held)) for held in (True, False, True)]
    assert compare_behaviour(sides[0], sides[1], lambda: sides[2], shaped.append) == ()
    assert shaped == ["GET :80/"]
    small = run(replace(body(chance, False), size=1_000))
    assert compare_behaviour(sides[0], small, lambda: sides[2]) != ()


def test_the_work_does_not_explode_where_a_stable_part_is_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same line between random ones, thousands of times: how often a gap is tried is bounded."""
    tries: list[int] = []
    fits = noise.Gap.fits

    def counted(gap: noise.Gap, text: str) -> bool:
        tries.append(len(text))
        return fits(gap, text)

    monkeypatch.setattr(noise.Gap, "fits", counted)
    make: Make = lambda chance: "".join(f"{numbers(chance, 30)}a line that is everywhere\n" for _ in range(400))  # noqa: E731
    found, _ = compared(drawn(make, 1), make(random.Random(2)))
    assert found == ""
    assert len(tries) < 1_000_000
