"""Several commands of one image: what each is asked, how it is called, and when nobody met what was asked."""

from __future__ import annotations

import pytest

from slimmer.engine.options import RunOptions
from slimmer.errors import ExerciseFailed
from slimmer.exercise.plan import ExercisePlan, ImageCommand
from slimmer.exercise.request import Request
from slimmer.exercise.result import Answer, ExerciseResult, Outcome
from slimmer.pipeline.request import ObserveRequest
from slimmer.pipeline.scenario import check_shared, scenarios

ASKED = Request("GET", "/")
SERVED = ExerciseResult(answers=(Answer(ASKED, 80, 200, "text/plain", 0, "", 0.1),), ports=(80,), http_ports=(80,))
RAN = ExerciseResult(outcomes=(Outcome(("x",), "container", 0, ""), Outcome(("y",), "host", 0, "")), ports=(80,))
SILENT = ExerciseResult()


def test_one_command_is_held_to_all_that_is_asked() -> None:
    options = RunOptions(user="app", cmd=("own",))
    assert [scenario.options for scenario in scenarios(ObserveRequest("image", options))] == [options]
    (scenario,) = scenarios(ObserveRequest("image", options, commands=(("web", "--port"),)))
    assert (scenario.label, scenario.options.cmd, scenario.options.user, scenario.shared) == (
        "",
        ("web", "--port"),
        "app",
        False,
    )


def test_several_share_what_is_asked_and_no_label_holds_an_argument() -> None:
    found = scenarios(ObserveRequest("image", commands=(("web", "--key", "s3cret"), ("--flag=s3cret",), ())))
    assert [scenario.label for scenario in found] == ["command 1 (web)", "command 2", "command 3"]
    assert all(scenario.shared for scenario in found)
    assert "s3cret" not in found[0].named("x") + found[0].program


@pytest.mark.parametrize(
    ("plan", "performed", "words"),
    [
        (ExercisePlan(explicit=True), (SILENT, RAN), "none of the 2 commands answered a request"),
        (ExercisePlan(ports=(80, 81)), (SERVED, SILENT), "none of the 2 commands listened on port 81"),
        (ExercisePlan(exec_commands=(("x",),)), (SERVED, SILENT), "--exec was never run"),
        (ExercisePlan(host_commands=("y",)), (SERVED, SILENT), "--exercise was never run"),
        (ExercisePlan(image_commands=(ImageCommand("z"),)), (SERVED, SILENT), "--exercise-image was never run"),
    ],
)
def test_what_nobody_met_is_an_error(plan: ExercisePlan, performed: tuple[ExerciseResult, ...], words: str) -> None:
    with pytest.raises(ExerciseFailed, match=words):
        check_shared(plan, performed)


def test_what_one_of_them_met_is_enough() -> None:
    check_shared(ExercisePlan(explicit=True, ports=(80,)), (SILENT, SERVED))
    check_shared(ExercisePlan(exec_commands=(("x",),), host_commands=("y",)), (RAN, SILENT))
    check_shared(ExercisePlan(explicit=True), (SILENT,))  # one alone was held to it while it ran
