"""Nothing is lost in silence: who is killed, what comes all at once, what is taken back."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from slimmer.engine.connection import Engine
from slimmer.engine.labels import RUN_LABEL
from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources, remove_everything
from slimmer.errors import ObservationIncomplete
from slimmer.image.config import ImageConfig
from tests.engine.leftovers import left
from tests.engine.watching import RECORDERS, Bench, looked_at

DEATH_DEADLINE = 20.0
recorders = pytest.mark.parametrize("recorder", RECORDERS)


def trouble(*way: str) -> RunOptions:
    """Options of a run that has this trouble (images/probe/trouble.c)."""
    return RunOptions(cmd=("/bin/trouble", *way))


# ---------------------------------------------------------------------- somebody is killed


@pytest.mark.parametrize(
    ("way", "recorder"),
    [
        ("kill-supervisor", "notify"),
        ("kill-supervisor", "ptrace"),
        ("kill-everyone", "notify"),
        ("kill-supervisor", "bpf"),
    ],
)
def test_a_run_without_its_supervisor_ends_and_is_no_success(
    probes: Bench, scope: EngineResources, image: ImageConfig, way: str, recorder: str
) -> None:
    with probes.watched(scope, image, trouble(way), recorder) as watched, pytest.raises(ObservationIncomplete):
        watched.wait_for_end()
        watched.run.finish(image.image_id, "SIGTERM", 1.0)


@recorders
def test_the_supervisor_outlives_a_signal_to_everyone(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    ended = probes.watch(scope, image, trouble("terminate-everyone"), recorder)
    assert ended.code == 0
    assert "/etc/passwd" in looked_at(ended)


@recorders
def test_the_container_ends_with_a_slimmer_that_is_killed(engine: Engine, image: ImageConfig, recorder: str) -> None:
    """Also when the run's watcher is killed, as here: the supervisor notices."""
    command = (sys.executable, "-m", "tests.engine.probe.driver", image.image_id, recorder)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as driver:
        assert driver.stdout is not None
        run, _, container = driver.stdout.readline().strip().partition(" ")
        for watcher in psutil.Process(driver.pid).children():
            watcher.kill()
        driver.send_signal(signal.SIGKILL)
    try:
        assert container
        assert ends(engine, container)
    finally:
        remove_run(engine, run)
    assert left(engine, run) == []


def ends(engine: Engine, container: str) -> bool:
    """Whether a container ends by itself in time."""
    deadline = time.monotonic() + DEATH_DEADLINE
    while time.monotonic() < deadline:
        if not engine.api.inspect_container(container)["State"]["Running"]:
            return True
        time.sleep(0.05)
    return False


def remove_run(engine: Engine, run: str) -> None:
    """Remove what a killed run left."""
    mine = engine.api.containers(all=True, filters={"label": f"{RUN_LABEL}={run}"})
    tags = [tag for entry in engine.api.images() for tag in entry["RepoTags"] or () if run in tag]
    remove_everything(engine, [entry["Id"] for entry in mine], (), tags)


# ---------------------------------------------------------------------- losses


def test_a_flood_of_opens_is_recorded_or_the_run_fails(
    probes: Bench, scope: EngineResources, image: ImageConfig
) -> None:
    """fanotify's queue fills while the supervisor is stopped (16,384 events are the kernel's default)."""
    count = 17_000
    with probes.watched(scope, image, trouble("flood", str(count)), "fanotify") as watched:
        assert watched.wait_for_end() == 0
        try:
            log = watched.run.finish(image.image_id, "", 10.0)
        except ObservationIncomplete as error:
            assert "lost" in str(error)
        else:
            assert len({a.asked for a in log.accesses if a.asked.startswith("/tmp/flood-")}) == count


def test_what_overflows_the_buffer_of_bpf_makes_the_run_fail(
    probes: Bench, scope: EngineResources, image: ImageConfig
) -> None:
    """The buffer is a part of the container's memory, here 2 MB, and the supervisor is stopped."""
    options = dataclasses.replace(trouble("flood", "17000"), memory=48 << 20)
    with probes.watched(scope, image, options, "bpf") as watched:
        assert watched.wait_for_end() == 0
        with pytest.raises(ObservationIncomplete, match=r"lost [1-9]"):
            watched.run.finish(image.image_id, "", 10.0)


@pytest.mark.parametrize("recorder", ["notify", "ptrace", "bpf"])
def test_of_much_at_once_nothing_is_lost(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    """Four processes of four threads, each of which looks for 250 different files."""
    log = probes.watch(scope, image, trouble("storm"), recorder).log
    assert log is not None
    looked_for = [access.asked for access in log.accesses if access.asked.startswith("/storm/")]
    assert len(looked_for) == len(set(looked_for)) == 4000


@pytest.mark.parametrize("recorder", ["notify", "ptrace", "bpf"])
def test_looks_below_another_root_survive_renames(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    """openat2(2): EAGAIN where the kernel cannot tell that ".." stays below a root."""
    log = probes.watch(scope, image, trouble("other-root"), recorder).log
    assert log is not None
    missing = {access.asked for access in log.accesses if "/folder/../folder/../missing-" in access.asked}
    assert len(missing) == 3000
    assert all(path.startswith("/native/chroot/root/") for path in missing)


@pytest.mark.parametrize("recorder", ["notify", "ptrace", "bpf"])
def test_a_look_at_what_no_path_can_name_is_a_loss(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    """A relative path in a folder that lies deeper than PATH_MAX: the kernel does not tell where that is."""
    with probes.watched(scope, image, trouble("deep"), recorder) as watched:
        assert watched.wait_for_end() == 0
        with pytest.raises(ObservationIncomplete, match=r"unreadable [1-9]"):
            watched.run.finish(image.image_id, "", 10.0)
