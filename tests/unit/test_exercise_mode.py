"""How long a first run and a replay wait for an app, and which apps may be silent."""

from __future__ import annotations

import pytest

from slimmer.exercise.expectations import ReplayExpectations
from slimmer.exercise.mode import LONGEST_WATCH, SLOWER, WORKER_PATIENCE, FirstRun, Mode, Replay
from slimmer.exercise.plan import ExercisePlan, Until
from slimmer.exercise.profile import AppProfile

READY = ExercisePlan().ready_timeout


def first(plan: ExercisePlan, *, exposed: tuple[int, ...] = (), shared: bool = False) -> Mode:
    return FirstRun(plan, shared, AppProfile(expected_ports=exposed))


def replay(plan: ExercisePlan, expectations: ReplayExpectations, *, shared: bool = False) -> Mode:
    return Replay(plan, shared, expectations)


WATCHED = ExercisePlan(until=Until.SECONDS, seconds=30.0)
TO_EXIT = ExercisePlan(until=Until.EXIT)
BY_USER = ExercisePlan(until=Until.ENTER)
WITH_COMMAND = ExercisePlan(exec_commands=(("true",),))
SERVER = ReplayExpectations(http_ports=(80,), other_ports=(81,))
COMMAND = ReplayExpectations(exited_after=20.0)
WORKER = ReplayExpectations()


@pytest.mark.parametrize(
    ("mode", "seconds", "may_be_silent"),
    [
        (first(ExercisePlan()), READY, False),
        (first(ExercisePlan(ports=(80,))), READY, False),
        (first(TO_EXIT), None, False),
        (first(WATCHED), 30.0, True),
        (first(WATCHED, exposed=(80,)), READY, True),
        (first(BY_USER), None, True),
        (first(WITH_COMMAND), WORKER_PATIENCE, True),
        (first(WITH_COMMAND, exposed=(80,)), READY, False),
        (first(WITH_COMMAND, shared=True), READY, True),
        (replay(ExercisePlan(), SERVER), READY, False),
        (replay(ExercisePlan(), COMMAND), SLOWER * 20.0, False),
        (replay(TO_EXIT, ReplayExpectations(exited_after=1.0)), READY, False),
        (replay(ExercisePlan(), WORKER), WORKER_PATIENCE, True),
        (replay(WATCHED, WORKER), 30.0, True),
        (replay(BY_USER, WORKER), WORKER_PATIENCE, True),
        (replay(ExercisePlan(ports=(80,)), WORKER, shared=True), WORKER_PATIENCE, True),
    ],
)
def test_how_long_an_app_is_waited_for(mode: Mode, seconds: float | None, may_be_silent: bool) -> None:
    assert (mode.patience(), mode.may_be_silent()) == (seconds, may_be_silent)


def test_a_replay_requires_the_ports_that_spoke_http() -> None:
    plan = ExercisePlan(ports=(9000,))
    assert replay(plan, SERVER).required_ports == (9000, 80)
    assert replay(plan, SERVER, shared=True).required_ports == (80,)
    assert first(plan, exposed=(80,)).required_ports == (9000,)


def test_a_replay_is_bounded_and_needs_no_user() -> None:
    mode = replay(ExercisePlan(until=Until.SECONDS, seconds=9999.0), WORKER)
    assert (mode.until, mode.seconds) == (Until.SECONDS, LONGEST_WATCH)
    assert replay(BY_USER, WORKER).until is Until.PROBES
