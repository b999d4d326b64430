"""An app that listens on more ports than anyone can ask: the main one is exercised, and the user is told what was left out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from slimmer.engine import images
from slimmer.engine.connection import Engine, connect
from slimmer.engine.options import RunOptions
from slimmer.exercise import port_sweep
from slimmer.exercise.drive import exercise
from slimmer.exercise.expectations import replay_expectations
from slimmer.exercise.plan import ExercisePlan
from slimmer.exercise.port_sweep import MOST_PORTS
from slimmer.exercise.profile import AppProfile
from slimmer.probe_binary import probe_path
from slimmer.runs.start import ask_identity, native_run, watched_run
from tests.engine.prompt import PromptResources
from tests.engine.unruly import PORT


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


@pytest.mark.parametrize("manner", ["silent", "garbage"])
def test_two_thousand_ports(engine: Engine, unruly: str, manner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_sweep, "SILENCE", 0.5)
    monkeypatch.setattr(port_sweep, "KNOWN_SILENCE", 0.3)
    monkeypatch.setattr(port_sweep, "_head_start", lambda overtaken: 0.05)
    options, plan = RunOptions(cmd=("ports", "10000", "2000", manner)), ExercisePlan()
    probe, config = probe_path(engine.architecture), images.resolve(engine, unruly)
    with PromptResources(engine) as scope:
        identity = ask_identity(scope, config, options, probe)
        with watched_run(scope, config, options, probe, identity, "auto", "observed") as (run, _):
            while len(run.listening_ports()) < 2001:
                run.wait(1.0)
            observed = exercise(run, plan, profile=AppProfile(expected_ports=(PORT,)))
        listened = (*observed.ports, *range(10000, 12000))
        with native_run(scope, config, options, config.image_id, listened, probe, "again") as native:
            replayed = exercise(native, plan, replay_expectations(observed))
    for exercised in (observed, replayed):
        assert (exercised.http_ports, exercised.problems) == ((PORT,), ())
        assert [(answer.status, answer.body) for answer in exercised.answers] == [(200, b"a page\n")]
    assert set(observed.ports) <= set(replayed.ports)
    assert f"asked {MOST_PORTS} of 2,001 ports" in observed.warnings[0]
