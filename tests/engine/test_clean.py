"""`slimmer clean` removes what dead runs left, says what that was, and touches nothing else."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from slimmer.engine import labels
from slimmer.engine.connection import Engine, connect
from slimmer.engine.labels import this_owner
from tests.engine.command import slimmer
from tests.engine.names import OWN, identifier_of
from tests.engine.test_leftovers import names, other_slimmer

pytestmark = pytest.mark.alone  # `slimmer clean` removes what any dead run left


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


def lines(*arguments: str) -> list[str]:
    """What `slimmer clean` lists; it must succeed."""
    result = slimmer("clean", *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def kinds(listed: list[str], run: str, containers: set[str]) -> dict[str, int]:
    """How many of each kind are a run's: containers by ID, the rest by name."""
    mine = [line for line in listed if run in line or line.removeprefix("container ") in containers]
    return {
        kind: len([line for line in mine if line.startswith(kind)])
        for kind in ("container", "volume", "network", "image")
    }


def containers_of(engine: Engine, run: str) -> set[str]:
    return {c["Id"] for c in engine.api.containers(all=True, filters={"label": f"{labels.RUN_LABEL}={run}"})}


def test_what_a_killed_run_left_is_listed_and_then_removed(engine: Engine) -> None:
    base = identifier_of(engine, "debian:bookworm-slim")
    with other_slimmer() as (killed, first), other_slimmer() as (living, second):
        first.send_signal(signal.SIGKILL)
        first.wait()
        containers = containers_of(engine, killed)
        everything = {"container": 2, "volume": 1, "network": 1, "image": 2}
        assert kinds(lines("--dry-run"), killed, containers) == everything
        assert len(containers_of(engine, killed)) == 2, "a dry run removes nothing"
        removed = lines()
        assert kinds(removed, killed, containers) == everything
        assert not any(killed in name for name in names(engine))
        assert len(containers_of(engine, living)) == 2
        assert not any(living in line for line in removed)
        second.kill()
        second.wait()
        lines("--quiet")
    assert not any(living in name for name in names(engine))
    assert identifier_of(engine, "debian:bookworm-slim") == base


@contextmanager
def volume(engine: Engine, name: str, owner: str) -> Iterator[str]:
    engine.api.create_volume(name, labels={labels.RUN_LABEL: "x", labels.OWNER_LABEL: owner})
    try:
        yield name
    finally:
        if any(entry["Name"] == name for entry in engine.api.volumes()["Volumes"] or []):
            engine.api.remove_volume(name)


def test_strangers_things_are_removed_only_with_all(engine: Engine) -> None:
    stranger = str(replace(this_owner(), host="elsewhere"))
    with volume(engine, f"{OWN}-clean-stranger", stranger) as name:
        assert f"volume {name}" not in lines()
        assert f"volume {name}" in lines("--all", "--dry-run")
        assert name in names(engine)


def test_what_cannot_be_removed_is_an_error_and_is_named(engine: Engine) -> None:
    dead = str(replace(this_owner(), started=1))
    with volume(engine, f"{OWN}-clean-held", dead) as name:
        holder = engine.api.create_container(
            "debian:bookworm-slim", ["true"], host_config=engine.api.create_host_config(binds=[f"{name}:/v"])
        )
        try:
            result = slimmer("clean")
        finally:
            engine.api.remove_container(holder["Id"])
        assert result.returncode == 4
        assert f"volume {name}" in result.stderr
        assert f"volume {name}" not in result.stdout
        assert f"volume {name}" in lines()
    assert name not in names(engine)


def test_no_engine_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    result = slimmer("clean")
    assert (result.returncode, result.stdout) == (4, "")
    assert "no container engine answers" in result.stderr
