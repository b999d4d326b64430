"""200 requests at a time from a host command, under each recorder: every answer is right, and every file is in the log."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from slimmer.engine import images
from slimmer.engine.connection import Engine, connect
from slimmer.engine.options import RunOptions
from slimmer.exercise.drive import exercise
from slimmer.exercise.plan import ExercisePlan
from slimmer.exercise.profile import AppProfile
from slimmer.probe_binary import probe_path
from slimmer.runs.start import ask_identity, watched_run
from tests.engine.prompt import PromptResources
from tests.engine.unruly import FILES, PORT
from tests.engine.watching import RECORDERS

LOAD = Path(__file__).parent / "load.py"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


@pytest.mark.parametrize("recorder", RECORDERS)
def test_two_hundred_requests_at_a_time(engine: Engine, unruly: str, recorder: str) -> None:
    options, probe, config = RunOptions(), probe_path(engine.architecture), images.resolve(engine, unruly)
    profile = AppProfile(expected_ports=(PORT,))
    with PromptResources(engine) as scope:
        identity = ask_identity(scope, config, options, probe)
        with watched_run(scope, config, options, probe, identity, recorder, "observed") as (run, ports):
            exercise(run, ExercisePlan(), profile=profile)
            asked = 200 if ports.relayed else FILES  # a relayed connection costs the engine a command
            load = shlex.join([sys.executable, str(LOAD), str(asked)])
            loaded = exercise(run, ExercisePlan(http=False, host_commands=(load,)), profile=profile)
            log = run.finish(config.image_id, "", 10.0)
    assert (loaded.problems, loaded.outcomes[0].output) == ((), f"right: {asked}\n")
    assert log.lost == 0 and log.complete
    seen = {access.asked for access in log.accesses if access.asked.startswith("/data/")}
    assert seen == {f"/data/{number}" for number in range(asked)}
