"""What a killed slimmer leaves is recognised and removed; what a living one or somebody else made is not touched."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psutil
import pytest

from slimmer.engine import images, labels
from slimmer.engine.connection import Engine, connect
from slimmer.engine.labels import owner_of, owner_of_tag, temporary_tag, this_owner
from slimmer.engine.leftovers import Leftovers, find_leftovers, remove_leftovers
from tests.engine.names import OWN, identifier_of, untag

PROGRAM = """
import sys
from slimmer.engine import description, images
from slimmer.engine.connection import connect
from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.image.config import ImageConfig
from slimmer.probe_binary import probe_path

engine = connect()
scope = EngineResources(engine)
scope.lender.own(probe_path(engine.architecture))
scope.network("net")
scope.own_volumes(RunOptions(volumes=("slimmer-test-leftovers-none:/v",)), "x")
config = ImageConfig(image_id="", architecture="", os="linux")
app = scope.create(description.native(config, RunOptions(cmd=("sleep", "600")), "debian:bookworm-slim"), "app")
app.start()
images.tag(engine, "debian:bookworm-slim", scope.temporary_tag("candidate"))
print(scope.run, flush=True)
sys.stdin.read()
"""

pytestmark = pytest.mark.alone  # any other slimmer removes what a dead run left


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


@contextmanager
def other_slimmer() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Another process in the middle of a run, whose watcher was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        try:
            run = other.stdout.readline().strip()
            for watcher in psutil.Process(other.pid).children():
                watcher.kill()
            yield run, other
        finally:
            other.kill()


def of(engine: Engine, run: str, found: Leftovers) -> tuple[int, int, int, int]:
    """How many containers, volumes, images and networks of a run are among what was found."""
    containers = engine.api.containers(all=True, filters={"label": f"{labels.RUN_LABEL}={run}"})
    return (
        len({entry["Id"] for entry in containers} & set(found.containers)),
        len([name for name in found.volumes if run in name]),
        len([tag for tag in found.images if run in tag]),
        len([name for name in found.networks if run in name]),
    )


def test_a_killed_run_is_cleaned_up_and_a_living_one_is_not(engine: Engine) -> None:
    before = identifier_of(engine, "debian:bookworm-slim")
    with other_slimmer() as (killed, first), other_slimmer() as (living, second):
        assert killed and living
        assert of(engine, killed, find_leftovers(engine)) == (0, 0, 0, 0)
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert of(engine, killed, find_leftovers(engine)) == (2, 1, 2, 1)
        assert of(engine, living, find_leftovers(engine)) == (0, 0, 0, 0)
        removed = remove_leftovers(engine)
        assert len([tag for tag in removed.images if killed in tag]) == 2
        assert of(engine, killed, find_leftovers(engine)) == (0, 0, 0, 0)
        assert identifier_of(engine, temporary_tag(killed, "candidate")) is None
        second.kill()
        second.wait()
        assert of(engine, living, find_leftovers(engine)) == (2, 1, 2, 1)
        remove_leftovers(engine)
    assert not any(run in name for run in (killed, living) for name in names(engine))
    assert identifier_of(engine, "debian:bookworm-slim") == before


def names(engine: Engine) -> list[str]:
    """Names of everything in the engine."""
    containers = [name for entry in engine.api.containers(all=True) for name in entry["Names"]]
    volumes = [entry["Name"] for entry in engine.api.volumes()["Volumes"] or []]
    networks = [entry["Name"] for entry in engine.api.networks()]
    return containers + volumes + networks + [tag for entry in engine.api.images() for tag in entry["RepoTags"] or []]


def test_what_only_looks_like_ours_is_left_alone(engine: Engine) -> None:
    own = f"{OWN}-leftovers"
    engine.api.create_volume(own, labels={labels.RUN_LABEL: "x", labels.OWNER_LABEL: "somebody"})
    images.tag(engine, "debian:bookworm-slim", f"{labels.TEMPORARY}:mine")
    try:
        found = find_leftovers(engine, strangers=True)
        assert own not in found.volumes
        assert f"{labels.TEMPORARY}:mine" not in found.images
    finally:
        engine.api.remove_volume(own)
        untag(engine, f"{labels.TEMPORARY}:mine")


def test_a_container_of_an_image_that_claims_to_be_ours_is_left_alone(engine: Engine) -> None:
    """A container has its image's labels, too, and an image may be anybody's: here in the name of a run that is dead."""
    name = f"{OWN}-leftovers-claimed"
    dead = replace(this_owner(), started=1)
    wanted = {"Image": "debian:bookworm-slim", "Labels": {labels.RUN_LABEL: "0" * 12, labels.OWNER_LABEL: str(dead)}}
    made = engine.api.create_container_from_config(wanted, name)["Id"]
    try:
        assert dead.gone()
        assert made not in find_leftovers(engine, strangers=True).containers
    finally:
        engine.api.remove_container(made)


def test_another_machines_things_are_removed_only_on_request(engine: Engine) -> None:
    stranger, name = replace(this_owner(), host="elsewhere"), f"{OWN}-leftovers-stranger"
    engine.api.create_volume(name, labels={labels.RUN_LABEL: "x", labels.OWNER_LABEL: str(stranger)})
    try:
        assert name not in find_leftovers(engine).volumes
        assert name in find_leftovers(engine, strangers=True).volumes
    finally:
        engine.api.remove_volume(name)


def test_an_owner_is_told_from_a_later_process_of_the_same_number() -> None:
    here = this_owner()
    assert not here.gone()
    assert replace(here, started=here.started - 100_000).gone()
    assert replace(here, boot="another").gone()
    assert not replace(here, host="another", boot="another").gone()
    assert replace(here, host="another").gone_or_elsewhere()
    assert not here.gone_or_elsewhere()


def test_an_owner_can_be_read_from_its_marks() -> None:
    here = this_owner()
    assert owner_of(str(here)) == here
    assert owner_of_tag(temporary_tag("run", "with-a-dash")) == here
    assert len(temporary_tag("0" * 12, "candidate").partition(":")[2]) <= 128
    for text in ("", "a_b_c_d", "a_b_1", f"{here}_", "x" * 300):
        assert owner_of(text) is None
    assert owner_of_tag("debian:bookworm-slim") is None
