"""A slim image's answers, exit codes and health against the original's: when each image is run once more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slimmer.errors import AppFailed, NotInTime
from slimmer.exercise.result import ExerciseResult
from slimmer.pipeline.request import ObserveRequest
from slimmer.pipeline.scenario import scenarios
from slimmer.pipeline.verification import Answering, compare_answers
from tests.unit.test_behaviour import ANSWER, ORIGINAL

ENDED_BADLY = replace(ORIGINAL, stopped=1)


class Runs:
    """An image: what each of its runs gives, in turn; it fails of an error among them."""

    def __init__(self, *results: ExerciseResult | AppFailed) -> None:
        self._results = list(results)
        self.purposes: list[str] = []

    def __call__(self, purpose: str) -> tuple[ExerciseResult, str]:
        self.purposes.append(purpose)
        result = self._results.pop(0)
        if isinstance(result, AppFailed):
            raise result
        return result, "none"


def differences(slim: Answering, original: Answering | None = None) -> list[str]:
    """What is told of a slim image, without a warning; each run of the original gives ORIGINAL, if nothing else is said."""
    warned: list[str] = []
    (scenario,) = scenarios(ObserveRequest("image"))
    found = compare_answers(scenario, ORIGINAL, original or Runs(*[ORIGINAL] * 8), slim, warned.append)
    assert warned == []
    return [str(one) for one in found]


def test_a_stop_that_met_a_busy_app_is_tried_again() -> None:
    slim = Runs(ENDED_BADLY, ORIGINAL)
    assert differences(slim) == []
    assert slim.purposes == ["slim", "slim-again"]


@pytest.mark.parametrize("second", [ENDED_BADLY, AppFailed("it exited"), replace(ORIGINAL, answers=())])
def test_a_slim_image_that_fails_again_differs(second: ExerciseResult | AppFailed) -> None:
    found = differences(Runs(ENDED_BADLY, second))
    assert found == ["the app: exit code when stopped was 0, is 1"]


def test_an_original_that_ends_so_too_settles_it() -> None:
    slim = Runs(ENDED_BADLY)
    assert differences(slim, Runs(ENDED_BADLY)) == []
    assert slim.purposes == ["slim"]


LATE = replace(ANSWER, status=None, seconds=30.0, problem="no answer in time (30.0 s)", late=True)


def test_a_late_answer_is_asked_for_again() -> None:
    for first in (replace(ORIGINAL, answers=(LATE,)), replace(ORIGINAL, answers=(), http_ports=())):
        slim = Runs(first, ORIGINAL)
        assert differences(slim) == []
        assert slim.purposes == ["slim", "slim-again"]
    assert len(differences(Runs(*[replace(ORIGINAL, answers=(LATE,))] * 2))) == 1


def test_a_late_answer_of_both_images_is_a_warning() -> None:
    slow = replace(ORIGINAL, answers=(replace(ANSWER, seconds=25.0),))
    warned: list[str] = []
    (scenario,) = scenarios(ObserveRequest("image"))
    late = replace(ORIGINAL, answers=(LATE,))
    assert compare_answers(scenario, ORIGINAL, Runs(slow), Runs(late), warned.append) == ()
    assert len(warned) == 1 and "GET :80/ got no answer in time" in warned[0]


def test_a_slim_image_that_is_not_ready_in_time_is_tried_again_if_the_original_is_not_either() -> None:
    late = NotInTime("the app was not ready within 60 s")
    slim = Runs(late, ORIGINAL)
    assert differences(slim, Runs(late)) == []
    assert slim.purposes == ["slim", "slim-again"]
    assert len(differences(Runs(late))) == len(differences(Runs(late, late), Runs(late))) == 1
    assert len(differences(Runs(late), Runs(AppFailed("it exited")))) == 1


def test_there_is_no_second_try_for_another_difference() -> None:
    slim = Runs(replace(ENDED_BADLY, answers=(replace(ANSWER, status=404),)))
    assert len(differences(slim)) == 2
    assert slim.purposes == ["slim"]
