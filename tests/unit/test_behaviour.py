"""Two exercises held against each other: what counts as a difference, and what must not be written down of it."""

from __future__ import annotations

import hashlib
import json
import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from slimmer.errors import AppFailed
from slimmer.exercise.request import Request
from slimmer.exercise.result import Answer, ExerciseResult, Outcome
from slimmer.formatting import output_text
from slimmer.pipeline.report import exercise_report
from slimmer.verify import behaviour
from slimmer.verify.behaviour import FUTILE, compare_behaviour

ANSWER = Answer(Request("GET", "/"), 80, 200, "text/html", 5, "d", 0.1)
OUTCOME = Outcome(("TOKEN=hunter2 ./check.sh --key 1",), "host", 0, "")
ORIGINAL = ExerciseResult(
    answers=(ANSWER,), outcomes=(OUTCOME,), http_ports=(80,), ports=(80,), last_ports=(80,), udp_ports=(53,), stopped=0
)


def test_the_same_is_no_difference() -> None:
    assert compare_behaviour(ORIGINAL, replace(ORIGINAL, seconds=9)) == ()


@pytest.mark.parametrize(
    ("slim", "told"),
    [
        (replace(ORIGINAL, answers=(replace(ANSWER, status=404),)), "GET :80/: status was 200, is 404"),
        (replace(ORIGINAL, answers=(replace(ANSWER, content_type=""),)), "content type was text/html, is none"),
        (replace(ORIGINAL, answers=(replace(ANSWER, problem="broke off"),)), "answer was good, is broke off"),
        (replace(ORIGINAL, answers=()), "GET :80/: answer was 200, is missing"),
        (replace(ORIGINAL, http_ports=()), "HTTP ports was 80, is none"),
        (replace(ORIGINAL, last_ports=()), "ports at the end was 80, is none"),
        (replace(ORIGINAL, udp_ports=()), "UDP ports was 53, is none"),
        (replace(ORIGINAL, outcomes=(replace(OUTCOME, exit_code=2),)), "exit code was 0, is 2"),
        (replace(ORIGINAL, outcomes=()), "exit code was 0, is none: not run"),
        (replace(ORIGINAL, outcomes=(OUTCOME, OUTCOME)), "commands was 1, is 2"),
        (replace(ORIGINAL, exit_code=3), "exit code was none, is 3"),
        (replace(ORIGINAL, stopped=3), "exit code when stopped was 0, is 3"),
    ],
)
def test_each_difference_is_told(slim: ExerciseResult, told: str) -> None:
    assert [told in str(difference) for difference in compare_behaviour(ORIGINAL, slim)] == [True]


def test_a_late_answer_is_no_difference_while_the_original_is_as_slow() -> None:
    late = replace(ANSWER, status=None, seconds=30.0, problem="no answer in time (30.0 s)", late=True)
    slim = replace(ORIGINAL, answers=(late,))
    for seconds, number in ((29.0, 0), (15.0, 0), (1.0, 1)):
        other = replace(ORIGINAL, answers=(replace(ANSWER, seconds=seconds),))
        assert len(compare_behaviour(ORIGINAL, slim, lambda other=other: other)) == number  # type: ignore[misc]


def test_the_healthchecks_own_command_is_the_engines_to_run_on_a_slim_image() -> None:
    check = Outcome(("/check",), "healthcheck", 0, "")
    assert compare_behaviour(replace(ORIGINAL, outcomes=(OUTCOME, check)), ORIGINAL) == ()


def test_what_a_command_was_given_and_said_is_told_but_not_kept() -> None:
    """A report holds no credentials; the user at the terminal is helped by the command's last words."""
    slim = replace(ORIGINAL, outcomes=(replace(OUTCOME, exit_code=1, output="no key 4711\n"),))
    (difference,) = compare_behaviour(ORIGINAL, slim)
    assert "no key 4711" in str(difference)
    kept = (difference.where, difference.what, difference.expected, difference.actual)
    assert kept == ("host command sh", "exit code", "0", "1")


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("curl -u me:hunter2 localhost", "curl"),
        ("  ./check.sh hunter2", "./check.sh"),
        ("TOKEN=hunter2 curl localhost", "sh"),
        ("TOKEN='a hunter2 b' curl", "sh"),
        ("(TOKEN=hunter2; curl)", "sh"),
        ("curl;hunter2", "sh"),
        ("curl\thunter2", "curl"),
        ("", "sh"),
    ],
)
def test_of_a_shells_command_the_report_names_the_program_alone(command: str, program: str) -> None:
    report = exercise_report(ExerciseResult(outcomes=(Outcome((command,), "host", 0, ""),)))
    assert [entry["program"] for entry in report["commands"]] == [program]


def answered(body: str, path: str = "/", **more: str) -> Answer:
    """An answer with a body; `more` are headers, and (`sent`) what the request carried in Authorization."""
    request = Request("GET", path, headers=(("Authorization", more.pop("sent")),) if "sent" in more else ())
    data = body.encode()
    headers = tuple(sorted((name.replace("_", "-"), value) for name, value in more.items()))
    digest = hashlib.sha256(data).hexdigest()
    return Answer(request, 80, 200, "text/html", len(data), digest, 0.1, headers=headers, body=data)


def served(*answers: Answer) -> ExerciseResult:
    return ExerciseResult(answers=answers, http_ports=(80,), ports=(80,))


def ran(output: str, code: int = 0, where: str = "container") -> ExerciseResult:
    return ExerciseResult(outcomes=(Outcome(("tool", "--secret=hunter2"), where, code, output),))


def told(primary: ExerciseResult, candidate: ExerciseResult, secondary: ExerciseResult | None = None) -> list[str]:
    """The differences as the user reads them; a secondary that is the primary's double if none is given."""
    return [str(d) for d in compare_behaviour(primary, candidate, lambda: secondary or primary)]


def counting(exercised: ExerciseResult, calls: list[int]) -> Callable[[], ExerciseResult]:
    def secondary() -> ExerciseResult:
        calls.append(1)
        return exercised

    return secondary


def test_the_second_original_is_asked_only_when_something_differs() -> None:
    one, other = served(answered("a 1")), served(answered("a 2"))
    calls: list[int] = []
    assert compare_behaviour(one, replace(one, seconds=7), counting(other, calls)) == () and calls == []
    assert compare_behaviour(one, served(answered("a 3")), counting(other, calls)) == () and calls == [1]


def test_what_fails_for_sure_needs_no_third_original() -> None:
    one, calls = served(answered("a 1")), list[int]()
    failed = served(replace(answered("no"), status=404))
    assert len(compare_behaviour(one, failed, counting(one, calls))) == 1 and calls == [1]


def in_turn(*bodies: str) -> Callable[[], ExerciseResult]:
    """Originals one after the other; the last one again and again."""
    waiting = [served(answered(body)) for body in bodies]
    return lambda: waiting.pop(0) if len(waiting) > 1 else waiting[0]


@pytest.mark.parametrize(
    ("slim", "originals", "differs"),
    [
        ("seat 5", ("seat 7", "seat 4"), False),
        ("none", ("seat 7", "seat 4"), True),
        ('{"a": 5, "b": 5}', ('{"a": 1, "b": 2}', '{"a": 2, "b": 1}'), False),
        ("a 5 of the first kind, b 5", ("a 1 of the first kind, b 2", "a 2 of the first kind, b 1"), False),
        ('{"a": 5, "b": 5}', ('{"a": 1, "b": 2}', '{"a": 1, "b": 3}'), True),
    ],
)
def test_small_numbers_of_two_originals_may_agree_by_chance(
    slim: str, originals: tuple[str, ...], differs: bool
) -> None:
    """One number here and another one there, in each original another."""
    first = originals[0].replace("2", "1")
    assert bool(compare_behaviour(served(answered(first)), served(answered(slim)), in_turn(*originals))) is differs


def test_kinds_of_errors_that_some_original_logged_are_known() -> None:
    kinds = iter(["error: beta", "error: gamma", "error: alpha", "error: beta", "error: beta"])
    one = replace(ORIGINAL, error_lines=("error: delta",))
    slim = replace(ORIGINAL, error_lines=("error: alpha", "error: gamma"))
    assert compare_behaviour(one, slim, lambda: replace(ORIGINAL, error_lines=(next(kinds),))) == ()


@pytest.mark.parametrize("noise", ["dice", "coins", "set", "page"])
def test_answers_that_hold_much_of_little_chance_are_seldom_told_as_differences(noise: str) -> None:
    """Each has a few values out of few, which two originals often share."""
    rng = random.Random(1)

    def body() -> str:
        names = rng.sample(["red", "green", "blue", "white"], 4)
        dice = [rng.randint(1, 6) for _ in range(8)]
        return {
            "dice": json.dumps(dict(zip("abcdefgh", dice, strict=True))),
            "coins": json.dumps({key: rng.random() < 0.5 for key in "abc"}),
            "set": json.dumps([{"name": name, "load": rng.random()} for name in names]),
            "page": "".join(f"<p>{name} has {number} lots</p>\n" for name, number in zip("abcd", dice, strict=False)),
        }[noise]

    def run() -> ExerciseResult:
        return served(answered(body()))

    assert sum(bool(compare_behaviour(run(), run(), run)) for _ in range(100)) < 10


def test_originals_are_asked_until_nothing_more_is_explained() -> None:
    one, calls = served(answered("good")), list[int]()
    assert len(compare_behaviour(one, served(answered("bad")), counting(one, calls))) == 1
    assert len(calls) == 1 + FUTILE


def test_an_exercise_that_takes_long_is_not_repeated_a_third_time(monkeypatch: pytest.MonkeyPatch) -> None:
    one, calls, clock = served(answered("good")), list[int](), [10.0]
    monkeypatch.setattr(behaviour, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    def slow() -> ExerciseResult:
        clock[0] += behaviour.PATIENCE * 1.1
        calls.append(1)
        return one

    assert len(compare_behaviour(one, served(answered("bad")), slow)) == 1
    assert len(calls) == 2


def test_an_original_that_fails_after_others_did_not_is_done_without() -> None:
    runs = iter([served(answered("seat 7"))])

    def fails() -> ExerciseResult:
        for run in runs:
            return run
        raise AppFailed("it does not start again")

    assert len(compare_behaviour(served(answered("seat 7")), served(answered("seat 5")), fails)) == 1


def test_what_the_second_original_raises_is_passed_on() -> None:
    def fails() -> ExerciseResult:
        raise RuntimeError("it does not start again")

    with pytest.raises(RuntimeError, match="again"):
        compare_behaviour(served(answered("a")), served(answered("b")), fails)


def test_what_differs_among_originals_is_told_as_noise_once() -> None:
    first, slim, other = (served(answered(f"at {hour}:07:09"), answered("same", "/same")) for hour in (1, 2, 3))
    noise: list[str] = []
    assert compare_behaviour(first, slim, lambda: other, noise=noise.append) == ()
    assert noise == ["GET :80/"]
    noise.clear()
    assert compare_behaviour(first, first, lambda: other, noise=noise.append) == ()
    assert noise == []
    here, gone = (served(answered(word)) for word in ("here", "gone"))
    assert compare_behaviour(here, gone, lambda: here, noise=noise.append) != ()
    assert noise == []


def test_without_a_second_original_what_may_be_noise_is_not_compared() -> None:
    assert compare_behaviour(served(answered("a")), served(answered("b", vary="cookie"))) == ()
    assert compare_behaviour(ran("a"), replace(ran("b"), error_lines=("error",))) == ()


def test_a_body_is_shown_with_its_request() -> None:
    before, after = answered("<b>one</b>\n", "/shop"), answered("<b>none</b>\n", "/shop")
    assert told(served(before), served(after)) == [
        f"GET :80/shop: body was 11 bytes (sha256:{before.digest[:12]}…), is 12 bytes (sha256:{after.digest[:12]}…)\n"
        "    - <b>one</b>\n    + <b>none</b>"
    ]


def test_a_failure_is_one_difference_with_what_the_page_says() -> None:
    failed = replace(answered("TemplateNotFound: shop.html"), status=500, content_type="text/plain", problem="failed")
    (text,) = told(served(answered("the shop", vary="cookie")), served(failed))
    assert text.startswith("GET :80/: status was 200, is 500\n") and "+ TemplateNotFound: shop.html" in text


def test_another_type_is_one_difference() -> None:
    (text,) = told(served(answered("<p>")), served(replace(answered("x"), content_type="application/octet-stream")))
    assert "content type was text/html, is application/octet-stream" in text and "+ x" in text


def test_values_that_an_original_gives_as_well_are_no_difference() -> None:
    busy = served(replace(answered("busy"), status=503, problem="answered 503"))
    assert told(served(answered("ok")), busy, busy) == []
    assert told(served(answered("ok")), busy) != []
    assert told(replace(ORIGINAL, exit_code=0), replace(ORIGINAL, exit_code=1), replace(ORIGINAL, exit_code=1)) == []
    assert told(ran("", 0), ran("", 1), ran("", 1)) == []


def test_a_second_original_that_failed_is_no_sample_of_a_good_body() -> None:
    busy = served(replace(answered("busy"), status=503, problem="answered 503"))
    assert len(told(served(answered("good")), served(answered("bad")), busy)) == 1


@pytest.mark.parametrize(
    ("before", "after", "again", "text"),
    [
        ({"vary": "accept"}, {}, {"vary": "accept"}, "header vary was accept, is none"),
        ({}, {"content_encoding": "gzip"}, {}, "header content-encoding was none, is gzip"),
        (
            {"set_cookie": "sid"},
            {"set_cookie": "sid, x"},
            {"set_cookie": "sid"},
            "header set-cookie was sid, is sid, x",
        ),
        ({"location": "/login?t=1a"}, {"location": "/"}, {"location": "/login?t=2b"}, "+ /"),
        ({"location": "/login?t=1a"}, {"location": "/login?t=77"}, {"location": "/login?t=2b"}, ""),
        ({"cache_control": "max-age=10"}, {"cache_control": "max-age=12"}, {"cache_control": "max-age=11"}, ""),
        ({"cache_control": "max-age=10"}, {}, {"cache_control": "max-age=11"}, "is none"),
        ({"vary": "accept"}, {}, {}, ""),
        ({}, {"vary": "accept"}, {"vary": "origin"}, ""),
    ],
)
def test_headers_that_matter(before: dict[str, str], after: dict[str, str], again: dict[str, str], text: str) -> None:
    differences = told(*(served(answered("x", **headers)) for headers in (before, after, again)))
    assert len(differences) == bool(text)
    assert text in "".join(differences)


def test_where_a_redirect_leads_is_told_but_not_kept() -> None:
    pair = (served(answered("", location=f"/reset/{token}")) for token in ("s3cr3t", "0th3r"))
    (difference,) = compare_behaviour(primary := next(pair), next(pair), lambda: primary)
    assert "s3cr3t" in str(difference) and "s3cr3t" not in repr(difference)
    assert (difference.expected, difference.actual) == ("the original's", "different")
    (difference,) = compare_behaviour(primary, served(answered("")), lambda: primary)
    assert (difference.expected, difference.actual) == ("the original's", "none")


def test_what_a_request_carried_is_not_shown_though_the_app_repeats_it() -> None:
    before, after = (answered(f"hello {w}, you are hunter2\n", sent="Bearer hunter2") for w in ("you", "who"))
    (text,) = told(served(before), served(after))
    assert "hello who, you are …" in text and "hunter2" not in text


def test_answers_are_matched_by_request_and_port() -> None:
    def on(port: int, body: str, path: str = "/") -> Answer:
        return replace(answered(body, path), port=port)

    before = ExerciseResult((on(80, "a"), on(9090, "m"), on(80, "b"), on(80, "c", "/c")), http_ports=(80, 9090))
    after = ExerciseResult((on(80, "a"), on(80, "b"), on(80, "c", "/c")), http_ports=(80,))
    assert told(before, after) == ["the app: HTTP ports was 80, 9090, is 80"]
    assert told(before, replace(before, answers=before.answers[:3])) == ["GET :80/c: answer was 200, is missing"]
    assert told(before, replace(before, answers=(*before.answers, on(80, "d", "/d")))) == [
        "the app: answers was 4, is 5"
    ]


def test_ports_that_the_kernel_chose_are_others_each_time() -> None:
    one, other = (ExerciseResult((replace(answered("a"), port=port),), http_ports=(port,)) for port in (40001, 50001))
    assert told(one, other) == []
    assert told(one, replace(other, answers=(replace(answered("b"), port=50001),))) != []


def test_a_port_for_another_protocol_must_be_open_where_it_always_is() -> None:
    original, slim = (replace(ORIGINAL, ports=ports) for ports in ((80, 9000, 40001), (80, 40002)))
    assert told(original, slim) == ["the app: open ports was 80, 9000, 40001, is 80, 40002"]
    assert told(original, slim, slim) == []
    assert told(replace(ORIGINAL, ports=(80, 40001)), slim) == []


def test_a_port_that_the_kernel_chose_may_be_closed_at_the_end() -> None:
    original = replace(ORIGINAL, ports=(80, 40001), last_ports=(80, 40001))
    assert told(original, replace(original, last_ports=(80,))) == []


def test_an_original_that_ran_fewer_commands_explains_what_it_ran() -> None:
    (text,) = told(replace(ORIGINAL, outcomes=(OUTCOME, OUTCOME)), ORIGINAL, replace(ORIGINAL, outcomes=()))
    assert "exit code was 0, is none: not run" in text


def test_an_end_that_is_not_known_or_is_an_originals_is_no_difference() -> None:
    slim = replace(ORIGINAL, stopped=143)
    assert told(replace(ORIGINAL, stopped=None), slim) == told(ORIGINAL, replace(slim, stopped=None)) == []
    assert told(ORIGINAL, slim, slim) == []


def test_outputs_of_commands() -> None:
    assert told(ran("1 passed in 0.12s\n"), ran("1 passed in 0.34s\n"), ran("1 passed in 0.25s\n")) == []
    (text,) = told(ran("2 passed in 0.12s\n"), ran("1 passed in 0.34s\n"), ran("2 passed in 0.25s\n"))
    assert text.startswith("container command tool: output was") and "+ 1 passed" in text and "hunter2" not in text
    assert told(ran("out\nerr\n"), ran("err\nout\n")) == []  # two streams, as they come
    assert told(ran('{"a": 1, "t": 1}'), ran('{"t": 3, "a": 1}'), ran('{"a": 1, "t": 2}')) == []


def test_the_output_of_what_failed_is_no_second_difference() -> None:
    assert [text.splitlines()[0] for text in told(ran("all good"), ran("no data", 1))] == [
        "container command tool: exit code was 0, is 1: no data"
    ]
    ended = replace(ORIGINAL, exit_code=0, output="all good")
    assert told(ended, replace(ended, exit_code=1, output="no data")) == ["the app: exit code was 0, is 1"]


def picture(second: int, fill: bytes = b"\x89\xf5\xad\x0c" * 20) -> str:
    """The output of a tool that writes a picture with the time of its making: chunks with a length, data and a checksum (PNG)."""
    chunks = [b"IHDR\0\0\0\x28", b"IDAT" + fill]
    chunks += [
        b"tEXtdate:%s\x002026-11-29T18:24:%02d+00:00" % (what, second) for what in (b"create", b"modify", b"timestamp")
    ]
    data = b"".join(struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in chunks)
    return output_text(b"\x89PNG\r\n\x1a\n" + data)


def told_of(first: ExerciseResult, slim: ExerciseResult, *others: ExerciseResult) -> list[str]:
    """Return the differences. The original runs again for as long as `others` has another run of it."""
    rest = iter(others)

    def again() -> ExerciseResult:
        if (other := next(rest, None)) is None:
            raise AppFailed("no more")
        return other

    return [str(difference) for difference in compare_behaviour(first, slim, again)]


def test_binary_outputs_may_differ_in_the_bytes_that_differ_between_originals() -> None:
    originals = [ran(picture(second)) for second in (3, 15, 28, 37, 46, 50, 11, 22, 34)]
    for second in range(60):
        assert told_of(originals[0], ran(picture(second)), *originals[1:]) == []
    for other in (picture(9, b"\x89\xf5\xad\x0d" * 20), picture(9)[:-2], "convert: no decode delegate\n", ""):
        (text,) = told_of(originals[0], ran(other), *originals[1:])
        assert text.startswith("container command tool: output was")
    assert told_of(ran(picture(3)), ran(picture(3))) == []


def test_the_binary_output_of_an_app_that_ends_is_compared_as_binary() -> None:
    first, slim, *others = (
        replace(ORIGINAL, exit_code=0, output=picture(second)) for second in (3, 9, 15, 28, 37, 46, 50, 11, 22)
    )
    assert told_of(first, slim, *others) == []
    assert len(told_of(first, replace(slim, output=picture(9, b"?" * 80)), *others)) == 1


def test_a_warning_names_binary_outputs_that_were_compared_by_shape() -> None:
    noise = random.Random(1)
    first, slim, *others = (ran(output_text(b"\x1f\x8b\x08\0" + noise.randbytes(200))) for _ in range(6))
    shaped: list[str] = []
    rest = iter(others)
    assert compare_behaviour(first, slim, lambda: next(rest), shaped.append) == ()
    assert shaped == ["the output of container command tool"]


def test_outputs_that_were_cut_begin_with_a_whole_line() -> None:
    lines = "".join(f"line {number}\n" for number in range(1000))
    assert told(ran(lines[-4096:]), ran(lines[-4091:]), ran(lines[-4095:])) == []
    assert told(ran("a" * 5000 + "\nend\n"), ran("a" * 4500 + "\nend\n")) == []
    assert told(ran(lines[-4096:]), ran("x" * 5000)) != []
    assert told(ran(lines[-4096:]), ran(lines[-4096:].replace("999", "x"))) != []
    assert told(ran(lines[-4096:]), ran(lines[-4096:].replace("line 700", "line x00"))) != []


def test_the_output_of_an_app_that_ends_is_compared() -> None:
    one, other = (replace(ORIGINAL, exit_code=0, output=word) for word in ("3 entries", "no entries"))
    (text,) = told(one, other)
    assert text.startswith("the app: output was") and "+ no entries" in text


def test_an_error_after_the_unfinished_line_of_another_stream_is_not_new() -> None:
    """stdout and stderr arrive in no fixed order."""
    error = "initdb: warning: enabling trust for local connections"
    quiet = replace(ORIGINAL, error_lines=(error,))
    assert told(quiet, replace(ORIGINAL, error_lines=(f"syncing data to disk ... {error}",)), quiet) == []
    assert told(quiet, replace(ORIGINAL, error_lines=(f"{error} failed",)), quiet) != []


def test_errors_that_no_original_logged() -> None:
    quiet, other = replace(ORIGINAL, error_lines=("error a",)), replace(ORIGINAL, error_lines=("error b",))
    assert told(quiet, other, other) == []
    assert told(quiet, ORIGINAL) == []
    (text,) = told(quiet, replace(ORIGINAL, error_lines=("error a", "error b", "error: no font")), other)
    assert text == "the app: log was without new errors, is with one kind of new errors\n    + error: no font"


def test_nothing_that_an_app_said_is_in_an_artefact() -> None:
    secret = "4711-0815"
    before = replace(served(answered(f"<p>{secret}</p>")), error_lines=(f"error {secret}",), output=secret)
    after = replace(before, answers=(answered(f"<p>no {secret}</p>"),), error_lines=(f"fatal {secret}",))
    differences = compare_behaviour(before, after, lambda: before)
    assert len(differences) == 2 and secret in str(differences[0]) and secret in str(differences[1])
    assert secret not in repr(differences) and secret not in repr(before)
    assert secret not in str(exercise_report(before))
