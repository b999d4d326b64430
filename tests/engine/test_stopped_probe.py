"""An app that stops the probe's supervisor (SIGSTOP) is held at its own calls: the probe is named then, and not the app."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from slimmer.engine import images
from slimmer.engine.connection import Engine, connect
from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.errors import AppFailed, ObservationIncomplete
from slimmer.exercise.drive import exercise
from slimmer.exercise.plan import DEFAULT_REQUESTS, ExercisePlan
from slimmer.exercise.profile import AppProfile
from slimmer.exercise.request import Request
from slimmer.observe import probe_stream
from slimmer.probe_binary import probe_path
from slimmer.runs import watched as watched_module
from slimmer.runs.start import ask_identity, watched_run
from slimmer.runs.watched import WatchedRun

STOP = (Request("GET", "/stop"),)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, leftovers: None) -> None:
    monkeypatch.setattr(probe_stream, "QUIET", 0.2)
    monkeypatch.setattr(probe_stream, "PATIENCE", (0.5, 0.5))
    monkeypatch.setattr(probe_stream, "DRAIN_TIMEOUT", 1.0)
    monkeypatch.setattr(watched_module, "CLOSE_PATIENCE", 0.2)


@contextmanager
def watched(engine: Engine, image: str, recorder: str, *words: str) -> Iterator[WatchedRun]:
    options, probe = RunOptions(cmd=words), probe_path(engine.architecture)
    with EngineResources(engine) as scope:
        config = images.resolve(engine, image)
        identity = ask_identity(scope, config, options, probe)
        with watched_run(scope, config, options, probe, identity, recorder, "observed") as (run, _):
            yield run


EXPOSED = AppProfile(expected_ports=(8080,))


@contextmanager
def told() -> Iterator[None]:
    with pytest.raises(ObservationIncomplete, match="the probe does not answer") as caught:
        yield
    assert "--user" in caught.value.hint and caught.value.exit_code == 7


def test_before_it_is_ready(engine: Engine, unruly: str) -> None:
    with told(), watched(engine, unruly, "ptrace", "stop") as run:
        exercise(run, ExercisePlan(ready_timeout=1.0), profile=EXPOSED)


def test_between_two_requests(engine: Engine, unruly: str) -> None:
    plan = ExercisePlan(requests=STOP + DEFAULT_REQUESTS, explicit=True, request_timeout=1.0)
    with told(), watched(engine, unruly, "notify") as run:
        exercise(run, plan, profile=EXPOSED)


def test_while_a_command_of_the_users_runs(engine: Engine, unruly: str) -> None:
    plan = ExercisePlan(requests=STOP, request_timeout=1.0, exec_commands=(("/bin/unruly",),))
    with told(), watched(engine, unruly, "notify") as run:
        exercise(run, plan, profile=EXPOSED)


def test_by_a_command_that_stops_only_who_starts_commands(engine: Engine, unruly: str) -> None:
    plan = ExercisePlan(requests=(), exec_commands=(("/bin/unruly", "stop-starter"),))
    with told(), watched(engine, unruly, "notify") as run:
        exercise(run, plan, profile=EXPOSED)


def test_while_a_host_command_runs(engine: Engine, unruly: str) -> None:
    plan = ExercisePlan(requests=STOP, request_timeout=1.0, host_commands=("sleep 600",))
    with told(), watched(engine, unruly, "ptrace") as run:
        exercise(run, plan, profile=EXPOSED)


def test_when_it_is_over(engine: Engine, unruly: str) -> None:
    plan = ExercisePlan(requests=STOP, request_timeout=1.0)
    with told(), watched(engine, unruly, "notify") as run:
        exercise(run, plan, profile=EXPOSED)
        run.finish("", "", 1.0)


def test_when_the_app_is_asked_to_end(engine: Engine, unruly: str) -> None:
    with told(), watched(engine, unruly, "ptrace", "stop-at-end") as run:
        exercise(run, ExercisePlan(), profile=EXPOSED)
        run.finish("", "", 1.0)


def test_an_app_that_is_really_not_ready_is_still_to_blame(engine: Engine, unruly: str) -> None:
    with pytest.raises(AppFailed, match="not ready"), watched(engine, unruly, "auto") as run:
        exercise(run, ExercisePlan(ports=(9999,), ready_timeout=1.0))


PROGRAM = """
import sys
from slimmer.observe import probe_stream
from slimmer.runs import watched as watched_module
probe_stream.QUIET, probe_stream.PATIENCE = 0.5, (1.0, 1.0)
from slimmer.cli.main import run
run()
"""


def test_what_the_user_reads(unruly: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, "build", unruly, "--cmd", "stop", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 7, done.stderr
    assert "error: the probe does not answer" in done.stderr and "hint: " in done.stderr
    assert "not ready" not in done.stderr
