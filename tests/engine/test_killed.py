"""A slimmer that is killed takes everything of its run with it: no later run is needed for that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import psutil
import pytest

from slimmer.engine import images
from slimmer.engine.connection import Engine, connect
from slimmer.engine.labels import labels, name_of, temporary_tag
from tests.engine.command import slimmer
from tests.engine.integration_app import SLIM
from tests.engine.leftovers import left
from tests.engine.names import OWN
from tests.engine.soak import is_watcher, owned, points, runs, soak
from tests.engine.test_interrupts import STAGES, running, watched

POINTS = 8
"""The builds that are ended; `make soak` ends many more."""

DEADLINE = 60.0
POLL = 0.02
LATE = 1.5
BASE = "debian:bookworm-slim"


def test_slimmer_killed_at_any_point_leaves_nothing(
    road: str, engine: docker.DockerClient, tmp_path: Path, leftovers: None
) -> None:
    ended = list(soak(engine, tmp_path / "soak", points(1, POINTS)))
    assert [f"{one.point}: {', '.join(one.faults)}\n{one.said}" for one in ended if one.faults] == []
    assert sum(one.code == -signal.SIGKILL for one in ended) > POINTS / 3


def happens(what: Callable[[], object]) -> bool:
    """Whether it comes true in time."""
    end = time.monotonic() + DEADLINE
    while not what() and time.monotonic() < end:
        time.sleep(POLL)
    return bool(what())


def watcher_of(pid: int) -> psutil.Process:
    """The watcher of a slimmer that runs."""
    assert happens(lambda: any(map(is_watcher, psutil.Process(pid).children())))
    return next(child for child in psutil.Process(pid).children() if is_watcher(child))


@pytest.mark.parametrize("purpose", ["observed", "slim", "replay"])
def test_apps_end_with_it(
    purpose: str, road: str, engine: docker.DockerClient, tmp_path: Path, leftovers: None
) -> None:
    """Also while it verifies, where no supervisor is there to notice; and commands on this machine."""
    with running(road, "--tag", SLIM, "--out", tmp_path / "out", "--exercise", "sleep 600 & sleep 1") as build:
        watched(engine, build.process.pid, purpose)
        build.process.kill()
        build.end()
        assert happens(lambda: not owned(engine, build.process.pid)), owned(engine, build.process.pid)
    assert not (tmp_path / "out").exists()


def test_a_kill_of_the_whole_process_group_does_not_reach_the_watcher(
    road: str, engine: docker.DockerClient, tmp_path: Path, leftovers: None
) -> None:
    command = [sys.executable, "-m", "slimmer", "build", road, "--out", str(tmp_path / "out"), "--until", "signal"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as build:
        watched(engine, build.pid)
        watcher = watcher_of(build.pid)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            watcher.send_signal(number)
        os.killpg(build.pid, signal.SIGKILL)
        build.wait()
        assert happens(lambda: not owned(engine, build.pid)), owned(engine, build.pid)


def test_who_reads_what_it_says_does_not_wait_for_the_watcher(
    road: str, engine: docker.DockerClient, tmp_path: Path, leftovers: None
) -> None:
    with running(road, "--out", tmp_path / "out", "--until", "signal") as build:
        watched(engine, build.process.pid)
        watcher = watcher_of(build.process.pid)
        watcher.suspend()
        build.process.kill()
        build.end()  # stderr is at its end
        assert build.process.stdout is not None
        assert build.process.stdout.read() == ""
        assert owned(engine, build.process.pid)
        watcher.resume()
        assert happens(lambda: not owned(engine, build.process.pid))


# ---------------------------------------------------------------------- one run and its watcher

PROGRAM = """
import sys
from slimmer.engine import description
from slimmer.engine.connection import connect
from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.image.config import ImageConfig

with EngineResources(connect()) as scope:
    config = ImageConfig(image_id="", architecture="", os="linux")
    app = scope.create(description.native(config, RunOptions(cmd=("sleep", "600")), "debian:bookworm-slim"), "app")
    app.start()
    with scope.making():
        print(scope.run, flush=True)
        sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def connection() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


@contextmanager
def run_of_its_own() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another slimmer, in the middle of a run, that is about to make something; and the run's name."""
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        try:
            yield other, other.stdout.readline().strip()
        finally:
            other.kill()


def test_what_the_engine_makes_after_the_kill_goes_and_another_runs_things_stay(connection: Engine) -> None:
    with run_of_its_own() as (killed, first), run_of_its_own() as (living, second):
        watcher = watcher_of(killed.pid)
        killed.kill()
        killed.wait()
        assert happens(lambda: not left(connection, first))
        time.sleep(LATE)
        late = {"Image": BASE, "Cmd": ["sleep", "600"], "Labels": labels(first)}
        connection.api.start(connection.api.create_container_from_config(late, name_of(first, "late"))["Id"])
        connection.api.create_volume(name_of(first, "late"), labels=labels(first))
        connection.api.create_network(name_of(first, "late"), labels=labels(first))
        images.tag(connection, BASE, temporary_tag(first, "late"))
        assert happens(lambda: not left(connection, first))
        assert len(left(connection, second)) == 1
        assert runs(watcher), "it looks for more"
        watcher.kill()
        assert living.poll() is None
        living.communicate("\n", timeout=DEADLINE)
        assert left(connection, second) == []


def test_what_only_has_the_runs_label_is_left_alone(connection: Engine) -> None:
    """An image can carry any label, and its containers, whoever's, have it, too."""
    with run_of_its_own() as (killed, run):
        watcher = watcher_of(killed.pid)
        container = connection.api.create_container_from_config(
            {"Image": BASE, "Labels": labels(run)}, f"{OWN}-killed"
        )["Id"]
        try:
            killed.kill()
            killed.wait()
            assert happens(lambda: left(connection, run) == [f"/{OWN}-killed"])
            time.sleep(LATE)
            assert left(connection, run) == [f"/{OWN}-killed"]
        finally:
            watcher.kill()
            connection.api.remove_container(container)


def test_after_a_normal_end_there_is_no_watcher(connection: Engine) -> None:
    with run_of_its_own() as (other, _):
        watcher = watcher_of(other.pid)
        out, _ = other.communicate("\n", timeout=DEADLINE)
        assert (other.returncode, out) == (0, "")
        assert not runs(watcher)


FIRST_PROCESS = """
from slimmer.engine.connection import connect
from slimmer.engine.labels import labels, name_of, new_run
from slimmer.engine.lifeline import Lifeline
engine, run = connect(), new_run()
lifeline = Lifeline(run, engine.settings)
engine.api.create_volume(name_of(run, "late"), labels=labels(run))
print(run)
lifeline.abandon()
"""
"""A slimmer that has no time to remove a volume, and leaves it to its watcher."""


@pytest.mark.skipif(os.geteuid() != 0, reason="it needs a namespace of its own")
def test_a_container_does_not_end_before_the_watcher_of_its_first_process(connection: Engine) -> None:
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", FIRST_PROCESS]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout.strip()
    assert run and left(connection, run) == []


@pytest.mark.parametrize("end", [psutil.Process.suspend, psutil.Process.kill])
def test_a_watcher_that_was_stopped_or_killed_does_not_keep_slimmer_from_its_end(
    end: Callable[[psutil.Process], None], connection: Engine
) -> None:
    with run_of_its_own() as (other, run):
        watcher = watcher_of(other.pid)
        end(watcher)
        other.communicate("\n", timeout=DEADLINE)
        assert other.returncode == 0
        assert left(connection, run) == []
        assert not runs(watcher)


def test_artifacts_of_an_earlier_build_survive(
    road: str, engine: docker.DockerClient, tmp_path: Path, leftovers: None
) -> None:
    out = tmp_path / "out"
    assert slimmer("build", road, "--tag", SLIM, "--out", out, "--no-verify").returncode == 0
    good = {path.name: path.read_bytes() for path in out.iterdir()}
    with running(road, "--tag", SLIM, "--out", out, "--probe", "/file/srv/first") as build:
        build.wait_for(STAGES["verify"])
        build.process.kill()
        build.end()
        assert happens(lambda: len(list(out.iterdir())) == len(good)), list(out.iterdir())
        assert {path.name: path.read_bytes() for path in out.iterdir()} == good
        assert happens(lambda: not owned(engine, build.process.pid))
    engine.images.remove(SLIM)
