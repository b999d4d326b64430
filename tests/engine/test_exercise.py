"""The exercise of real containers: the same plan under the probe and, replayed, without it, with the same result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slimmer.engine import images
from slimmer.engine.connection import Engine, connect
from slimmer.engine.options import RunOptions
from slimmer.errors import AppFailed
from slimmer.exercise.drive import UNKNOWN, exercise
from slimmer.exercise.expectations import replay_expectations
from slimmer.exercise.plan import ExercisePlan
from slimmer.exercise.probe_file import requests_from_file
from slimmer.exercise.profile import AppProfile
from slimmer.exercise.result import ExerciseResult
from slimmer.exercise.verdict import failure
from slimmer.probe_binary import probe_path
from slimmer.runs.start import ask_identity, native_run, watched_run
from tests.engine.prompt import PromptResources

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("leftovers")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


def both(
    engine: Engine, image: str, plan: ExercisePlan, options: RunOptions | None = None, profile: AppProfile = UNKNOWN
) -> tuple[ExerciseResult, ExerciseResult]:
    """Exercise an image under the probe, and the same image again as a user would run it."""
    options = options or RunOptions()
    with PromptResources(engine) as scope:
        config, probe = images.resolve(engine, image), probe_path(engine.architecture)
        identity = ask_identity(scope, config, options, probe)
        with watched_run(scope, config, options, probe, identity, "auto", "observed") as (run, _):
            observed = exercise(run, plan, profile=profile)
        with native_run(scope, config, options, config.image_id, observed.ports, None, "again") as native:
            return observed, exercise(native, plan, replay_expectations(observed))


def test_a_web_app_with_its_probe_file_and_host_commands(engine: Engine, sample: Callable[[str], str]) -> None:
    plan = ExercisePlan(
        requests=requests_from_file(ROOT / "sample_apps/flask/probes.yaml"),
        explicit=True,
        host_commands=('test "$($SLIMMER_EXEC id -un)" = "$($SLIMMER_EXEC sh -c "id -un")" && $SLIMMER_EXEC id -un',),
    )
    observed, replayed = both(engine, sample("flask"), plan, profile=AppProfile(expected_ports=(8000,)))
    assert failure(observed) is None and failure(replayed) is None
    assert observed.http_ports == replayed.http_ports == (8000,)
    assert [(a.status, a.content_type, a.digest) for a in observed.answers] == [
        (a.status, a.content_type, a.digest) for a in replayed.answers
    ]
    user = observed.outcomes[0].output.strip()
    assert user not in ("", "root") and replayed.outcomes[0].output.strip() == user


def test_a_server_that_speaks_no_http_and_its_commands(engine: Engine, sample: Callable[[str], str]) -> None:
    plan = ExercisePlan(
        exec_commands=(("redis-cli", "set", "a", "b"), ("redis-cli", "get", "a")),
    )
    profile = AppProfile(expected_ports=(6379,), healthcheck=("redis-cli", "ping"))
    observed, replayed = both(engine, sample("redis"), plan, profile=profile)
    assert failure(observed) is None and failure(replayed) is None
    assert (observed.ports, observed.http_ports) == (replayed.ports, replayed.http_ports) == ((6379,), ())
    assert [outcome.output.split() for outcome in observed.outcomes] == [["OK"], ["b"], ["PONG"]]
    assert [outcome.output.split() for outcome in replayed.outcomes] == [["OK"], ["b"]]


def test_a_command_runs_to_its_end(engine: Engine, sample: Callable[[str], str]) -> None:
    observed, replayed = both(engine, sample("flask"), ExercisePlan(), RunOptions(entrypoint=("python3", "--version")))
    assert (observed.exit_code, observed.ports) == (replayed.exit_code, replayed.ports) == (0, ())


def test_a_command_that_fails_shows_what_it_said(engine: Engine, sample: Callable[[str], str]) -> None:
    options = RunOptions(entrypoint=("sh", "-c", "echo no database >&2; exit 7"))
    with pytest.raises(AppFailed, match=r"(?s)code 7.*no database"):
        both(engine, sample("flask"), ExercisePlan(), options)


CRASHING = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print("out of luck", flush=True)
        os._exit(9)
http.server.HTTPServer(("", 8000), Handler).serve_forever()
"""


def test_an_app_that_crashes_while_it_is_exercised(engine: Engine, sample: Callable[[str], str]) -> None:
    with pytest.raises(AppFailed, match=r"(?s)code 9 while port 8000 was exercised.*out of luck"):
        both(engine, sample("flask"), ExercisePlan(), RunOptions(entrypoint=("python3", "-c", CRASHING)))
