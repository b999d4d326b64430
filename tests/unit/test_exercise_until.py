"""The ends that a user can choose, with a real terminal and real signals."""

from __future__ import annotations

import os
import pty
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from slimmer.errors import AppFailed, UsageError
from slimmer.exercise import until
from slimmer.exercise.drive import UNKNOWN, exercise
from slimmer.exercise.expectations import ReplayExpectations, replay_expectations
from slimmer.exercise.mode import LONGEST_WATCH, Replay
from slimmer.exercise.plan import ExercisePlan, Until
from slimmer.exercise.profile import AppProfile
from slimmer.exercise.result import ExerciseResult
from tests.unit.local_app import LocalApp, free_port
from tests.work import HANGING

WEB = "serve(); forever()"


def run(
    folder: Path,
    source: str,
    plan: ExercisePlan,
    expectations: ReplayExpectations | None = None,
    *,
    watched: bool = False,
    profile: AppProfile = UNKNOWN,
    heard: Callable[[str], object] = lambda line: None,
) -> tuple[ExerciseResult, list[str], float]:
    """Start the app, exercise it, kill it: also what was said, and how long it took. `heard` is called with each line."""
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        heard(line)

    started = time.monotonic()
    with LocalApp(folder, source, watched=watched) as app:
        exercised = exercise(app, plan, expectations, profile=profile, say=say)
    return exercised, said, time.monotonic() - started


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Standard input is a terminal; gives the end at which the user types."""
    user, ours = pty.openpty()
    with os.fdopen(ours, "r") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield user
    os.close(user)


def test_enter_ends_the_observation(tmp_path: Path, terminal: int) -> None:
    threading.Timer(1.0, os.write, (terminal, b"\n")).start()
    exercised, said, seconds = run(tmp_path, WEB, ExercisePlan(until=Until.ENTER))
    assert exercised.answers[0].status == 200 and 0.9 <= seconds < HANGING
    assert any("press Enter" in line for line in said)


def test_enter_ends_the_observation_of_a_worker(tmp_path: Path, terminal: int) -> None:
    threading.Timer(0.5, os.write, (terminal, b"\n")).start()
    exercised, _, seconds = run(tmp_path, "forever()", ExercisePlan(until=Until.ENTER))
    assert exercised.problems == () and 0.4 <= seconds < HANGING  # the timer began before the clock


def test_enter_without_a_terminal_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as null:
        monkeypatch.setattr(sys, "stdin", null)
        with pytest.raises(UsageError, match="not a terminal"):
            run(tmp_path, WEB, ExercisePlan(until=Until.ENTER))
    with pytest.raises(UsageError, match="not a terminal"):  # closed by now
        run(tmp_path, WEB, ExercisePlan(until=Until.ENTER))
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UsageError, match="not a terminal"):
        run(tmp_path, WEB, ExercisePlan(until=Until.ENTER))


def test_a_signal_ends_the_observation_and_its_handler_is_gone(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGUSR1)

    def heard(line: str) -> None:
        if f"kill -USR1 {os.getpid()}" in line:
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1)).start()

    exercised, _, seconds = run(tmp_path, WEB, ExercisePlan(until=Until.SIGNAL), heard=heard)
    assert exercised.answers[0].status == 200 and 0.3 <= seconds < HANGING
    assert signal.getsignal(signal.SIGUSR1) is before


def test_seconds_are_the_least_that_is_watched(tmp_path: Path) -> None:
    exercised, _, seconds = run(tmp_path, WEB, ExercisePlan(until=Until.SECONDS, seconds=1.5))
    assert exercised.answers[0].status == 200 and 1.5 <= seconds < HANGING


def test_a_port_that_opens_while_the_end_is_waited_for_is_exercised(tmp_path: Path) -> None:
    source = "serve(); time.sleep(1.0); serve(); forever()"
    assert len(run(tmp_path, source, ExercisePlan(until=Until.SECONDS, seconds=2.0))[0].http_ports) == 2


def test_a_worker_is_watched_until_it_is_quiet(tmp_path: Path) -> None:
    source = "for _ in range(3): time.sleep(0.5); print('news', flush=True)\nforever()"
    exercised, said, seconds = run(tmp_path, source, until_quiet(4.0), watched=True)
    assert (tmp_path / "app.log").read_text().count("news") == 3
    assert exercised.problems == exercised.warnings == () and 5.0 <= seconds < HANGING
    assert exercised.done_after >= 4.5, "for a replay to be watched as long"
    assert said == [], "the worker was quiet before anything was asked of it"


def test_a_server_is_watched_until_it_is_quiet_after_the_requests_and_new_ports_are_asked(tmp_path: Path) -> None:
    source = "serve(); time.sleep(1.0); print('news', flush=True); serve(); forever()"
    exercised, said, seconds = run(tmp_path, source, until_quiet(4.0), watched=True)
    assert len(exercised.http_ports) == 2 and 5.0 <= seconds < HANGING
    assert any("nothing new for 4 s, at most 600 s" in line for line in said)


def test_silence_before_the_last_request_does_not_count(tmp_path: Path) -> None:
    plan = replace(until_quiet(1.5), host_commands=("sleep 2",))
    assert run(tmp_path, WEB, plan, watched=True)[2] >= 3.5


def test_an_app_that_is_never_quiet_is_watched_for_a_limited_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(until, "LONGEST_UNTIL_QUIET", 1.0)
    source = "serve()\nwhile True: print('news', flush=True); time.sleep(0.05)"
    exercised, _, seconds = run(tmp_path, source, until_quiet(500.0), watched=True)
    assert exercised.warnings == (
        "the app still opened new files after 1 s, so the watch ended (--until quiet:500)",
    ) and 1.0 <= seconds < HANGING  # fmt: skip


def test_a_quiet_app_that_is_meant_to_listen_is_waited_for(tmp_path: Path) -> None:
    port = free_port()
    profile = AppProfile(expected_ports=(port,), own_command=True)
    exercised, _, _ = run(
        tmp_path, f"time.sleep(1.5); serve({port}); forever()", until_quiet(0.2), watched=True, profile=profile
    )
    assert exercised.http_ports == (port,)


@pytest.mark.parametrize(
    ("observed", "least"),
    [
        (ExerciseResult(ready_after=2.0, done_after=2.5, seconds=2.5), 2.5),
        (ExerciseResult(done_after=9999.0, seconds=9999.0), LONGEST_WATCH),
    ],
)
def test_a_replay_is_watched_as_long_as_the_quiet_original_was(observed: ExerciseResult, least: float) -> None:
    mode = Replay(until_quiet(1.0), False, replay_expectations(observed))
    assert mode.until is Until.PROBES
    assert (mode.patience() or 0.0) + mode.watched == least


def until_quiet(seconds: float) -> ExercisePlan:
    return ExercisePlan(until=Until.QUIET, seconds=seconds)


def test_a_server_that_dies_while_the_end_is_waited_for_has_crashed(tmp_path: Path) -> None:
    source = "serve(); threading.Timer(1.2, lambda: os._exit(0)).start(); forever()"
    with pytest.raises(AppFailed, match="code 0 while it was exercised"):
        run(tmp_path, source, ExercisePlan(until=Until.SECONDS, seconds=30.0))


def test_an_exit_that_fails_is_a_failure(tmp_path: Path) -> None:
    source = "serve(); threading.Timer(1.0, lambda: (print('lost', flush=True), os._exit(6))).start(); forever()"
    with pytest.raises(AppFailed, match=r"(?s)code 6.*lost"):
        run(tmp_path, source, ExercisePlan(until=Until.EXIT))


def test_commands_that_came_too_late_are_problems(tmp_path: Path) -> None:
    plan = ExercisePlan(until=Until.EXIT, exec_commands=(("true",),), host_commands=("true",))
    assert [("not run" in problem) for problem in run(tmp_path, "", plan)[0].problems] == [True, True]


@pytest.mark.parametrize("until", [Until.ENTER, Until.SIGNAL])
def test_a_replay_does_not_wait_for_the_user(tmp_path: Path, until: Until) -> None:
    plan, expectations = ExercisePlan(until=until, seconds=60.0), replay_expectations(ExerciseResult(seconds=60.0))
    exercised, _, seconds = run(tmp_path, WEB, plan, expectations)
    assert exercised.answers[0].status == 200 and seconds < HANGING


def test_a_replay_sees_what_an_app_does_by_itself_while_it_is_watched(tmp_path: Path) -> None:
    """It dies after a second: so does the slim image, maybe, though the original does not."""
    crash = "import os, threading\nthreading.Timer(1.0, os._exit, (7,)).start()\n" + WEB
    plan, expectations = (
        ExercisePlan(until=Until.SECONDS, seconds=3.0),
        replay_expectations(ExerciseResult(seconds=3.0, ports=(40001,))),
    )
    with pytest.raises(AppFailed, match="code 7"):
        run(tmp_path, crash, plan, expectations)


def test_a_replay_does_not_watch_for_ever() -> None:
    plan = ExercisePlan(until=Until.SECONDS, seconds=9999.0)
    assert Replay(plan, False, ReplayExpectations()).seconds == LONGEST_WATCH


def test_a_replay_waits_for_an_exit_no_longer_than_is_sensible(tmp_path: Path) -> None:
    plan, expectations = (
        ExercisePlan(until=Until.EXIT, ready_timeout=0.5),
        replay_expectations(ExerciseResult(seconds=0.01, exit_code=0)),
    )
    with pytest.raises(AppFailed, match=r"did not (exit|end)"):
        run(tmp_path, WEB, plan, expectations)
