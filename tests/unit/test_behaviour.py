"""Two exercises held against each other: what counts as a difference, and what must not be written down of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slimmer.exercise.plan import Answer, Exercised, Outcome, Request
from slimmer.report.build import exercise_report
from slimmer.verify.behaviour import compare_behaviour

ANSWER = Answer(Request("GET", "/"), 80, 200, "text/html", 5, "d", 0.1)
OUTCOME = Outcome(("TOKEN=hunter2 ./check.sh --key 1",), "host", 0, "")
ORIGINAL = Exercised(answers=(ANSWER,), outcomes=(OUTCOME,), http_ports=(80,), ports=(80,))


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
        (replace(ORIGINAL, outcomes=(replace(OUTCOME, exit_code=2),)), "exit code was 0, is 2"),
        (replace(ORIGINAL, outcomes=()), "exit code was 0, is none: it was not run"),
        (replace(ORIGINAL, outcomes=(OUTCOME, OUTCOME)), "commands was 1, is 2"),
        (replace(ORIGINAL, exit_code=3), "exit code was none, is 3"),
    ],
)
def test_each_difference_is_told(slim: Exercised, told: str) -> None:
    assert [told in str(difference) for difference in compare_behaviour(ORIGINAL, slim)] == [True]


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
    report = exercise_report(Exercised(outcomes=(Outcome((command,), "host", 0, ""),)))
    assert [entry["program"] for entry in report["commands"]] == [program]
