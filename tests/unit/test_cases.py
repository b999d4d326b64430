"""The cases of tests/engine/cases are complete, so that a run of all does not stop midway. Their report names the errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine import case, case_answers, case_images
from tests.engine.case import Case, Check, Run
from tests.engine.case_answers import Answer
from tests.engine.case_report import Outcome, Result

FEWEST, MOST = 4, 20
GOOD = Answer(200, "text/plain", b"good 1")


@pytest.mark.parametrize("name", case.NAMES)
def test_a_case_is_complete(name: str) -> None:
    subject = case.load(name)
    checks = [check for run in subject.runs for check in run.checks]
    assert len({check.name for check in checks}) == len(checks)
    assert FEWEST <= len(checks) <= MOST
    assert subject.within_reach
    assert subject.base == "" or (case.CASES / f"_{subject.base}/Dockerfile").is_file()
    assert (subject.folder / "Dockerfile").read_text().startswith("ARG BASE=")
    for file in (file for run in subject.runs for file in run.files):
        assert (subject.folder / file).is_file()


def test_names_are_unique() -> None:
    assert not {*case.NAMES} & {*case.APP_NAMES}
    assert {*case_images.QUICK} <= {*case.NAMES}


@pytest.mark.parametrize(
    ("given", "same", "varying"),
    [
        (GOOD, True, True),
        (Answer(200, "text/plain", b"good 2"), False, True),
        (Answer(200, "text/html", b"good 1"), False, False),
        (Answer(200, "text/plain", b"bad"), False, False),
        (Answer(500, "text/plain", b"good 1"), False, False),
        (Answer(200, "text/plain", b"good 1", logged=False), False, False),
        (Answer(case_answers.NO_ANSWER), False, False),
    ],
)
def test_a_check_passes_when_the_answer_is_the_originals(given: Answer, same: bool, varying: bool) -> None:
    for varies, expected in ((False, same), (True, varying)):
        asked = Check("front", {"path": "/"}, status=200, contains=("good",), content_type="text/plain", varies=varies)
        assert case_answers.passing(one(asked), {"front": GOOD}, {"front": given}) == ({"front"} if expected else set())


@pytest.mark.parametrize(
    ("observed", "balanced", "errors"),
    [
        ({"a"}, set(), 0),
        ({"a", "b"}, {"b"}, 0),  # b is beyond reach
        ({"a"}, {"a"}, 1),
        (set(), set(), 1),
        ({"b"}, {"b"}, 1),
    ],
)
def test_the_errors_of_a_run_of_the_cases_are_counted(observed: set[str], balanced: set[str], errors: int) -> None:
    failed = {"observed": observed, "balanced": balanced}
    outcomes = {policy: Outcome(1, dict.fromkeys(names, GOOD)) for policy, names in failed.items()}
    assert len([*Result(one(Check("a"), Check("b", beyond="why")), 2, {}, outcomes).errors()]) == errors


def test_a_fault_of_the_original_is_an_error() -> None:
    assert [*Result(one(Check("a")), 2, {"a": GOOD}, {}).errors()] == ["the original fails: a: 200 text/plain good 1"]


def one(*checks: Check) -> Case:
    return Case("case", Path(), "image", (Run(checks),))
